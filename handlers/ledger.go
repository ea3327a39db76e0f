package handlers

import (
	"fmt"
	"strconv"
	"time"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// Ledger folds the ledger: its controller's outputs go to the topics of commands, decisions, results, models and policies.
type Ledger struct {
	settings   Settings
	controller *retrain.Controller
	outputs    []retrain.Output // of the entry that is being folded
}

// NewLedger folds a ledger from its start, or from what is restored.
func NewLedger(s Settings) *Ledger {
	return &Ledger{settings: s, controller: retrain.NewController()}
}

// Fold takes an entry. A value that is no entry stops the process: a ledger with a hole would decide otherwise.
func (h *Ledger) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	entry, err := decodeEntry(r.Value)
	if err != nil {
		return out, fmt.Errorf("the record in the ledger is no entry that this build knows, so it cannot go on; "+
			"was it written by a later build or by another program? %w", err)
	}
	if h.outputs, err = h.controller.Step(r.Time, entry, h.outputs[:0]); err != nil {
		return out, err
	}
	for _, o := range h.outputs {
		published, err := h.encode(o)
		if err != nil {
			return out, err
		}
		out = append(out, published)
	}
	return out, nil
}

// Pass cannot leave an entry out: every later decision may rest on it.
func (h *Ledger) Pass(_ *record.Record, out []record.Output) ([]record.Output, error) {
	return out, fmt.Errorf("an entry of the ledger cannot be passed over")
}

// Deadline is the ledger time at which the controller wants a Tick; 0: none.
func (h *Ledger) Deadline() int64 { return h.controller.Deadline() }

// Counts are the entries so far that changed nothing.
func (h *Ledger) Counts() retrain.Counts { return h.controller.Counts() }

// Restore gives back one key of the checkpoint.
func (h *Ledger) Restore(key, value []byte) error { return h.controller.Restore(key, value) }

// Snapshot gives the keys of the checkpoint that have changed, or all.
func (h *Ledger) Snapshot(all bool, put func(key, value []byte)) { h.controller.Snapshot(all, put) }

// decodeEntry reads a value of the ledger by its schema.
func decodeEntry(value []byte) (retrain.Entry, error) {
	fingerprint, _, err := schemas.SplitHeader(value)
	if err != nil {
		return nil, err
	}
	switch fingerprint {
	case AlertCodec.Schema().Fingerprint():
		e := new(retrain.Alert)
		return e, AlertCodec.Decode(value, e)
	case tickCodec.Schema().Fingerprint():
		e := new(retrain.Tick)
		return e, tickCodec.Decode(value, e)
	case ProgressCodec.Schema().Fingerprint():
		e := new(retrain.Progress)
		return e, ProgressCodec.Decode(value, e)
	case requestCodec.Schema().Fingerprint():
		e := new(retrain.Request)
		return e, requestCodec.Decode(value, e)
	case policyCodec.Schema().Fingerprint():
		e := new(retrain.PolicyEntry)
		return e, policyCodec.Decode(value, e)
	}
	return nil, &schemas.UnknownSchemaError{Fingerprint: fingerprint}
}

// encode puts an output where it belongs.
func (h *Ledger) encode(o retrain.Output) (p record.Output, err error) {
	var topic, key string
	switch o := o.(type) {
	case *retrain.PolicyEntry:
		topic, key = policyTopic, strconv.Itoa(int(o.Revision))
		p.Value, err = policyCodec.Append(nil, o)
	case *retrain.Decision:
		topic, key = decisionsTopic, o.Model
		p.Value, err = DecisionCodec.Append(nil, o)
	case *retrain.Command:
		topic, key = commandsTopic, o.Model
		p.Value, err = CommandCodec.Append(nil, o)
		p.Headers = h.cloudEvent(o.CommandID, "command", o.Model, o.IssuedAt)
	case *retrain.Result:
		topic, key = resultsTopic, o.Model
		p.Value, err = ResultCodec.Append(nil, o)
		p.Headers = h.cloudEvent(o.CommandID, "result", o.Model, o.FinishedAt)
	case *retrain.Model:
		topic, key = modelsTopic, o.Name
		p.Value, err = ModelCodec.Append(nil, o)
	}
	if err != nil {
		return p, fmt.Errorf("writing to %s%s: %w", h.settings.App, topic, err)
	}
	p.Topic, p.Key = h.settings.App+topic, []byte(key)
	p.Value = h.settings.SchemaIDs.Frame(p.Topic, p.Value)
	return p, nil
}

// cloudEvent are the headers of CloudEvents 1.0 in Kafka's binary mode, for what trainers read.
func (h *Ledger) cloudEvent(id, kind, model string, at int64) []record.Header {
	return []record.Header{
		{Key: "ce_specversion", Value: []byte("1.0")},
		{Key: "ce_id", Value: []byte(id)},
		{Key: "ce_type", Value: []byte("io.visutility.retrain." + kind + ".v1")},
		{Key: "ce_source", Value: []byte("/retrainer/" + h.settings.App)},
		{Key: "ce_subject", Value: []byte(model)},
		{Key: "ce_time", Value: []byte(time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z"))},
		{Key: "content-type", Value: []byte("application/avro")},
	}
}
