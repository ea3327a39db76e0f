package handlers

import (
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

const ledgerID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

// moment is a Sunday's midnight, in milliseconds since 1970.
const moment = 1_772_323_200_000

// performanceEvent and driftEvent are what producers write.
type performanceEvent struct {
	ModelID      string            `avro:"model_id"`
	MAPChange    *float64          `avro:"mAP_change"`
	Timestamp    int64             `avro:"timestamp"`
	EventID      *string           `avro:"event_id"`
	ModelVersion *string           `avro:"model_version"`
	Method       *string           `avro:"method"`
	Value        *float64          `avro:"value"`
	SampleSize   *int64            `avro:"sample_size"`
	WindowStart  *int64            `avro:"window_start"`
	WindowEnd    *int64            `avro:"window_end"`
	DataRef      *string           `avro:"data_ref"`
	Labels       map[string]string `avro:"labels"`
}

type driftEvent struct {
	StreamID     *string           `avro:"stream_id"`
	ModelID      *string           `avro:"model_id"`
	PValue       *float64          `avro:"p_value"`
	KLDivergence *float64          `avro:"kl_divergence"`
	Timestamp    int64             `avro:"timestamp"`
	EventID      *string           `avro:"event_id"`
	ModelVersion *string           `avro:"model_version"`
	Method       *string           `avro:"method"`
	Value        *float64          `avro:"value"`
	SampleSize   *int64            `avro:"sample_size"`
	WindowStart  *int64            `avro:"window_start"`
	WindowEnd    *int64            `avro:"window_end"`
	DataRef      *string           `avro:"data_ref"`
	Labels       map[string]string `avro:"labels"`
}

var (
	performanceCodec = schemas.MustCodec[performanceEvent]("PerformanceEvent")
	driftCodec       = schemas.MustCodec[driftEvent]("DriftEvent")
)

func encoded[T any](t testing.TB, codec *schemas.Codec[T], v *T) []byte {
	t.Helper()
	value, err := codec.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func decoded[T any](t testing.TB, codec *schemas.Codec[T], value []byte) *T {
	t.Helper()
	v := new(T)
	if err := codec.Decode(value, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// policy is a policy of the grammar as its entry.
func policy(t testing.TB, text string) (entry []byte, r record.Revision) {
	t.Helper()
	p, err := retrain.ParsePolicy([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	if entry, err = PolicyValue(p, ledgerID, "test"); err != nil {
		t.Fatal(err)
	}
	return entry, record.Revision{Number: p.Revision, Value: entry}
}

// world is one partition of events, its ledger and what came out.
type world struct {
	t      testing.TB
	events *Events
	ledger *Ledger
	offset map[string]int64
	out    []record.Output // of the ledger
}

func newWorld(t testing.TB, events *Events, policyText string) *world {
	t.Helper()
	entry, revision := policy(t, policyText)
	w := &world{t: t, events: events, ledger: NewLedger(Settings{App: "retrain"}), offset: map[string]int64{}}
	if err := events.Use(revision); err != nil {
		t.Fatal(err)
	}
	w.append(moment, entry)
	return w
}

func (w *world) record(topic string, at int64, value []byte) *record.Record {
	r := &record.Record{Topic: topic, Offset: w.offset[topic], Time: at, Value: value}
	w.offset[topic]++
	return r
}

// append puts an entry into the ledger and folds it.
func (w *world) append(at int64, value []byte) {
	w.t.Helper()
	var err error
	if w.out, err = w.ledger.Fold(w.record("retrain.ledger", at, value), w.out); err != nil {
		w.t.Fatal(err)
	}
}

// send has an event observed, and its alerts folded in the ledger 5 ms later.
func (w *world) send(topic string, at int64, value []byte) {
	w.t.Helper()
	alerts, err := w.events.Fold(w.record(topic, at, value), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range alerts {
		w.append(at+5, a.Value)
	}
}

// take gives the outputs to a topic since the last take of it.
func (w *world) take(topic string) []record.Output {
	var found, rest []record.Output
	for _, o := range w.out {
		if o.Topic == topic {
			found = append(found, o)
		} else {
			rest = append(rest, o)
		}
	}
	w.out = rest
	return found
}

func TestADropOfQualityBecomesOneSoftCommand(t *testing.T) {
	w := newWorld(t, NewPerformance(Settings{App: "retrain"}), `{"defaults":{"cooldown":"2s"}}`)
	drop := func(id *string) []byte {
		return encoded(t, performanceCodec, &performanceEvent{
			ModelID: "object_detection/v5.4", MAPChange: new(-0.12), Timestamp: moment + 1000, EventID: id})
	}
	w.send("monitoring.performance", moment+1000, drop(nil))

	for _, o := range w.out {
		if o.Topic != "retrain.policy" && string(o.Key) != "object_detection" {
			t.Errorf("a record of %s has the key %q", o.Topic, o.Key)
		}
	}
	commands := w.take("retrain.commands")
	if len(commands) != 1 || string(commands[0].Key) != "object_detection" {
		t.Fatalf("commands: %v", commands)
	}
	c := decoded(t, CommandCodec, commands[0].Value)
	if c.Action != retrain.SoftRetrain || *c.BaseVersion != "v5.4" || c.Model != "object_detection" {
		t.Errorf("command: %+v", c)
	}
	decisions := w.take("retrain.decisions")
	if len(decisions) != 1 {
		t.Fatalf("%d decisions", len(decisions))
	}
	if d := decoded(t, DecisionCodec, decisions[0].Value); d.Action != retrain.SoftRetrain || d.Reason != retrain.ReasonAlert || *d.CommandID != c.CommandID {
		t.Errorf("decision: %+v", d)
	}
	headers := map[string]string{}
	for _, h := range commands[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	if headers["ce_id"] != c.CommandID || headers["ce_subject"] != "object_detection" || headers["ce_source"] != "/retrainer/retrain" ||
		headers["ce_type"] != "io.visutility.retrain.command.v1" || headers["ce_time"] != "2026-03-01T00:00:01.005Z" ||
		headers["ce_specversion"] != "1.0" || headers["content-type"] != "application/avro" {
		t.Errorf("headers: %v", headers)
	}

	w.send("monitoring.performance", moment+2000, drop(nil))
	w.send("monitoring.performance", moment+2500, drop(new("again")))
	if more := append(w.take("retrain.commands"), w.take("retrain.decisions")...); len(more) > 0 {
		t.Errorf("said again: %d", len(more))
	}

	w.append(moment+3000, encoded(t, ProgressCodec, &retrain.Progress{CommandID: c.CommandID, Kind: retrain.Succeeded, At: moment}))
	results := w.take("retrain.results")
	if len(results) != 1 || string(results[0].Key) != "object_detection" {
		t.Fatalf("results: %v", results)
	}
	if r := decoded(t, ResultCodec, results[0].Value); r.State != retrain.ResultSucceeded || *r.NewVersion != "v5.5" {
		t.Errorf("result: %+v", r)
	}
	models := w.take("retrain.models")
	if m := decoded(t, ModelCodec, models[len(models)-1].Value); *m.Latest != "v5.5" || *m.Versions[0].Parent != "v5.4" {
		t.Errorf("model: %+v", m)
	}
	if d := decoded(t, DecisionCodec, w.take("retrain.decisions")[0].Value); d.Action != retrain.NoAction || d.Reason != retrain.ReasonQuiet {
		t.Errorf("decision: %+v", d)
	}
	if got := string(w.take("retrain.policy")[0].Key); got != "1" {
		t.Errorf("key of the policy: %q", got)
	}
	if d := w.ledger.Deadline(); d != moment+5000 {
		t.Errorf("deadline %d: the cool-down's end is due", d)
	}
}
