package schemas

import (
	"errors"
	"syscall"
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

// cpuTime reports the process's CPU time an op beside the wall clock's: other processes do not count.
func cpuTime(b *testing.B) {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	b.Cleanup(func() {
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		ns := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
		b.ReportMetric(float64(ns)/float64(b.N), "cpu-ns/op")
	})
}

// plainDrift is what a producer may write: 9 required fields, 81 bytes.
const plainDrift = `{"type":"record","name":"acme.Drift","fields":[
	{"name":"event_id","type":"string"},{"name":"stream_id","type":"string"},{"name":"model_version","type":"string"},
	{"name":"method","type":"string"},{"name":"p_value","type":"double"},{"name":"value","type":"double"},
	{"name":"sample_size","type":"long"},{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"seen","type":"boolean"}]}`

type plainEvent struct {
	EventID      string  `avro:"event_id"`
	StreamID     string  `avro:"stream_id"`
	ModelVersion string  `avro:"model_version"`
	Method       string  `avro:"method"`
	PValue       float64 `avro:"p_value"`
	Value        float64 `avro:"value"`
	SampleSize   int64   `avro:"sample_size"`
	Timestamp    int64   `avro:"timestamp"`
	Seen         bool    `avro:"seen"`
}

func plainFixture(tb testing.TB) []byte {
	b, err := avro.Marshal(mustHamba(tb, plainDrift), plainEvent{"0f8fad5b-d9cb-469f-a165-70867728950e", "cam-0042", "v5.4",
		"ks", 0.0123, 0.21, 1000, 1764000000000, true})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func BenchmarkProject(b *testing.B) {
	s, record := driftFixture(b)
	b.Run("DriftEvent", func(b *testing.B) { benchmarkProject(b, s.Text(), record) })
	b.Run("9 required fields", func(b *testing.B) { benchmarkProject(b, plainDrift, plainFixture(b)) })
}

func benchmarkProject(b *testing.B, schema string, record []byte) {
	p, err := compileText(schema, DriftWants())
	if err != nil {
		b.Fatal(err)
	}
	var dst [EventFields]Value
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	cpuTime(b)
	for b.Loop() {
		if err := p.Project(record, dst[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHambaIntoStruct(b *testing.B) {
	schema, record := mustHamba(b, plainDrift), plainFixture(b)
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	cpuTime(b)
	for b.Loop() {
		var v plainEvent
		if err := avro.Unmarshal(schema, record, &v); err != nil {
			b.Fatal(err)
		}
	}
}
