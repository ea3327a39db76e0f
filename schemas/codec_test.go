package schemas

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"
)

type testAction string

type testProgress struct {
	CommandID    string             `avro:"command_id"`
	Kind         testAction         `avro:"kind"`
	Worker       *string            `avro:"worker"`
	At           int64              `avro:"at"`
	Step         *int64             `avro:"step"`
	Total        *int64             `avro:"total"`
	Metrics      map[string]float64 `avro:"metrics"`
	BestParams   *map[string]string `avro:"best_params"`
	NewVersion   *string            `avro:"new_version"`
	ErrorCode    *string            `avro:"error_code"`
	ErrorMessage *string            `avro:"error_message"`
	Retryable    *bool              `avro:"retryable"`
}

func ptr[T any](v T) *T { return &v }

func progressFixture() testProgress {
	return testProgress{CommandID: "c1", Kind: "succeeded", At: 1764000000123, Step: ptr(int64(7)),
		Metrics:    map[string]float64{"mAP": 0.5, "loss": 0.25, "a": 1, "b": 2, "c": 3},
		BestParams: &map[string]string{"lr": "0.001", "batch_size": "32"}, Retryable: ptr(false)}
}

func TestCodecReadsWhatItWrote(t *testing.T) {
	c := MustCodec[testProgress]("Progress")
	for _, v := range []testProgress{progressFixture(), {Kind: "unknown"}, {Kind: "failed", Metrics: map[string]float64{}, BestParams: new(map[string]string)}} {
		b, err := c.Append([]byte("before"), &v)
		if err != nil {
			t.Fatal(err)
		}
		var got testProgress
		if err := c.Decode(b[len("before"):], &got); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("read %+v, %v; wrote %+v", got, err, v)
		}
	}
}

func TestHambaReadsWhatTheCodecWrote(t *testing.T) {
	c, v := MustCodec[testProgress]("Progress"), progressFixture()
	b, err := c.Append(nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := avro.Unmarshal(mustHamba(t, c.Schema().Text()), b[HeaderSize:], &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"command_id": "c1", "kind": "succeeded", "worker": nil, "at": time.UnixMilli(v.At).UTC(),
		"step": int64(7), "total": nil, "retryable": false,
		"metrics":     map[string]any{"map": map[string]any{"mAP": 0.5, "loss": 0.25, "a": 1., "b": 2., "c": 3.}},
		"best_params": map[string]any{"map": map[string]any{"lr": "0.001", "batch_size": "32"}},
		"new_version": nil, "error_code": nil, "error_message": nil}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("hamba read\n%v, want\n%v", got, want)
	}
}

func TestEqualValuesAreEqualBytes(t *testing.T) {
	c := MustCodec[testProgress]("Progress")
	var first []byte
	for range 50 {
		v := progressFixture() // maps made anew: Go's order of them is another each time
		b, err := c.Append(nil, &v)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(b, first) {
			t.Fatalf("the same value is now\n% x, was\n% x", b, first)
		}
	}
}

