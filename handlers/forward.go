package handlers

import (
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// Forward validates the records of a topic and forwards them to the ledger, where their order among all others is made. It
// has no state. NewProgress and NewRequests make it.
type Forward struct {
	settings Settings
	entry    func(value []byte) ([]byte, *record.Dead, error) // what the ledger gets of a value
}

// forward writes the record anew, so that the ledger holds bytes of this build alone.
func forward[T any](codec *schemas.Codec[T], check func(*T) *retrain.Invalid) func([]byte) ([]byte, *record.Dead, error) {
	return func(value []byte) ([]byte, *record.Dead, error) {
		v := new(T)
		if err := codec.Decode(value, v); err != nil {
			return nil, undecodable(value, err), nil
		}
		if bad := check(v); bad != nil {
			return nil, refused(value, bad), nil
		}
		entry, err := codec.Append(nil, v)
		return entry, nil, err
	}
}

// Fold forwards a record, or refuses it with a *record.Dead.
func (h *Forward) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	if r.Value == nil {
		return out, tombstone()
	}
	value, dead, err := h.entry(r.Value)
	switch {
	case err != nil:
		return out, err
	case dead != nil:
		return out, dead
	}
	return append(out, record.Output{Topic: h.settings.App + ledgerTopic, Value: value}), nil
}

// Pass does nothing: a record is on its own.
func (h *Forward) Pass(_ *record.Record, out []record.Output) ([]record.Output, error) {
	return out, nil
}

// Restore takes whatever a checkpoint has, for there is nothing to restore.
func (h *Forward) Restore(_, _ []byte) error { return nil }

// Snapshot gives nothing.
func (h *Forward) Snapshot(bool, func(key, value []byte)) {}
