package schemas

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestAppendJSONWritesWhatTheContractSays(t *testing.T) {
	s := mustParse(t, `{"type":"record","name":"R","fields":[
		{"name":"z","type":["null","double"]},{"name":"a","type":"string"},
		{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"micros","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"b","type":"bytes"},{"name":"f","type":{"type":"fixed","name":"F","size":2}},{"name":"x","type":"float"},
		{"name":"on","type":{"type":"enum","name":"On","symbols":["unknown","drift"]}},{"name":"l","type":{"type":"array","items":["null","long"]}},
		{"name":"m","type":{"type":"map","values":"double"}},{"name":"r","type":["null",{"type":"record","name":"Q","fields":[{"name":"q","type":"boolean"}]}]}]}`)
	b := append([]byte{0}, appendText(nil, "a\"\\\n\x01é<&>")...)
	b = appendLong(appendLong(b, 1764000000007), -1)
	b = append(append(appendLong(b, 3), 0xff, 0xfe, 0), 1, 2)
	b = append(appendFloat(b, 0.1), 2)
	b = append(appendLong(append(appendLong(b, 2), 0, 2), -9007199254740993), 0)
	b = append(appendDouble(appendText(appendLong(b, 1), "mAP"), -0.12), 0)
	b = append(b, 2, 1)
	const want = `{"z":null,"a":"a\"\\\n\u0001é<&>","at":"2025-11-24T16:00:00.007Z","micros":"1969-12-31T23:59:59.999999Z",` +
		`"b":"//4A","f":"AQI=","x":0.1,"on":"drift","l":[null,-9007199254740993],"m":{"mAP":-0.12},"r":{"q":true}}`
	got, err := s.AppendJSON([]byte("> "), b)
	if err != nil || string(got) != "> "+want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	back, err := s.FromJSON(nil, got[2:])
	if err != nil || string(back) != string(b) {
		t.Errorf("from JSON: %v\n% x, want\n% x", err, back, b)
	}
}

func TestDoublesHaveTheirShortestDigitsInJSON(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {-0.12, "-0.12"}, {0.30000000000000004, "0.30000000000000004"}, {1e21, "1e+21"},
		{123456789012345680000, "123456789012345680000"}, {1e-7, "1e-7"}, {1e-6, "0.000001"}, {5e-324, "5e-324"},
		{math.MaxFloat64, "1.7976931348623157e+308"}, {math.NaN(), `"NaN"`}, {math.Inf(1), `"Infinity"`}, {math.Inf(-1), `"-Infinity"`},
	} {
		if got := string(appendNumber(nil, c.v, 64)); got != c.want {
			t.Errorf("%v is written %s, want %s", c.v, got, c.want)
		}
		back, ok := number(json.RawMessage(c.want), 64)
		if !ok || math.Float64bits(back) != math.Float64bits(c.v) && !math.IsNaN(c.v) {
			t.Errorf("%s is read as %v, %v", c.want, back, ok)
		}
	}
	if got := string(appendNumber(nil, float64(float32(1e-7)), 32)); got != "1e-7" {
		t.Errorf("the float 1e-7 is written %s", got)
	}
}

func TestTimesBeyondRFC3339StayNumbers(t *testing.T) {
	for _, c := range []struct {
		v       int64
		logical string
		want    string
	}{
		{253402300799999, "timestamp-millis", `"9999-12-31T23:59:59.999Z"`}, {253402300800000, "timestamp-millis", "253402300800000"},
		{-62167219200000, "timestamp-millis", `"0000-01-01T00:00:00.000Z"`}, {-62167219200001, "timestamp-millis", "-62167219200001"},
		{math.MaxInt64, "timestamp-millis", "9223372036854775807"}, {math.MinInt64, "timestamp-nanos", `"1677-09-21T00:12:43.145224192Z"`},
		{7, "local-timestamp-millis", "7"}, {7, "", "7"},
	} {
		if got := string(appendMoment(nil, c.v, c.logical)); got != c.want {
			t.Errorf("%d %s is written %s, want %s", c.v, c.logical, got, c.want)
		}
	}
}

// fromDrift writes an object as a DriftEvent and as JSON again.
func fromDrift(object string) (string, error) {
	s, _ := ByName("io.visutility.DriftEvent")
	b, err := s.FromJSON(nil, []byte(object))
	if err != nil {
		return "", err
	}
	out, err := s.AppendJSON(nil, b)
	return string(out), err
}

