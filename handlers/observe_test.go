package handlers

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
)

// patched is an encoded event whose timestamp and number can be replaced in place.
type patched struct {
	value          []byte
	number, moment int // where they stand
}

const unlikely = 0.123456789

func patch(t testing.TB, value []byte, timestamp int64) patched {
	t.Helper()
	number := binary.LittleEndian.AppendUint64(nil, math.Float64bits(unlikely))
	p := patched{value: value, number: -1, moment: -1}
	at := binary.AppendVarint(nil, timestamp)
	for i := range value {
		if i+8 <= len(value) && string(value[i:i+8]) == string(number) {
			p.number = i
		}
		if i+len(at) <= len(value) && string(value[i:i+len(at)]) == string(at) {
			p.moment = i
		}
	}
	if p.number < 0 || p.moment < 0 {
		t.Fatal("the event has no such number or timestamp")
	}
	return p
}

func (p *patched) set(number float64, timestamp int64) {
	binary.LittleEndian.PutUint64(p.value[p.number:], math.Float64bits(number))
	binary.PutVarint(p.value[p.moment:], timestamp)
}

func TestAnObservedEventAllocatesNothing(t *testing.T) {
	_, revision := policy(t, `{}`)
	for name, x := range map[string]struct {
		handler *Events
		value   []byte
	}{
		"performance": {NewPerformance(Settings{App: "retrain"}), encoded(t, performanceCodec, &performanceEvent{
			ModelID: "object_detection/v5.4", MAPChange: new(unlikely), Timestamp: moment, EventID: new("event-1")})},
		"drift": {NewDrift(Settings{App: "retrain"}), encoded(t, driftCodec, &driftEvent{
			StreamID: new("cam-17"), PValue: new(unlikely), Timestamp: moment})},
		"concept drift with labels": {NewDrift(Settings{App: "retrain"}), encoded(t, driftCodec, &driftEvent{
			ModelID: new("object_detection/v5.4"), KLDivergence: new(unlikely), Timestamp: moment,
			EventID: new("event-1"), Labels: map[string]string{"site": "hall-3", "lens": "wide"}})},
		"drift told by its labels": {NewDrift(Settings{App: "retrain"}), encoded(t, driftCodec, &driftEvent{
			StreamID: new("cam-17"), ModelID: new("object_detection/v5.4"), PValue: new(unlikely), Timestamp: moment,
			Labels: map[string]string{"site": "hall-3", "lens": "wide"}})},
	} {
		t.Run(name, func(t *testing.T) {
			if err := x.handler.Use(revision); err != nil {
				t.Fatal(err)
			}
			p, at := patch(t, x.value, moment), int64(moment)
			r := &record.Record{Topic: "monitoring", Value: p.value}
			out := make([]record.Output, 0, 4)
			fold := func() {
				at += 1000
				r.Offset++
				r.Time = at
				p.set(0.01+float64(r.Offset%7)/100, at)
				var err error
				if out, err = x.handler.Fold(r, out[:0]); err != nil || len(out) > 0 {
					t.Fatalf("%d outputs, %v", len(out), err)
				}
			}
			fold()
			if n := testing.AllocsPerRun(1000, fold); n != 0 {
				t.Errorf("%v allocations an event", n)
			}
			var newest *int64 // of the series' events
			x.handler.View(func(v *retrain.SourceView) { newest = v.Versions[0].Series[0].Newest })
			if newest == nil || *newest != at {
				t.Errorf("the last event, of %d, was not folded", at)
			}
		})
	}
}

func TestASourceTakesAtMost200BytesBeyondItsKey(t *testing.T) {
	const sources = 100_000
	_, revision := policy(t, `{}`)
	for name, x := range map[string]struct {
		handler *Events
		key     int // bytes of a source's key
		value   func(i int) []byte
	}{
		"drift": {NewDrift(Settings{}), 1 + len("camera-000001"), func(i int) []byte {
			return encoded(t, driftCodec, &driftEvent{StreamID: new(fmt.Sprintf("camera-%06d", i)), PValue: new(0.5), Timestamp: moment})
		}},
		"performance": {NewPerformance(Settings{}), 1 + len("detector-000001"), func(i int) []byte {
			return encoded(t, performanceCodec, &performanceEvent{
				ModelID: fmt.Sprintf("detector-%06d/v5.4", i), MAPChange: new(0.01), Timestamp: moment})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := x.handler.Use(revision); err != nil {
				t.Fatal(err)
			}
			before := liveBytes()
			for i := range sources {
				r := &record.Record{Topic: "monitoring", Offset: int64(i), Time: moment, Value: x.value(i)}
				if _, err := x.handler.Fold(r, nil); err != nil {
					t.Fatal(err)
				}
			}
			x.handler.Snapshot(false, func([]byte, []byte) {})
			each := float64(liveBytes()-before)/sources - float64(x.key)
			t.Logf("%.0f bytes a source beyond its key of %d", each, x.key)
			if each > 200 {
				t.Errorf("%.0f bytes a source beyond its key", each)
			}
			if n := x.handler.sources.Count(); n != sources {
				t.Errorf("%d sources", n)
			}
		})
	}
}

func liveBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkObserve folds events of many sources, from a record's bytes on.
func BenchmarkObserve(b *testing.B) {
	for _, sources := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("drift/%d", sources), func(b *testing.B) {
			_, revision := policy(b, `{}`)
			h := NewDrift(Settings{App: "retrain"})
			if err := h.Use(revision); err != nil {
				b.Fatal(err)
			}
			events := make([]patched, sources)
			for i := range events {
				events[i] = patch(b, encoded(b, driftCodec, &driftEvent{
					StreamID: new(fmt.Sprintf("camera-%06d", i)), PValue: new(unlikely), Timestamp: moment,
					EventID: new(fmt.Sprintf("event-%020d", i))}), moment)
			}
			r := &record.Record{Topic: "monitoring.drift"}
			var out []record.Output
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				p := &events[i*7919%sources]
				r.Offset, r.Time, r.Value = int64(i), moment+int64(i), p.value
				p.set(0.3+float64(i%5)/10, r.Time)
				var err error
				if out, err = h.Fold(r, out[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
