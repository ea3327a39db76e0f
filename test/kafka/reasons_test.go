//go:build kafka

package kafka

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Ids that the registry does not have: asked for a minute before the record is a dead letter.
const missingID = 999_999

var missingGUID = guid(888_888)

// Where what stops a task for a while is written; all other partitions go on meanwhile.
const (
	panicPartition   = 5 // of performance
	missingGUIDAt    = 6 // of drift
	missingIDAt      = 7 // of drift
	unseenPartition  = 0 // of drift: needs a schema while the registry is away
	plantedPanic     = "panic at this record"
	mostBytesOfEvent = 20_000
)

// buildWithAPanic builds the program with a handler that panics on certain records: none of its own does.
func buildWithAPanic(t testing.TB, dir string) string {
	t.Helper()
	const file, fold = "handlers/events.go", "\tdead, needs := h.read(r)\n"
	text, err := os.ReadFile(filepath.Join(top, file))
	if err != nil || !strings.Contains(string(text), fold) {
		t.Fatalf("%v, or %s folds otherwise than this test believes", err, file)
	}
	root, err := filepath.Abs(top)
	if err != nil {
		t.Fatal(err)
	}
	planted := fmt.Sprintf("\tif len(r.Value) > 0 && string(r.Key) == %q { panic(\"planted\") }\n", plantedPanic)
	for name, content := range map[string]string{
		"planted.go":   strings.Replace(string(text), fold, planted+fold, 1),
		"overlay.json": fmt.Sprintf("{\"Replace\":{%q:%q}}", filepath.Join(root, file), filepath.Join(dir, "planted.go")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return build(t, dir, "./cmd/retrainer", "-overlay", filepath.Join(dir, "overlay.json"))
}

// notRead are records that cannot be read; each is a dead letter.
func (m *mixed) notRead() []*written {
	id := func(name string) string { return fmt.Sprint(m.ids[name]) }
	valid := driftWriters[0].write(m.check("none"))
	own := ownDrift.write(m.check("none"))
	header := func(value []byte, named ...byte) *kgo.Record {
		return &kgo.Record{Value: value, Headers: []kgo.RecordHeader{{Key: "__value_schema_id", Value: named}}}
	}
	value := func(b ...[]byte) *kgo.Record { return &kgo.Record{Value: cat(b...)} }
	reordered := func(b ...[]byte) *kgo.Record { return value(prefixed(m.ids["reordered"], cat(b...))) }
	at := long(m.check("none").at)
	return []*written{
		m.bad("tombstone", driftTopic, &kgo.Record{}, "", "no value"),
		m.bad("tombstone", performanceTopic, header(nil, 7, 7), "", "no value"),
		m.bad("framing", driftTopic, value([]byte("no Avro at all")), "", "known are"),
		m.bad("framing", driftTopic, &kgo.Record{Value: []byte{}}, "", "empty"),
		m.bad("framing", performanceTopic, value([]byte(`{"model_id":"m"}`)), "", "JSON"),
		m.bad("framing", driftTopic, value([]byte{0xc3, 1, 5}), "", "single-object"),
		m.bad("framing", driftTopic, value([]byte{0, 0, 0, 0, 0, 0, 0, 0, 5}, valid), "0", "wrong wire setting"),
		m.bad("framing", driftTopic, value([]byte{0, 0, 1}), "", "Confluent"),
		m.bad("framing", driftTopic, header(valid, 'x', 'y'), "", "__value_schema_id"),
		m.bad("framing", driftTopic, header(valid, 0, 0, 0, 0, 0), "0", "wrong wire setting"),
		m.bad("schema_unknown", driftTopic, value([]byte{0xc3, 1, 1, 2, 3, 4, 5, 6, 7, 8}, valid), "0807060504030201", ""),
		m.bad("schema_incompatible", driftTopic, value(prefixed(m.ids["no time"], valid)), id("no time"), "timestamp"),
		m.bad("schema_incompatible", driftTopic, value(prefixed(m.ids["text"], valid)), id("text"), "p_value"),
		m.bad("schema_incompatible", performanceTopic, value(prefixed(m.ids["required"], valid)), id("required"), "model_id"),
		m.bad("schema_incompatible", driftTopic, value(prefixed(m.ids["json"], valid)), id("json"), "JSON"),
		m.bad("schema_incompatible", driftTopic, value(prefixed(m.ids["no record"], valid)), id("no record"), "record"),
		m.bad("malformed", driftTopic, value(prefixed(m.ids["required"], valid), []byte{0}), id("required"), "behind the last field"),
		m.bad("malformed", driftTopic, value(own[:len(own)-3]), "", ""),
		m.bad("malformed", driftTopic, value(prefixed(m.ids["required"], nil)), id("required"), "stream_id"),
		m.bad("malformed", driftTopic, value(prefixed(m.ids["required"], long(-1))), id("required"), "length of -1"),
		m.bad("malformed", driftTopic, value(prefixed(m.ids["required"], cat(text("\xff\xfe"), double(0.1), at))), id("required"), "UTF-8"),
		m.bad("malformed", driftTopic, reordered(at, long(2)), id("reordered"), "p_value"),
		m.bad("malformed", driftTopic, value(prefixed(m.ids["required"], valid), make([]byte, mostBytesOfEvent)), id("required"), ""), // before oversized
		m.bad("framing", "retrain.progress", value([]byte("{}")), "", "JSON"),
		m.bad("malformed", "retrain.requests", value(prefixed(m.ids["ask"], ask("x", "trigger", "soft")[1:])), id("ask"), ""),
		m.bad("tombstone", "retrain.progress", &kgo.Record{}, "", ""),
	}
}

// notTaken are records that are read, and cannot be used.
func (m *mixed) notTaken() []*written {
	ok := m.check("none")
	drift := func(reason, says string, e driftEvent) *written {
		if e.Timestamp == 0 {
			e.Timestamp = ok.at
		}
		return m.bad(reason, driftTopic, &kgo.Record{Value: encode(driftCodec, &e)}, "-", says)
	}
	stream := func(name string, p float64) driftEvent { return driftEvent{Stream: &name, PValue: &p} }
	model, minus, nan, p, large := "m/v1", -0.5, math.NaN(), 0.25, strings.Repeat("x", mostBytesOfEvent)
	old, named := stream("s", p), stream("s", p)
	old.Timestamp, named.EventID = time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli(), &[]string{strings.Repeat("i", 513)}[0]
	panics := m.bad("panic", performanceTopic, &kgo.Record{Key: []byte(plantedPanic), Value: ownPerformance.write(check{source: model, at: ok.at})}, "", "planted")
	panics.r.Partition = panicPartition
	missing := m.bad("schema_unknown", driftTopic, &kgo.Record{Value: prefixed(missingID, []byte("x"))}, fmt.Sprint(missingID), "not found")
	missing.r.Partition = missingIDAt
	unknown := m.bad("schema_unknown", driftTopic, &kgo.Record{Value: cat(missingGUID, []byte("x"))}, "000d9038-0000-4000-8000-000000000000", "has no schema")
	unknown.r.Partition = missingGUIDAt
	return []*written{
		drift("oversized", "--max-event-bytes", driftEvent{Stream: &model, PValue: &nan, DataRef: &large}), // before invalid_value
		drift("invalid_value", "p_value is NaN", stream("s", nan)),
		drift("invalid_value", "p_value is NaN", driftEvent{PValue: &nan}), // before no_source
		drift("invalid_value", "+Inf", stream("s", math.Inf(1))),
		drift("invalid_value", "within 0 and 1", stream("s", 1.5)),
		drift("invalid_value", "within 0 and 1", stream("s", minus)),
		drift("invalid_value", "kl_divergence", driftEvent{ModelID: &model, Divergence: &minus}),
		drift("invalid_value", "2000-01-01", old),
		drift("invalid_value", "stream_id", stream("", p)),
		drift("invalid_value", "stream_id", stream("a\x07b", p)),
		drift("invalid_value", "stream_id", stream("a\u0085b", p)),
		drift("invalid_value", "event_id", named),
		drift("no_value", "none of", driftEvent{Stream: &model}),
		drift("no_value", "none of", driftEvent{}), // before no_source
		drift("no_source", "neither", driftEvent{PValue: &p}),
		m.bad("no_value", performanceTopic, &kgo.Record{Value: encode(eventCodec, &event{ModelID: model, Timestamp: ok.at})}, "-", "none of"),
		m.bad("invalid_value", "retrain.requests", &kgo.Record{Value: prefixed(m.ids["ask"], ask("r", "trigger", ""))}, fmt.Sprint(m.ids["ask"]), "action"),
		m.bad("unknown_kind", "retrain.requests", &kgo.Record{Value: prefixed(m.ids["ask"], ask("r", "resign", "full"))}, fmt.Sprint(m.ids["ask"]), "resign"),
		m.bad("unknown_kind", "retrain.progress", &kgo.Record{Value: prefixed(m.ids["report"], report("c", "resting"))}, fmt.Sprint(m.ids["report"]), "resting"),
		m.bad("invalid_value", "retrain.progress", &kgo.Record{Value: prefixed(m.ids["report"], report("", "failed"))}, fmt.Sprint(m.ids["report"]), "command_id"),
		panics, missing, unknown,
	}
}

func (m *mixed) check(source string) check {
	m.n++
	return check{source: source, value: 0.25, at: stamp(m.base, m.n), id: eventID(m.n)}
}

// bad is a record that becomes a dead letter; schemaID "-": any. It has headers of its own, also such as a dead letter gets.
func (m *mixed) bad(reason, topic string, r *kgo.Record, schemaID, says string) *written {
	m.n++
	r.Topic = topic
	if topic == driftTopic || topic == performanceTopic {
		r.Partition = int32(m.random.IntN(partitions))
	}
	if r.Key == nil && m.random.IntN(2) == 0 {
		r.Key = fmt.Append(nil, "key ", m.n)
	}
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: "n", Value: fmt.Append(nil, m.n)}, kgo.RecordHeader{Key: "n", Value: []byte{0xff}},
		kgo.RecordHeader{Key: "retrain.dlq.reason", Value: []byte("none")})
	return &written{r: r, reason: reason, schemaID: schemaID, says: says}
}