func TestFromJSONTakesWhatPeopleWrite(t *testing.T) {
	const none = `"event_id":null,"model_version":null,"method":null,"value":null,"sample_size":null,"window_start":null,"window_end":null,"data_ref":null,"labels":null}`
	const noValues = `{"stream_id":null,"model_id":null,"p_value":null,"kl_divergence":null,"timestamp":`
	for _, c := range []struct{ object, want string }{
		{`{"timestamp":1764000000000}`, noValues + `"2025-11-24T16:00:00.000Z",` + none},
		{" \n{ \"timestamp\" : 1764000000000 , \"p_value\" : null }\r\n", noValues + `"2025-11-24T16:00:00.000Z",` + none},
		{`{"timestamp":"2025-11-24T17:00:00.1239+01:00"}`, noValues + `"2025-11-24T16:00:00.123Z",` + none},
		{`{"timestamp":"1969-12-31T23:59:59.9999Z"}`, noValues + `"1969-12-31T23:59:59.999Z",` + none},
		{`{"p_value":"NaN","timestamp":1.764e12,"kl_divergence":3,"model_id":"\u00e9/v1","stream_id":""}`,
			`{"stream_id":"","model_id":"é/v1","p_value":"NaN","kl_divergence":3,"timestamp":"2025-11-24T16:00:00.000Z",` + none},
		{`{"timestamp":0,"sample_size":1000.0,"labels":{"b":"1","a":"2"}}`, noValues + `"1970-01-01T00:00:00.000Z",` +
			strings.Replace(strings.Replace(none, `"sample_size":null`, `"sample_size":1000`, 1), `"labels":null`, `"labels":{"b":"1","a":"2"}`, 1)},
	} {
		if got, err := fromDrift(c.object); err != nil || got != c.want {
			t.Errorf("%s became %v\n%s, want\n%s", c.object, err, got, c.want)
		}
	}
}

func TestFromJSONSaysWhichFieldIsWrongAndWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct{ object, field, says string }{
		{`{"timestamp":0,"pvalue":0.1}`, "pvalue", "has no such field (did you mean p_value?)"},
		{`{"timestamp":0,"zzzzzzzz":0.1}`, "zzzzzzzz", "has no such field; it has: stream_id, model_id"},
		{`{"p_value":0.1}`, "timestamp", "missing and required"},
		{`{"timestamp":null}`, "timestamp", "it is null; a time as RFC 3339"},
		{`{"timestamp":"yesterday"}`, "timestamp", `it is "yesterday"; a time as RFC 3339 ("2026-11-24T10:04:05Z") or a whole number of millis since 1970`},
		{`{"timestamp":1.5}`, "timestamp", "it is 1.5"},
		{`{"timestamp":9223372036854775808}`, "timestamp", "it is 9223372036854775808"},
		{`{"timestamp":0,"p_value":"0.1"}`, "p_value", `it is "0.1"; a number`},
		{`{"timestamp":0,"p_value":1e999}`, "p_value", "it is 1e999"},
		{`{"timestamp":0,"p_value":true}`, "p_value", "it is true; a number"},
		{`{"timestamp":0,"stream_id":7}`, "stream_id", "it is 7; a string is needed"},
		{`{"timestamp":0,"labels":["a"]}`, "labels", `it is ["a"]; an object is needed`},
		{`{"timestamp":0,"labels":{"a":1}}`, "labels.a", "it is 1; a string is needed"},
		{`{"timestamp":0,"labels":{"a":"1","a":"2"}}`, "labels.a", "there twice"},
		{`{"timestamp":0,"timestamp":1}`, "timestamp", "there twice"},
		{`[]`, "", "it is []; an object is needed"},
		{``, "", "empty"},
		{`{"timestamp":0`, "", "at byte 14: not JSON"},
		{`{"timestamp":0} {}`, "", "at byte 17: not JSON"},
		{"{\"timestamp\":0,\"stream_id\":\"\xff\"}", "", "not UTF-8"},
	} {
		_, err := fromDrift(c.object)
		var v *ValueError
		if !errors.As(err, &v) || v.Field != c.field || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a ValueError of field %q that says %q", c.object, err, c.field, c.says)
		}
	}
	s, _ := ByName("Command")
	for _, c := range []struct{ object, field, says string }{
		{`{"command_id":"c","kind":"trian"}`, "kind", `it is "trian" (did you mean train?); one of unknown, train is needed`},
		{`{"command_id":"c","kind":"train","claim":"none","action":"soft","model":"m","modality":"","issued_at":0,"start_by":0,"max_runtime_ms":0,
			"tuner":"grid","space":[{"name":"lr","type":"double","log":true,"values":[]},{"name":"x","type":"int","log":1,"values":[]}]}`,
			"space[1].log", "it is 1; true or false is needed"},
	} {
		_, err := s.FromJSON(nil, []byte(c.object))
		var v *ValueError
		if !errors.As(err, &v) || v.Field != c.field || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a ValueError of field %q that says %q", c.object, err, c.field, c.says)
		}
	}
}

