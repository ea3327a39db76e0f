package schemas

import (
	"errors"
	"testing"

	"github.com/hamba/avro/v2"
)

// driftFixture is a DriftEvent of 9 set fields, about 80 bytes.
func driftFixture(tb testing.TB) (*Schema, []byte) {
	s, _ := ByName("DriftEvent")
	b, err := avro.Marshal(mustHamba(tb, s.Text()), map[string]any{
		"stream_id": "cam-0042", "model_id": nil, "p_value": 0.0123, "kl_divergence": 0.07, "timestamp": int64(1764000000000),
		"event_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "model_version": "v5.4", "method": "ks", "value": 0.21,
		"sample_size": int64(1000), "window_start": nil, "window_end": nil, "data_ref": nil, "labels": nil,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s, b
}

func mustHamba(tb testing.TB, text string) avro.Schema {
	tb.Helper()
	s, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestProjectAllocatesNothing(t *testing.T) {
	s, b := driftFixture(t)
	p, err := s.Compile(DriftWants())
	if err != nil {
		t.Fatal(err)
	}
	var dst [EventFields]Value
	if n := testing.AllocsPerRun(100, func() {
		if err := p.Project(b, dst[:]); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a record, want 0", n)
	}
	if string(dst[EventStreamID].Bytes) != "cam-0042" || dst[EventPValue].Float != 0.0123 || dst[EventTimestamp].Int != 1764000000000 {
		t.Errorf("read %+v", dst)
	}
}

func TestTruncatedOrTrailingBytesAreMalformed(t *testing.T) {
	s, b := driftFixture(t)
	p, _ := s.Compile(DriftWants())
	var dst [EventFields]Value
	var m *MalformedError
	for n := range b {
		if err := p.Project(b[:n], dst[:]); !errors.As(err, &m) {
			t.Errorf("the first %d of %d bytes: %v, want a MalformedError", n, len(b), err)
		}
	}
	if err := p.Project(append(b, 0), dst[:]); !errors.As(err, &m) {
		t.Errorf("a trailing byte: %v, want a MalformedError", err)
	}
}

func BenchmarkProject(b *testing.B) {
	s, record := driftFixture(b)
	p, _ := s.Compile(DriftWants())
	var dst [EventFields]Value
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Project(record, dst[:]); err != nil {
			b.Fatal(err)
		}
	}
}