func TestCodecGivesTheRecordAsJSON(t *testing.T) {
	c := MustCodec[struct{}]("Tick")
	if text, err := c.JSON(&struct{}{}); err != nil || string(text) != "{}" {
		t.Errorf("%s, %v", text, err)
	}
	p, v := MustCodec[testProgress]("Progress"), progressFixture()
	framed, err := p.Append(nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.Schema().AppendJSON(nil, framed[HeaderSize:])
	if err != nil {
		t.Fatal(err)
	}
	if text, err := p.JSON(&v); err != nil || string(text) != string(want) {
		t.Errorf("%v\n%s\nwant\n%s", err, text, want)
	}
	v.Kind = "resting"
	if text, err := p.JSON(&v); err == nil {
		t.Errorf("a record that cannot be written is %s", text)
	}
}

func TestCodecRefusesWhatCannotBeReadAgain(t *testing.T) {
	c := MustCodec[testProgress]("Progress")
	for _, bad := range []struct {
		v    testProgress
		says string
	}{
		{testProgress{Kind: "done"}, "field kind: \"done\" is none of unknown, started"},
		{testProgress{Kind: "failed", CommandID: "a\xff"}, "field command_id"},
		{testProgress{Kind: "failed", BestParams: &map[string]string{"\xff": ""}}, "field best_params"},
	} {
		b, err := c.Append([]byte("before"), &bad.v)
		if err == nil || !strings.Contains(err.Error(), bad.says) || string(b) != "before" {
			t.Errorf("Append = %q, %v; want an error with %q and dst as it was", b, err, bad.says)
		}
	}
}

func TestCodecIsMadeOnlyForAStructThatFits(t *testing.T) {
	type missing struct {
		Revision int32  `avro:"revision"`
		Policy   []byte `avro:"policy"`
	}
	type wrong struct {
		Revision    int32   `avro:"revision"`
		Policy      string  `avro:"policy"`
		LedgerID    string  `avro:"ledger_id"`
		Author      string  `avro:"author"`
		ActivatedAt *int64  `avro:"activated_at"`
		More        float64 `avro:"more"`
	}
	s, _ := ByName("Policy")
	if _, err := NewCodec[missing](s); err == nil || !strings.Contains(err.Error(), "no field tagged ledger_id") {
		t.Errorf("struct with a field too few: %v", err)
	}
	if _, err := NewCodec[wrong](s); err == nil || !strings.Contains(err.Error(), "field policy: string does not fit bytes") {
		t.Errorf("struct with a wrong field: %v", err)
	}
	type tick struct {
		More bool `avro:"more"`
	}
	s, _ = ByName("Tick")
	if _, err := NewCodec[tick](s); err == nil || !strings.Contains(err.Error(), "more") {
		t.Errorf("struct with a field too many: %v", err)
	}
	if _, err := NewCodec[struct{}](s); err != nil {
		t.Errorf("Tick as an empty struct: %v", err)
	}
}

func TestDecodeLeavesItsTargetAloneOnAnError(t *testing.T) {
	c, v := MustCodec[testProgress]("Progress"), progressFixture()
	b, _ := c.Append(nil, &v)
	was := testProgress{CommandID: "was", Kind: "started"}
	var m *MalformedError
	var u *UnknownSchemaError
	var f *FramingError
	for n := range b {
		got := was
		err := c.Decode(b[:n], &got)
		if !errors.As(err, &m) && !(n < HeaderSize && errors.As(err, &f)) {
			t.Errorf("the first %d of %d bytes: %v", n, len(b), err)
		}
		if !reflect.DeepEqual(got, was) {
			t.Errorf("the first %d of %d bytes: the target became %+v", n, len(b), got)
		}
	}
	got := was
	if err := c.Decode(append(b, 0), &got); !errors.As(err, &m) || !reflect.DeepEqual(got, was) {
		t.Errorf("a trailing byte: %v, %+v", err, got)
	}
	b[2]++
	if err := c.Decode(b, &got); !errors.As(err, &u) {
		t.Errorf("another fingerprint: %v, want an UnknownSchemaError", err)
	}
}

type testEvidence struct {
	AlertID string   `avro:"alert_id"`
	Value   *float64 `avro:"value"`
	On      string   `avro:"on"`
}

type testNested struct {
	Evidence []testEvidence     `avro:"evidence"`
	Best     *testEvidence      `avro:"best"`
	Values   [][]string         `avro:"values"`
	Metrics  map[string]float64 `avro:"metrics"`
	Policy   []byte             `avro:"policy"`
	Number   int32              `avro:"number"`
	Ratio    float32            `avro:"ratio"`
	Late     bool               `avro:"late"`
}

const nestedSchema = `{"type":"record","name":"Nested","fields":[
	{"name":"policy","type":"bytes"},{"name":"late","type":"boolean"},{"name":"number","type":"int"},{"name":"ratio","type":"float"},
	{"name":"evidence","type":{"type":"array","items":{"type":"record","name":"Ev","fields":[{"name":"alert_id","type":"string"},
		{"name":"on","type":{"type":"enum","name":"On","symbols":["unknown","drift"]}},{"name":"value","type":["double","null"]}]}}},
	{"name":"best","type":["null","Ev"]},{"name":"values","type":{"type":"array","items":{"type":"array","items":"string"}}},
	{"name":"metrics","type":{"type":"map","values":"double"}}]}`

func TestCodecAndHambaWriteTheSameRecordsWithinRecords(t *testing.T) {
	c, err := NewCodec[testNested](mustParse(t, nestedSchema))
	if err != nil {
		t.Fatal(err)
	}
	// One entry a map: hamba's order of more is random.
	v := testNested{Evidence: []testEvidence{{"a", ptr(0.5), "drift"}, {"b", nil, "unknown"}}, Best: &testEvidence{"c", ptr(-1.0), "drift"},
		Values: [][]string{{"x", "y"}, nil, {"z"}}, Metrics: map[string]float64{"mAP": 0.25}, Policy: []byte{0, 255}, Number: -7, Ratio: 0.5, Late: true}
	got, err := c.Append(nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	var back testNested
	if err := c.Decode(got, &back); err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("read %+v, %v", back, err)
	}
	hamba := avro.Config{DisableBlockSizeHeader: true}.Freeze()
	want, err := hamba.Marshal(mustHamba(t, nestedSchema), v)
	if err != nil || !bytes.Equal(got[HeaderSize:], want) {
		t.Errorf("% x, %v: hamba writes\n% x", got[HeaderSize:], err, want)
	}
	var m *MalformedError
	bad := append([]byte(nil), got...)
	bad[bytes.Index(bad, []byte("b\x00\x02"))+1] = 9 // evidence[1].on
	if err := c.Decode(bad, &back); !errors.As(err, &m) || m.Field != "evidence[1].on" {
		t.Errorf("a symbol that is none: %v, want a MalformedError of evidence[1].on", err)
	}
}

// FuzzDecode gives any bytes to a codec: what it reads it writes again, and JSON says the same of both.
func FuzzDecode(f *testing.F) {
	c, err := NewCodec[testNested](mustParse(f, nestedSchema))
	if err != nil {
		f.Fatal(err)
	}
	r := newRand(f)
	for range 10 {
		f.Add(randomValue(r, nil, c.schema.root, 0))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v testNested
		framed := append(AppendHeader(nil, c.schema.Fingerprint()), body...)
		decodeErr := c.Decode(framed, &v)
		first, jsonErr := c.schema.AppendJSON(nil, body)
		if (decodeErr == nil) != (jsonErr == nil) {
			t.Fatalf("decoded: %v; as JSON: %v", decodeErr, jsonErr)
		}
		if decodeErr != nil {
			return
		}
		again, err := c.Append(nil, &v)
		if err != nil {
			t.Fatal(err)
		}
		second, err := c.schema.AppendJSON(nil, again[HeaderSize:])
		if err != nil || len(v.Metrics) < 2 && len(second) == len(first) && string(second) != string(first) {
			t.Fatalf("read\n%s, wrote\n%s, %v", first, second, err)
		}
	})
}
