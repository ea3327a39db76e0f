package verify

import (
	"fmt"

	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// kind is what must be known of one type of record.
type kind struct {
	noun string
	// read gives what names the record among its like, and its value without the explanation, which any build may word anew.
	read func(value []byte) (id string, plain []byte, err error)
	// describe says for people which record it is.
	describe func(value []byte) string
}

func newKind[T any](noun, schema string, id func(v *T) string, mute func(v *T), describe func(v *T) string) *kind {
	codec := schemas.MustCodec[T](schema)
	return &kind{
		noun: noun,
		read: func(value []byte) (string, []byte, error) {
			v := new(T)
			if err := codec.Decode(value, v); err != nil {
				return "", nil, err
			}
			mute(v)
			plain, err := codec.Append(nil, v)
			return id(v), plain, err
		},
		describe: func(value []byte) string {
			v := new(T)
			if err := codec.Decode(value, v); err != nil {
				return err.Error()
			}
			return describe(v)
		},
	}
}

// The types of records that the ledger gives. Immutable.
var (
	decisions = newKind("decision", "Decision",
		func(v *retrain.Decision) string { return v.DecisionID },
		func(v *retrain.Decision) { v.Explanation = "" },
		func(v *retrain.Decision) string {
			return fmt.Sprintf("decision %d on %s, %s (%s), of %s, id %s", v.DecisionNumber, v.Model, v.Action, v.Reason, retrain.Clock(v.DecidedAt), v.DecisionID)
		})
	commands = newKind("command", "Command",
		func(v *retrain.Command) string { return v.CommandID },
		func(v *retrain.Command) { v.Explanation = "" },
		func(v *retrain.Command) string {
			return fmt.Sprintf("command for a %s retrain of %s, of %s, id %s", v.Action, v.Model, retrain.Clock(v.IssuedAt), v.CommandID)
		})
	// A command that failed or expired may succeed late: it has a second result then, in another state.
	results = newKind("result", "Result",
		func(v *retrain.Result) string { return v.CommandID + " " + string(v.State) },
		func(*retrain.Result) {},
		func(v *retrain.Result) string {
			return fmt.Sprintf("result %s of command %s for %s, of %s", v.State, v.CommandID, v.Model, retrain.Clock(v.FinishedAt))
		})
	models = newKind("model", "Model",
		func(v *retrain.Model) string { return v.Name },
		func(*retrain.Model) {},
		func(v *retrain.Model) string {
			return fmt.Sprintf("model %s as of %s", v.Name, retrain.Clock(v.UpdatedAt))
		})
	policies = newKind("policy", "Policy",
		func(v *retrain.PolicyEntry) string { return fmt.Sprint(v.Revision) },
		func(*retrain.PolicyEntry) {},
		func(v *retrain.PolicyEntry) string { return fmt.Sprintf("policy of revision %d", v.Revision) })
)