func TestATimeThatNanosecondsCannotReachIsRefused(t *testing.T) {
	s := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"t","type":{"type":"long","logicalType":"timestamp-nanos"}}]}`)
	if b, err := s.FromJSON(nil, []byte(`{"t":"2261-01-01T00:00:00.000000001Z"}`)); err != nil || string(b) != string(appendLong(nil, 9183110400000000001)) {
		t.Errorf("2261: % x, %v", b, err)
	}
	if _, err := s.FromJSON(nil, []byte(`{"t":"2300-01-01T00:00:00Z"}`)); err == nil {
		t.Error("2300 was taken")
	}
}

func TestAFieldLeftOutHasItsDefault(t *testing.T) {
	s := mustParse(t, `{"type":"record","name":"R","fields":[
		{"name":"a","type":"int","default":7},{"name":"b","type":["string","null"],"default":"x"},{"name":"c","type":["null","string"]},
		{"name":"d","type":{"type":"array","items":"double"},"default":[1,2.5]},{"name":"e","type":{"type":"map","values":"boolean"},"default":{"z":true,"a":false}},
		{"name":"f","type":"bytes","default":"\u00ff\u0001"},{"name":"g","type":{"type":"fixed","name":"F","size":2},"default":"ab"},
		{"name":"h","type":{"type":"enum","name":"E","symbols":["A","B"]},"default":"B"},{"name":"i","type":"float","default":0.5},
		{"name":"j","type":{"type":"record","name":"Q","fields":[{"name":"q","type":"long","default":3},{"name":"n","type":"null"},{"name":"p","type":["null","int"],"default":null}]},"default":{"n":null}},
		{"name":"k","type":"null"},{"name":"l","type":"boolean","default":true},{"name":"m","type":["null","Q"],"default":null},
		{"name":"o","type":["null",{"type":"map","values":"string"},"double","Q"],"default":0.5},{"name":"r","type":["null","Q"],"default":{"n":null,"q":4}},
		{"name":"t","type":{"type":"map","values":"string"},"default":{"doc":"a","default":"b"}},
		{"name":"u","type":"long","default":9223372036854775807},{"name":"v","type":"long","default":-9007199254740993},{"name":"w","type":"int","default":7.0}]}`)
	const want = `{"a":7,"b":"x","c":null,"d":[1,2.5],"e":{"a":false,"z":true},"f":"/wE=","g":"YWI=","h":"B","i":0.5,"j":{"q":3,"n":null,"p":null},"k":null,"l":true,"m":null,"o":0.5,"r":{"q":4,"n":null,"p":null},"t":{"default":"b","doc":"a"},"u":9223372036854775807,"v":-9007199254740993,"w":7}`
	b, err := s.FromJSON(nil, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.AppendJSON(nil, b); err != nil || string(got) != want {
		t.Errorf("%v\n%s, want\n%s", err, got, want)
	}
}

func TestAnErrorLeavesTheDestinationAsItWas(t *testing.T) {
	s, b := driftFixture(t)
	dst := make([]byte, 4, 1024)
	copy(dst, "keep")
	if got, err := s.AppendJSON(dst, b[:20]); err == nil || string(got) != "keep" {
		t.Errorf("AppendJSON = %q, %v", got, err)
	}
	if got, err := s.FromJSON(dst, []byte(`{"stream_id":"s","p_value":""}`)); err == nil || string(got) != "keep" {
		t.Errorf("FromJSON = %q, %v", got, err)
	}
}

// FuzzJSON gives any text to any schema of the corpus: what is taken is a value, and its JSON reads as the same bytes.
func FuzzJSON(f *testing.F) {
	all := compileCorpus(f)
	r := newRand(f)
	for i, c := range all {
		for range 5 {
			if text, err := c.schema.AppendJSON(nil, randomValue(r, nil, c.schema.root, 0)); err == nil {
				f.Add(uint8(i), text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, text []byte) {
		c := all[int(i)%len(all)]
		b, err := c.schema.FromJSON(nil, text)
		if err != nil {
			return
		}
		out, err := c.schema.AppendJSON(nil, b)
		if err != nil {
			if strings.Contains(err.Error(), "items of no bytes") || strings.Contains(err.Error(), "nested deeper") {
				return
			}
			t.Fatalf("%q became % x: %v", text, b, err)
		}
		if !json.Valid(out) {
			t.Fatalf("%q became %s, which is not JSON", text, out)
		}
		if back, err := c.schema.FromJSON(nil, out); err != nil || c.exact && string(back) != string(b) {
			t.Fatalf("%q became % x, as JSON %s, and then % x, %v", text, b, out, back, err)
		}
		if _, err := c.check(b); err != nil && !strings.Contains(err.Error(), "nested deeper") {
			t.Fatal(err)
		}
	})
}

// FuzzSchema gives any text as a schema and any bytes to it.
func FuzzSchema(f *testing.F) {
	for _, c := range corpus {
		f.Add(c.schema, []byte{2, 4, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 'a', 0, 0})
	}
	f.Fuzz(func(t *testing.T, text string, b []byte) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.Canonical())
		if err != nil || again.Fingerprint() != s.Fingerprint() {
			t.Fatalf("canonical form %s: %v", s.Canonical(), err)
		}
		wants := wantsOf(s)
		p, err := s.Compile(wants)
		if err != nil {
			t.Fatal(err)
		}
		projectErr := p.Project(b, make([]Value, len(wants)))
		if _, err := s.AppendJSON(nil, b); err == nil && projectErr != nil && !strings.Contains(projectErr.Error(), "UTF-8") && !strings.Contains(projectErr.Error(), "deeper") {
			t.Fatalf("as JSON it is a value, projected: %v", projectErr)
		}
		_, _ = s.FromJSON(nil, []byte("{}"))
	})
}
