package handlers

import (
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// Forward validates the records of a topic and forwards them to the ledger, where their order among all others is made. It
// has no state. NewProgress and NewRequests make it.
type Forward struct {
	settings  Settings
	projector *schemas.Projector
	values    []schemas.Value
	entry     func(program *schemas.Program, v []schemas.Value) ([]byte, *retrain.Invalid, error) // what the ledger gets of a record
}

// newForward forwards what read makes of the wanted fields, if check has nothing against it.
func newForward[T any](s Settings, wants []schemas.Want, codec *schemas.Codec[T],
	read func(*schemas.Program, []schemas.Value) *T, check func(*T) *retrain.Invalid) *Forward {
	return &Forward{settings: s, projector: schemas.NewProjector(wants, schemas.Writers{Registry: s.Registry}), values: make([]schemas.Value, len(wants)),
		entry: func(program *schemas.Program, values []schemas.Value) ([]byte, *retrain.Invalid, error) {
			v := read(program, values)
			if bad := check(v); bad != nil {
				return nil, bad, nil
			}
			entry, err := codec.Append(nil, v) // anew, so that the ledger holds bytes of this build alone
			return entry, nil, err
		}}
}

// Fold forwards a record, or refuses it with a *record.Dead.
func (h *Forward) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	if r.Value == nil {
		return out, tombstone()
	}
	program, ref, err := h.projector.Project(r.Value, SchemaIDHeader(r), h.values)
	if err != nil {
		dead, needs := undecodable(ref, err)
		if needs != nil {
			return out, needs
		}
		return out, dead
	}
	entry, bad, err := h.entry(program, h.values)
	switch {
	case err != nil:
		return out, err
	case bad != nil:
		return out, refused(ref, bad)
	}
	return append(out, record.Output{Topic: h.settings.App + ledgerTopic, Value: entry}), nil
}

// Supply gives a schema that Fold needed.
func (h *Forward) Supply(schema, text string) { supply(h.projector, schema, text) }

// Pass does nothing: a record is on its own.
func (h *Forward) Pass(_ *record.Record, out []record.Output) ([]record.Output, error) {
	return out, nil
}

// Restore takes whatever a checkpoint has, for there is nothing to restore.
func (h *Forward) Restore(_, _ []byte) error { return nil }

// Snapshot gives nothing.
func (h *Forward) Snapshot(bool, func(key, value []byte)) {}

// The values of fields as the records of retrain have them: what is missing is nil.

func textOf(v *schemas.Value) *string {
	if !v.Set {
		return nil
	}
	return new(string(v.Bytes))
}

func wholeOf(v *schemas.Value) *int64 {
	if !v.Set {
		return nil
	}
	return new(v.Int)
}

func boolOf(v *schemas.Value) *bool {
	if !v.Set {
		return nil
	}
	return new(v.Int == 1)
}

// entriesOf reads a map; an entry that is null is none.
func entriesOf[T any](program *schemas.Program, values []schemas.Value, slot int, value func(schemas.Value) T) map[string]T {
	if !values[slot].Set {
		return nil
	}
	n := 0
	for e := program.Entries(slot, values[slot]); ; n++ {
		if _, _, ok := e.Next(); !ok {
			break
		}
	}
	m := make(map[string]T, n) // it need not grow, which would take more memory than the map does
	entries := program.Entries(slot, values[slot])
	for key, v, ok := entries.Next(); ok; key, v, ok = entries.Next() {
		if v.Set {
			m[string(key)] = value(v)
		}
	}
	return m
}
