package schemas

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"
)

// project encodes v by hamba with the writer's schema and reads it with the wants of drift events.
func project(t *testing.T, writer string, v any) []Value {
	t.Helper()
	b, err := avro.Marshal(mustHamba(t, writer), v)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compileText(writer, DriftWants())
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]Value, EventFields)
	if err := p.Project(b, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

const anHour = int64(1764000000123)

func TestFieldsAreFoundByNameWhateverTheWritersRecordIs(t *testing.T) {
	const ts = `{"type":"long","logicalType":"timestamp-millis"}`
	for _, c := range []struct{ name, schema string }{
		{"as ours", `{"type":"record","name":"io.visutility.DriftEvent","fields":[{"name":"stream_id","type":["null","string"]},
			{"name":"p_value","type":["null","double"]},{"name":"timestamp","type":` + ts + `}]}`},
		{"a producer's own, required", `{"type":"record","name":"DataDrift","fields":[{"name":"stream_id","type":"string"},
			{"name":"p_value","type":"double"},{"name":"timestamp","type":` + ts + `}]}`},
		{"reordered, null last, a plain long", `{"type":"record","name":"x.Y","fields":[{"name":"timestamp","type":"long"},
			{"name":"p_value","type":["double","null"]},{"name":"stream_id","type":["string","null"]}]}`},
		{"single unions", `{"type":"record","name":"Y","fields":[{"name":"timestamp","type":["long"]},
			{"name":"p_value","type":["double"]},{"name":"stream_id","type":["string"]}]}`},
		{"among others", `{"type":"record","name":"Y","fields":[{"name":"a","type":{"type":"array","items":"string"}},
			{"name":"stream_id","type":"string"},{"name":"b","type":{"type":"map","values":["null","long"]}},{"name":"p_value","type":"double"},
			{"name":"c","type":{"type":"record","name":"C","fields":[{"name":"p_value","type":"double"},{"name":"d","type":["null","C"]}]}},
			{"name":"timestamp","type":` + ts + `},{"name":"e","type":"bytes"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst := project(t, c.schema, map[string]any{"stream_id": "cam-7", "p_value": 0.25, "timestamp": anHour,
				"a": []string{"x", "y"}, "b": map[string]any{"k": int64(1), "l": nil}, "e": []byte{1, 2},
				"c": map[string]any{"p_value": 9.0, "d": map[string]any{"C": map[string]any{"p_value": 8.0, "d": nil}}}})
			for i, v := range dst {
				set := i == EventStreamID || i == EventPValue || i == EventTimestamp
				if v.Set != set {
					t.Errorf("place %d: set %v, want %v", i, v.Set, set)
				}
			}
			if s := string(dst[EventStreamID].Bytes); s != "cam-7" {
				t.Errorf("stream_id %q", s)
			}
			if dst[EventPValue].Float != 0.25 || dst[EventTimestamp].Int != anHour {
				t.Errorf("p_value %v, timestamp %v", dst[EventPValue].Float, dst[EventTimestamp].Int)
			}
		})
	}
}

func TestNumbersArePromotedAndTimestampsBroughtToMilliseconds(t *testing.T) {
	for _, c := range []struct {
		field, typ string
		v          any
		place      int
		want       Value
	}{
		{"p_value", `"int"`, 3, EventPValue, Value{Set: true, Float: 3}},
		{"p_value", `"long"`, int64(1 << 40), EventPValue, Value{Set: true, Float: 1 << 40}},
		{"p_value", `"float"`, float32(0.25), EventPValue, Value{Set: true, Float: 0.25}},
		{"p_value", `["null","float"]`, float32(0.25), EventPValue, Value{Set: true, Float: 0.25}},
		{"p_value", `["null","int","double"]`, 0.125, EventPValue, Value{Set: true, Float: 0.125}},
		{"p_value", `["null","int","double"]`, nil, EventPValue, Value{}},
		{"p_value", `"null"`, nil, EventPValue, Value{}},
		{"sample_size", `"int"`, 12, EventSampleSize, Value{Set: true, Int: 12}},
		{"sample_size", `["int","null"]`, nil, EventSampleSize, Value{}},
		{"method", `"bytes"`, []byte("psi"), EventMethod, Value{Set: true, Bytes: []byte("psi")}},
		{"method", `{"type":"enum","name":"M","symbols":["ks","psi"]}`, "psi", EventMethod, Value{Set: true, Int: 1, Bytes: []byte("psi")}},
		{"window_start", `{"type":"long","logicalType":"timestamp-micros"}`, time.UnixMicro(1_999), EventWindowStart, Value{Set: true, Int: 1}},
		{"window_start", `{"type":"long","logicalType":"timestamp-micros"}`, time.UnixMicro(-1), EventWindowStart, Value{Set: true, Int: -1}},
		{"window_start", `{"type":"long","logicalType":"timestamp-nanos"}`, int64(5_000_001), EventWindowStart, Value{Set: true, Int: 5}},
		{"window_start", `"int"`, 5, EventWindowStart, Value{Set: true, Int: 5}},
	} {
		t.Run(c.field+" "+c.typ, func(t *testing.T) {
			schema := `{"type":"record","name":"R","fields":[{"name":"timestamp","type":"long"},{"name":"` + c.field + `","type":` + c.typ + `}]}`
			got := project(t, schema, map[string]any{"timestamp": anHour, c.field: c.v})[c.place]
			if got.Set != c.want.Set || got.Int != c.want.Int || got.Float != c.want.Float || string(got.Bytes) != string(c.want.Bytes) {
				t.Errorf("read %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestASchemaThatCannotGiveAFieldIsRefusedByTheFieldsName(t *testing.T) {
	for _, c := range []struct{ field, typ, says string }{
		{"p_value", `"string"`, "it is string; a number (int, long, float, double) is needed"},
		{"p_value", `["null","double","string"]`, "it is string; a number"},
		{"p_value", `{"type":"array","items":"double"}`, "it is array<double>"},
		{"sample_size", `"double"`, "it is double; a long or int is needed"},
		{"stream_id", `"long"`, "it is long; a string is needed"},
		{"stream_id", `{"type":"fixed","name":"F","size":16}`, "it is fixed acme.F"},
		{"labels", `{"type":"map","values":"long"}`, "it is map<long>; a map of strings is needed"},
		{"labels", `"string"`, "a map of strings is needed"},
		{"window_end", `"string"`, "it is string; a timestamp (long, timestamp-millis) is needed"},
		{"window_end", `{"type":"long","logicalType":"local-timestamp-millis"}`, "names no moment"},
		{"window_end", `{"type":"int","logicalType":"date"}`, "it is int (date)"},
	} {
		t.Run(c.field+" "+c.typ, func(t *testing.T) {
			_, err := compileText(`{"type":"record","name":"acme.R","fields":[{"name":"timestamp","type":"long"},{"name":"`+c.field+`","type":`+c.typ+`}]}`, DriftWants())
			var incompatible *IncompatibleError
			if !errors.As(err, &incompatible) || incompatible.Field != c.field || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), "acme.R") {
				t.Errorf("error %v, want an IncompatibleError of field %s that says %q", err, c.field, c.says)
			}
		})
	}
	_, err := compileText(`{"type":"record","name":"R","fields":[{"name":"timestmp","type":"long"}]}`, DriftWants())
	var incompatible *IncompatibleError
	if !errors.As(err, &incompatible) || incompatible.Field != "timestamp" || !strings.Contains(err.Error(), "the nearest is timestmp") {
		t.Errorf("without a timestamp: %v", err)
	}
}

func TestEntriesGivesTheMapThatWasTaken(t *testing.T) {
	const schema = `{"type":"record","name":"R","fields":[{"name":"timestamp","type":"long"},
		{"name":"labels","type":["null",{"type":"map","values":["null","string"]}]}]}`
	p, err := compileText(schema, []Want{{Name: "labels", Kind: StringMap}})
	if err != nil {
		t.Fatal(err)
	}
	b := appendLong(nil, 5)
	b = append(b, 2)                                                    // labels: the map
	b = appendText(append(appendText(appendLong(b, 1), "a"), 2), "x")   // a block of one: a = x
	b = append(appendText(appendLong(appendLong(b, -1), 3), "b"), 0, 0) // a block with its size: b = null; the end
	dst := make([]Value, 1)
	if err := p.Project(b, dst); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, e := 0, p.Entries(0, dst[0]); ; i++ {
		k, v, ok := e.Next()
		if !ok {
			break
		}
		got = append(got, string(k)+"="+string(v.Bytes)+" "+strconv.FormatBool(v.Set))
	}
	if s := strings.Join(got, ", "); s != "a=x true, b= false" {
		t.Errorf("labels: %s", s)
	}
	if n := testing.AllocsPerRun(100, func() {
		for e := p.Entries(0, dst[0]); ; {
			if _, _, ok := e.Next(); !ok {
				break
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations a map, want 0", n)
	}
}

func TestNothingOfTheRecordBeforeIsLeft(t *testing.T) {
	s, b := driftFixture(t)
	p, _ := s.Compile(DriftWants())
	dst := make([]Value, EventFields)
	if err := p.Project(b, dst); err != nil {
		t.Fatal(err)
	}
	empty, err := s.FromJSON(nil, []byte(`{"timestamp":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Project(empty, dst); err != nil {
		t.Fatal(err)
	}
	for i, v := range dst {
		if i != EventTimestamp && (v.Set || v.Int != 0 || v.Float != 0 || v.Bytes != nil) {
			t.Errorf("place %d still holds %+v", i, v)
		}
	}
}

func TestATextThatIsTakenMustBeUTF8(t *testing.T) {
	const schema = `{"type":"record","name":"R","fields":[{"name":"stream_id","type":"string"},{"name":"other","type":"string"},{"name":"timestamp","type":"long"}]}`
	p, err := compileText(schema, DriftWants())
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]Value, EventFields)
	value := func(stream, other string) []byte { return appendLong(appendText(appendText(nil, stream), other), 1) }
	var m *MalformedError
	if err := p.Project(value("cam-\xff", ""), dst); !errors.As(err, &m) || m.Field != "stream_id" || m.Offset != 1 {
		t.Errorf("a stream_id that is not UTF-8: %v, want a MalformedError of stream_id at byte 1", err)
	}
	if err := p.Project(value("cam-7", "\xff"), dst); err != nil {
		t.Errorf("a field that nobody takes: %v", err)
	}
}

func TestProjectorTellsTheFourReasonsApart(t *testing.T) {
	event, _ := ByName("DriftEvent")
	p := NewProjector(DriftWants(), Writers{})
	dst := make([]Value, EventFields)
	framed := func(s *Schema, object string) []byte {
		b, err := s.FromJSON(AppendHeader(nil, s.Fingerprint()), []byte(object))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, _, err := p.Project(framed(event, `{"stream_id":"s","timestamp":7}`), nil, dst); err != nil || string(dst[EventStreamID].Bytes) != "s" {
		t.Errorf("an event: %v", err)
	}
	tick, _ := ByName("Tick")
	var incompatible *IncompatibleError
	if _, _, err := p.Project(framed(tick, `{}`), nil, dst); !errors.As(err, &incompatible) {
		t.Errorf("a Tick: %v, want an IncompatibleError", err)
	}
	var unknown *UnknownSchemaError
	if _, _, err := p.Project(AppendHeader(nil, 1), nil, dst); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "0000000000000001") {
		t.Errorf("a fingerprint that nobody gave: %v, want an UnknownSchemaError", err)
	}
	var malformed *MalformedError
	if _, _, err := p.Project(append(framed(event, `{"stream_id":"s","timestamp":7}`), 1), nil, dst); !errors.As(err, &malformed) {
		t.Errorf("a byte too many: %v, want a MalformedError", err)
	}
	var framing *FramingError
	if _, _, err := p.Project([]byte("{}"), nil, dst); !errors.As(err, &framing) {
		t.Errorf("JSON: %v, want a FramingError", err)
	}
}

func compileText(writer string, wants []Want) (*Program, error) {
	s, err := Parse(writer)
	if err != nil {
		return nil, err
	}
	return s.Compile(wants)
}
