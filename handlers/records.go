package handlers

import (
	"fmt"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// How each record is written and read, here and wherever records of ours are looked at. Immutable.
var (
	policyCodec   = schemas.MustCodec[retrain.PolicyEntry]("Policy")
	AlertCodec    = schemas.MustCodec[retrain.Alert]("Alert")
	ProgressCodec = schemas.MustCodec[retrain.Progress]("Progress")
	requestCodec  = schemas.MustCodec[retrain.Request]("Request")
	tickCodec     = schemas.MustCodec[retrain.Tick]("Tick")
	CommandCodec  = schemas.MustCodec[retrain.Command]("Command")
	DecisionCodec = schemas.MustCodec[retrain.Decision]("Decision")
	ResultCodec   = schemas.MustCodec[retrain.Result]("Result")
	ModelCodec    = schemas.MustCodec[retrain.Model]("Model")
)

// TickValue is the value of a Tick for the ledger.
func TickValue() []byte {
	value, err := tickCodec.Append(nil, &retrain.Tick{})
	if err != nil {
		panic(err) // it has no fields
	}
	return value
}

// PolicyValue is the value of a Policy for the ledger: what serve proposes.
func PolicyValue(p *retrain.Policy, ledgerID, author string) ([]byte, error) {
	return policyCodec.Append(nil, &retrain.PolicyEntry{
		Revision: p.Revision, Policy: p.Canonical(), LedgerID: ledgerID, Author: author,
	})
}

// RequestValue is the value of a Request for the requests topic.
func RequestValue(r *retrain.Request) ([]byte, error) { return requestCodec.Append(nil, r) }

// DecodePolicy reads the value of a Policy record, as it stands in the ledger and in the policy topic.
func DecodePolicy(value []byte) (*retrain.PolicyEntry, error) {
	e := new(retrain.PolicyEntry)
	if err := policyCodec.Decode(value, e); err != nil {
		return nil, fmt.Errorf("a Policy record: %w", err)
	}
	return e, nil
}

// policyOf reads the policy of a revision.
func policyOf(r record.Revision) (*retrain.Policy, error) {
	e, err := DecodePolicy(r.Value)
	if err != nil {
		return nil, fmt.Errorf("policy revision %d: %w", r.Number, err)
	}
	p, err := retrain.ReadPolicy(e.Policy)
	if err != nil {
		return nil, fmt.Errorf("policy revision %d: %w: %w", r.Number, retrain.ErrPolicyUnreadable, err)
	}
	p.Revision = r.Number
	return p, nil
}
