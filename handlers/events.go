package handlers

import (
	"fmt"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// Events folds one partition of events into alerts, which go to the ledger. NewDrift and NewPerformance make it.
type Events struct {
	settings  Settings
	projector *schemas.Projector
	sources   *retrain.Sources
	counts    [deadLetter + 1]int64 // by outcome

	// Of the record that is being folded.
	values []schemas.Value
	event  retrain.Event
	origin retrain.Origin
	alerts []*retrain.Alert
}

func newEvents(s Settings, topic retrain.On, wants []schemas.Want) *Events {
	return &Events{
		settings: s, projector: schemas.NewProjector(wants, schemas.Writers{Registry: s.Registry, Bare: s.Bare}), sources: retrain.NewSources(topic),
		values: make([]schemas.Value, len(wants)),
	}
}

// Fold takes an event. A record that is none is refused with a *record.Dead; that its time has passed stands all the same.
// One whose schema is needed first has no effect.
func (h *Events) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	dead, needs := h.read(r)
	if needs != nil {
		return out, needs
	}
	h.alerts = h.sources.Pass(r.Time, h.alerts[:0])
	if dead != nil {
		out, err := h.publish(out)
		if err != nil {
			return out, err
		}
		h.counts[deadLetter]++
		return out, dead
	}
	h.origin = retrain.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Time}
	var outcome retrain.Outcome
	h.alerts, outcome = h.sources.Fold(&h.origin, &h.event, h.alerts)
	h.counts[outcome]++
	return h.publish(out)
}

// Pass takes only the time of a record that Fold is known to panic on: a dead letter.
func (h *Events) Pass(r *record.Record, out []record.Output) ([]record.Output, error) {
	h.counts[deadLetter]++
	h.alerts = h.sources.Pass(r.Time, h.alerts[:0])
	return h.publish(out)
}

// Read is the event of a record as Fold takes it, until the next is read; nil: it cannot be used, or its schema is needed first.
func (h *Events) Read(r *record.Record) *retrain.Event {
	if dead, needs := h.read(r); dead != nil || needs != nil {
		return nil
	}
	return &h.event
}

// read makes the event of a record, or says why there is none. Where several reasons hold, the first in their order.
func (h *Events) read(r *record.Record) (*record.Dead, *record.Needs) {
	if r.Value == nil {
		return tombstone(), nil
	}
	program, ref, err := h.projector.Project(r.Value, SchemaIDHeader(r), h.values)
	if err != nil {
		return undecodable(ref, err)
	}
	if most := h.settings.maxEventBytes(); len(r.Value) > most {
		return oversized(ref, len(r.Value), most), nil
	}
	h.take(program)
	if bad := h.event.Check(); bad != nil {
		return refused(ref, bad), nil
	}
	return nil, nil
}

// Supply gives a schema that Fold needed.
func (h *Events) Supply(schema, text string) { supply(h.projector, schema, text) }

// take copies the wanted fields into the event. Its texts stay in the record.
func (h *Events) take(program *schemas.Program) {
	v := h.values
	h.event = retrain.Event{
		Stream: text(&v[schemas.EventStreamID]), ModelID: text(&v[schemas.EventModelID]), EventID: text(&v[schemas.EventID]),
		ModelVersion: text(&v[schemas.EventModelVersion]), Method: text(&v[schemas.EventMethod]),
		DataRef: text(&v[schemas.EventDataRef]),
		PValue:  number(&v[schemas.EventPValue]), KLDivergence: number(&v[schemas.EventKLDivergence]),
		MAPChange: number(&v[schemas.EventMAPChange]), Value: number(&v[schemas.EventValue]),
		Timestamp: v[schemas.EventTimestamp].Int, SampleSize: whole(&v[schemas.EventSampleSize]),
		WindowStart: whole(&v[schemas.EventWindowStart]), WindowEnd: whole(&v[schemas.EventWindowEnd]),
	}
	if v[schemas.EventLabels].Set && h.event.EventID == nil { // only then do they tell the event from its redelivery
		h.event.Labels = 1 // none, but not missing
		labels := program.Entries(schemas.EventLabels, v[schemas.EventLabels])
		for name, value, ok := labels.Next(); ok; name, value, ok = labels.Next() {
			h.event.Labels = retrain.MarkLabel(h.event.Labels, name, text(&value))
		}
	}
}

// text is nil for a missing one, and not nil for an empty one.
func text(v *schemas.Value) []byte {
	if !v.Set {
		return nil
	}
	if v.Bytes == nil {
		return []byte{}
	}
	return v.Bytes
}

func number(v *schemas.Value) retrain.Number { return retrain.Number{V: v.Float, OK: v.Set} }
func whole(v *schemas.Value) retrain.Whole   { return retrain.Whole{V: v.Int, OK: v.Set} }

// publish sends the alerts of this record to the ledger.
func (h *Events) publish(out []record.Output) ([]record.Output, error) {
	for _, a := range h.alerts {
		value, err := AlertCodec.Append(nil, a)
		if err != nil {
			return out, fmt.Errorf("alert %s: %w", a.AlertID, err)
		}
		out = append(out, record.Output{Topic: h.settings.App + ledgerTopic, Value: value})
	}
	return out, nil
}

// Use sets the policy in force, before the first record.
func (h *Events) Use(r record.Revision) error {
	p, err := policyOf(r)
	if err != nil {
		return err
	}
	return h.sources.Use(p)
}

// Switch goes over to a policy of a greater revision: alerts of rules that it does not give any more end.
func (h *Events) Switch(r record.Revision, out []record.Output) ([]record.Output, error) {
	p, err := policyOf(r)
	if err != nil {
		return out, err
	}
	h.alerts = h.sources.Switch(p, h.alerts[:0])
	return h.publish(out)
}

// Restore gives back one key of the checkpoint.
func (h *Events) Restore(key, value []byte) error { return h.sources.Restore(key, value) }

// Snapshot gives the keys of the checkpoint that have changed, or all.
func (h *Events) Snapshot(all bool, put func(key, value []byte)) { h.sources.Snapshot(all, put) }
