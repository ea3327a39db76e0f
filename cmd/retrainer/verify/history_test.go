package verify

import (
	"context"
	"io"
	"strconv"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/consumer/wire"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

const start = 1_772_323_200_000 // 2026-03-01T00:00:00Z

// history is a ledger and what came of it, as a true serve leaves them.
type history struct {
	ledger []*record.Record
	topics map[string][][]*record.Record // by partition, without those that are not kept
	cut    map[string]int                // how many partitions of a topic, from the first, have lost their beginning
}

var codecs = struct {
	alert    *schemas.Codec[retrain.Alert]
	progress *schemas.Codec[retrain.Progress]
	decision *schemas.Codec[retrain.Decision]
	command  *schemas.Codec[retrain.Command]
	model    *schemas.Codec[retrain.Model]
	policy   *schemas.Codec[retrain.PolicyEntry]
}{
	schemas.MustCodec[retrain.Alert]("Alert"), schemas.MustCodec[retrain.Progress]("Progress"), schemas.MustCodec[retrain.Decision]("Decision"),
	schemas.MustCodec[retrain.Command]("Command"), schemas.MustCodec[retrain.Model]("Model"), schemas.MustCodec[retrain.PolicyEntry]("Policy"),
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// lived is the history of some models: asked for, trained, failed, refused, trained late.
func lived(models, rounds int) *history {
	h := &history{topics: map[string][][]*record.Record{}, cut: map[string]int{}}
	for topic, n := range map[string]int{"retrain.decisions": 1, "retrain.commands": 8, "retrain.results": 1, "retrain.models": 1, "retrain.policy": 1} {
		h.topics[topic] = make([][]*record.Record, n)
	}
	fold := handlers.NewLedger(handlers.Settings{App: "retrain"})
	at, open := int64(start), map[string]string{} // the last command, by model
	enter := func(value []byte) {
		at += 1000
		r := &record.Record{Topic: "retrain.ledger", Offset: int64(2 * len(h.ledger)), Time: at, Value: value}
		h.ledger = append(h.ledger, r)
		for _, o := range must(fold.Fold(r, nil)) {
			if o.Topic == "retrain.commands" {
				c := new(retrain.Command)
				must(0, codecs.command.Decode(o.Value, c))
				open[c.Model] = c.CommandID
			}
			h.put(&o)
		}
	}
	policy := must(retrain.ParsePolicy([]byte(`{"revision":1,"defaults":{"cooldown":"2s"}}`), ""))
	enter(must(handlers.PolicyValue(policy, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "ada")))
	for i := range rounds {
		for m := range models {
			name := "model-" + strconv.Itoa(m)
			ask := &retrain.Request{RequestID: "r", Verb: retrain.Trigger, Model: name, Action: new(retrain.FullRetrain), Create: true, Author: "ada", At: at}
			enter(must(handlers.RequestValue(ask)))
			enter(must(handlers.RequestValue(ask))) // refused: in flight
			enter(must(codecs.alert.Append(nil, &retrain.Alert{State: retrain.Firing, AlertID: "a" + strconv.Itoa(i), Model: &name, ModelVersion: new("v1"), On: retrain.OnPerformance,
				RuleID: "f3bb9437215d", Rule: "drop", Action: retrain.SoftRetrain, Field: "mAP_change", Value: new(-0.2), Level: new(-0.05), Since: new(at), EventID: "e", EventTime: at,
				Topic: "monitoring.performance", Offset: int64(i)})))
			p := &retrain.Progress{CommandID: open[name], Kind: retrain.Failed, At: at, Metrics: map[string]float64{"mAP": 0.5}}
			enter(must(codecs.progress.Append(nil, p)))
			p.Kind = retrain.Succeeded // late
			enter(must(codecs.progress.Append(nil, p)))
		}
	}
	return h
}

// put writes an output where it belongs; between any two records of a partition lies the offset of a marker.
func (h *history) put(o *record.Output) {
	parts := h.topics[o.Topic]
	p := wire.PartitionFor(o.Key, int32(len(parts)))
	offset := int64(0)
	if n := len(parts[p]); n > 0 {
		offset = parts[p][n-1].Offset + 2
	}
	parts[p] = append(parts[p], &record.Record{Topic: o.Topic, Partition: p, Offset: offset, Time: start, Key: o.Key, Value: o.Value, Headers: o.Headers})
}

// all are the records of a topic, partition by partition.
func (h *history) all(topic string) (all []*record.Record) {
	for _, p := range h.topics[topic] {
		all = append(all, p...)
	}
	return all
}

// remove takes a record out, as if it had never been written.
func (h *history) remove(gone *record.Record) {
	p := &h.topics[gone.Topic][gone.Partition]
	for i, r := range *p {
		if r == gone {
			*p = append((*p)[:i:i], (*p)[i+1:]...)
			return
		}
	}
}

// after puts a record behind another.
func (h *history) after(there *record.Record, r record.Record) {
	p := &h.topics[there.Topic][there.Partition]
	for i, x := range *p {
		if x == there {
			r.Partition, r.Offset = there.Partition, there.Offset+1
			*p = append((*p)[:i+1:i+1], append([]*record.Record{&r}, (*p)[i+1:]...)...)
			return
		}
	}
}

// alter changes a value.
func alter[T any](codec *schemas.Codec[T], r *record.Record, do func(v *T)) {
	v := new(T)
	must(0, codec.Decode(r.Value, v))
	do(v)
	r.Value = must(codec.Append(nil, v))
}

// slice is a partition in memory.
type slice struct {
	rest []*record.Record
	read *int // of all partitions
}

func (s *slice) Next(context.Context) (*record.Record, error) {
	if len(s.rest) == 0 {
		return nil, io.EOF
	}
	r := s.rest[0]
	s.rest = s.rest[1:]
	*s.read++
	return r, nil
}

// check verifies a history of which the entries below an offset are certain.
func (h *history) check(t *testing.T, certain int64) (*Check, error) {
	t.Helper()
	read := 0
	topic := func(name string) Topic {
		x := Topic{Name: name}
		for i, p := range h.topics[name] {
			x.Partitions = append(x.Partitions, Partition{Source: &slice{p, &read}, Cut: i < h.cut[name]})
		}
		return x
	}
	find := func(_ context.Context, topic string, visit func(r *record.Record) bool) error {
		for _, r := range h.all(topic) {
			if !visit(r) {
				return nil
			}
		}
		return nil
	}
	topics := &Topics{topic("retrain.decisions"), topic("retrain.commands"), topic("retrain.results"), topic("retrain.models"), topic("retrain.policy")}
	c, err := New(t.Context(), "retrain", topics, find)
	if err != nil {
		return c, err
	}
	tables := read
	for _, r := range h.ledger {
		if err := c.Entry(t.Context(), r, r.Offset < certain); err != nil {
			return c, err
		}
		taken := c.Counts("retrain.decisions").Equal + c.Counts("retrain.commands").Equal + c.Counts("retrain.results").Equal
		if ahead := read - tables - taken; ahead > 10 { // partitions
			t.Fatalf("%d records are held at once", ahead)
		}
	}
	return c, c.End(t.Context())
}
