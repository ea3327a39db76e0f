package handlers

import (
	"errors"
	"strings"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// writtenBy is a value in Confluent's framing by a schema.
func writtenBy(t testing.TB, id uint32, schema, object string) []byte {
	t.Helper()
	s, err := schemas.Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	value, err := s.FromJSON(schemas.AppendConfluentHeader(nil, id), []byte(object))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// supplied folds a record, giving the schema that is needed once.
func supplied(t *testing.T, h record.Supplied, r *record.Record, schema string) ([]record.Output, error) {
	t.Helper()
	out, err := h.Fold(r, nil)
	var needs *record.Needs
	if !errors.As(err, &needs) || len(out) > 0 {
		t.Fatalf("%d outputs, %v; expected that it needs a schema", len(out), err)
	}
	h.Supply(needs.Schema, schema)
	return h.Fold(r, nil)
}

// One event, as producers write it: whatever the shape, the same alert fires.
func TestAnEventOfAnyWritersSchemaIsTheSame(t *testing.T) {
	_, revision := policy(t, `{"observe":[{"on":"drift","rules":[{"threshold":{"of":"p_value","below":0.6},"action":"full"}]}]}`)
	const head = `{"type":"record","name":"`
	for name, x := range map[string]struct{ schema, object string }{
		"required":          {head + `acme.Drift","fields":[{"name":"stream_id","type":"string"},{"name":"p_value","type":"double"},{"name":"timestamp","type":"long"}]}`, `{"stream_id":"s","p_value":0.5,"timestamp":1764000000000}`},
		"reordered":         {head + `D","fields":[{"name":"timestamp","type":"long"},{"name":"p_value","type":["double","null"]},{"name":"stream_id","type":["null","string"]}]}`, `{"stream_id":"s","p_value":0.5,"timestamp":1764000000000}`},
		"promoted":          {head + `D","fields":[{"name":"p_value","type":"float"},{"name":"stream_id","type":"bytes"},{"name":"sample_size","type":"int"},{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-micros"}}]}`, `{"stream_id":"cw==","p_value":0.5,"sample_size":7,"timestamp":"2025-11-24T16:00:00Z"}`},
		"with more":         {head + `D","fields":[{"name":"extra","type":{"type":"array","items":["null",{"type":"map","values":"int"}]}},{"name":"stream_id","type":"string"},{"name":"p_value","type":"double"},{"name":"timestamp","type":"long"},{"name":"why","type":["null",{"type":"record","name":"W","fields":[{"name":"x","type":["null","int"]}]}]}]}`, `{"extra":[],"stream_id":"s","p_value":0.5,"timestamp":1764000000000,"why":{"x":3}}`},
		"symbols for texts": {head + `D","fields":[{"name":"stream_id","type":{"type":"enum","name":"S","symbols":["r","s"]}},{"name":"p_value","type":"double"},{"name":"timestamp","type":"long"}]}`, `{"stream_id":"s","p_value":0.5,"timestamp":1764000000000}`},
	} {
		t.Run(name, func(t *testing.T) {
			h := NewDrift(Settings{App: "retrain", Registry: true})
			if err := h.Use(revision); err != nil {
				t.Fatal(err)
			}
			value := writtenBy(t, 7, x.schema, x.object)
			out, err := supplied(t, h, &record.Record{Topic: "d", Time: 1764000000000, Value: value}, x.schema)
			if err != nil || len(out) != 1 {
				t.Fatalf("%d outputs, %v", len(out), err)
			}
			a := decoded(t, AlertCodec, out[0].Value)
			if *a.Stream != "s" || *a.Value != 0.5 || a.EventTime != 1764000000000 {
				t.Errorf("%+v", a)
			}
			header := &record.Record{Topic: "d", Offset: 1, Time: 1764000000000, Value: value[5:], Headers: []record.Header{{Key: "a"}, {Key: schemas.SchemaIDHeader, Value: value[:5]}}}
			if _, err := h.Fold(header, nil); err != nil {
				t.Errorf("in the header form: %v", err)
			}
		})
	}
}

func TestASchemaThatGivesNoEventIsSaidOfItsRecords(t *testing.T) {
	_, revision := policy(t, `{}`)
	for name, x := range map[string]struct{ schema, reason, message string }{
		"no timestamp": {`{"type":"record","name":"D","fields":[{"name":"p_value","type":"double"}]}`, "schema_incompatible", "timestamp"},
		"a number that is text": {`{"type":"record","name":"D","fields":[{"name":"timestamp","type":"long"},{"name":"p_value","type":"string"}]}`,
			"schema_incompatible", "p_value"},
		"no schema": {`{`, "schema_incompatible", "not JSON"},
	} {
		h := NewDrift(Settings{App: "retrain", Registry: true})
		if err := h.Use(revision); err != nil {
			t.Fatal(err)
		}
		before := keysOf(h)
		_, err := supplied(t, h, &record.Record{Topic: "d", Time: moment, Value: []byte{0, 0, 0, 0, 7, 1}}, x.schema)
		var dead *record.Dead
		if !errors.As(err, &dead) || dead.Reason != x.reason || dead.SchemaID != "7" || !strings.Contains(dead.Message, x.message) {
			t.Errorf("%s: %v", name, err)
		}
		if got := keysOf(h); before == got {
			t.Errorf("%s: the time of the record was not taken", name)
		}
	}
}

// A record that waits for its schema has no effect, not even that its time has passed: it is folded again.
func TestARecordThatNeedsASchemaHasNoEffect(t *testing.T) {
	_, revision := policy(t, `{"source_ttl":"1h"}`)
	h := NewPerformance(Settings{App: "retrain", Registry: true})
	if err := h.Use(revision); err != nil {
		t.Fatal(err)
	}
	breach := encoded(t, performanceCodec, &performanceEvent{ModelID: "m/v1", MAPChange: new(-0.1), Timestamp: moment})
	if out, err := h.Fold(&record.Record{Topic: "p", Time: moment, Value: breach}, nil); err != nil || len(out) != 1 {
		t.Fatalf("%d outputs, %v", len(out), err)
	}
	before := keysOf(h)
	out, err := h.Fold(&record.Record{Topic: "p", Offset: 1, Time: moment + 9_000_000, Value: []byte{0, 0, 0, 0, 7, 1}}, nil)
	if !errors.As(err, new(*record.Needs)) || len(out) != 0 || keysOf(h) != before {
		t.Errorf("%d outputs, %v, or the state changed", len(out), err)
	}
}

func TestProgressOfATrainersOwnSchemaIsForwarded(t *testing.T) {
	const schema = `{"type":"record","name":"Mine","fields":[{"name":"metrics","type":{"type":"map","values":["null","float","long"]}},
		{"name":"kind","type":"string"},{"name":"retryable","type":"boolean"},{"name":"step","type":"int"},
		{"name":"best_params","type":["null",{"type":"map","values":"string"}]},{"name":"command_id","type":"string"}]}`
	h := NewProgress(Settings{App: "retrain", Registry: true})
	fold := func(id uint32, object string) ([]record.Output, error) {
		r := &record.Record{Topic: "p", Time: moment, Value: writtenBy(t, id, schema, object)}
		out, err := h.Fold(r, nil)
		if errors.As(err, new(*record.Needs)) {
			return supplied(t, h, r, schema)
		}
		return out, err
	}
	out, err := fold(3, `{"metrics":{"mAP":0.5,"none":null},"kind":"succeeded","retryable":true,"step":4,"best_params":{"lr":"0.1"},"command_id":"c"}`)
	if err != nil || len(out) != 1 {
		t.Fatalf("%d outputs, %v", len(out), err)
	}
	p := decoded(t, ProgressCodec, out[0].Value)
	if p.CommandID != "c" || p.Kind != retrain.Succeeded || p.Metrics["mAP"] != 0.5 || len(p.Metrics) > 1 || p.BestParams["lr"] != "0.1" ||
		p.Retryable == nil || !*p.Retryable || *p.Step != 4 || p.NewVersion != nil || p.Total != nil {
		t.Errorf("%+v", p)
	}
	if _, err := fold(3, `{"metrics":{},"kind":"odd","retryable":false,"step":4,"best_params":null,"command_id":"c"}`); err == nil || !strings.Contains(err.Error(), "unknown_kind") {
		t.Errorf("an unknown kind: %v", err)
	}
}

func TestBareEventsAreReadByTheirFile(t *testing.T) {
	s, err := schemas.Parse(`{"type":"record","name":"B","fields":[{"name":"model_id","type":"string"},{"name":"mAP_change","type":"double"},{"name":"timestamp","type":"long"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	_, revision := policy(t, `{}`)
	h := NewPerformance(Settings{App: "retrain", Bare: s})
	if err := h.Use(revision); err != nil {
		t.Fatal(err)
	}
	value, err := s.FromJSON(nil, []byte(`{"model_id":"m/v1","mAP_change":-0.2,"timestamp":1764000000000}`))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := h.Fold(&record.Record{Topic: "p", Time: moment, Value: value}, nil); err != nil || len(out) != 1 {
		t.Errorf("%d outputs, %v", len(out), err)
	}
	if _, err := h.Fold(&record.Record{Topic: "p", Time: moment, Value: value[1:]}, nil); err == nil || !strings.Contains(err.Error(), "malformed") {
		t.Errorf("%v", err)
	}
}

func TestAnEventByARegistrysSchemaAllocatesNothing(t *testing.T) {
	const schema = `{"type":"record","name":"B","fields":[{"name":"mAP_change","type":"double"},{"name":"model_id","type":"string"},{"name":"timestamp","type":"long"}]}`
	_, revision := policy(t, `{}`)
	h := NewPerformance(Settings{App: "retrain", Registry: true})
	if err := h.Use(revision); err != nil {
		t.Fatal(err)
	}
	r := &record.Record{Topic: "p", Time: moment, Value: writtenBy(t, 7, schema, `{"model_id":"m/v1","mAP_change":0.1,"timestamp":1764000000000}`)}
	if _, err := supplied(t, h, r, schema); err != nil {
		t.Fatal(err)
	}
	out := make([]record.Output, 0, 4)
	if n := testing.AllocsPerRun(100, func() {
		r.Offset++
		if _, err := h.Fold(r, out); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}
