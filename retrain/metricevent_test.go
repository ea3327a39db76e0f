package retrain

import (
	"math"
	"reflect"
	"testing"
	"time"
)

func TestMetricEventsAreTheEventsThatSourcesFold(t *testing.T) {
	at := time.UnixMilli(t0)
	all := Details{
		EventID: "e", ModelVersion: "v2", Method: "ks", SampleSize: new(int64(50)), WindowStart: at.Add(-time.Hour), WindowEnd: at, DataRef: "s3://d",
	}
	want := Event{
		EventID: []byte("e"), ModelVersion: []byte("v2"), Method: []byte("ks"), DataRef: []byte("s3://d"), Timestamp: t0,
		SampleSize: Whole{50, true}, WindowStart: Whole{t0 - hour, true}, WindowEnd: Whole{t0, true},
	}
	with := func(f func(e *Event)) *Event { e := want; f(&e); return &e }
	own := all
	own.Value = new(0.7)
	for _, c := range []struct {
		event MetricEvent
		on    On
		want  *Event
	}{
		{DataDrift{"cam-7", 0.01, at, "m/v2", all}, OnDrift, with(func(e *Event) {
			e.Stream, e.ModelID, e.PValue = []byte("cam-7"), []byte("m/v2"), Number{0.01, true}
		})},
		{ConceptDrift{"m/v2", 0.3, at, all}, OnConceptDrift, with(func(e *Event) { e.ModelID, e.KLDivergence = []byte("m/v2"), Number{0.3, true} })},
		{PerformanceDrop{"m/v2", -0.1, at, all}, OnPerformance, with(func(e *Event) { e.ModelID, e.MAPChange = []byte("m/v2"), Number{-0.1, true} })},
		{PerformanceDrop{"m/v2", 0, at, own}, OnPerformance, with(func(e *Event) { e.ModelID, e.Value = []byte("m/v2"), Number{0.7, true} })},
		{DataDrift{StreamID: "cam-7", Timestamp: at}, OnDrift, &Event{Stream: []byte("cam-7"), PValue: Number{0, true}, Timestamp: t0}},
	} {
		if got := c.event.Event(); c.event.On() != c.on || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%T is on %s\n%+v\nexpected\n%+v", c.event, c.event.On(), got, c.want)
		}
	}
}

func TestMetricEventsThatCannotBeUsedAreTold(t *testing.T) {
	at := time.UnixMilli(t0)
	for _, e := range []MetricEvent{
		DataDrift{PValue: 0.01, Timestamp: at, ModelID: "m"}, // never taken for the concept drift of m
		DataDrift{StreamID: "cam-7", PValue: 1.1, Timestamp: at},
		ConceptDrift{KLDivergence: 0.1, Timestamp: at},
		ConceptDrift{ModelID: "m", KLDivergence: -0.1, Timestamp: at},
		PerformanceDrop{MAPChange: -0.1, Timestamp: at},
		PerformanceDrop{ModelID: "m", MAPChange: math.NaN(), Timestamp: at},
		PerformanceDrop{ModelID: "m", MAPChange: -0.1},
	} {
		if bad := e.Event().Check(); bad == nil || bad.Reason != InvalidValue {
			t.Errorf("%+v: %v", e, bad)
		}
	}
}

func TestLabelsTellAnEventWithoutAnIDFromItsRedelivery(t *testing.T) {
	drop := func(labels map[string]string, id string) uint64 {
		return PerformanceDrop{"m", -0.1, time.UnixMilli(t0), Details{Labels: labels, EventID: id}}.Event().mark()
	}
	a := drop(map[string]string{"site": "x", "line": "2"}, "")
	if a != drop(map[string]string{"line": "2", "site": "x"}, "") || a == drop(map[string]string{"line": "3", "site": "x"}, "") || a == drop(nil, "") ||
		drop(map[string]string{}, "") == drop(nil, "") {
		t.Error("labels do not tell the events apart")
	}
	if drop(map[string]string{"site": "x"}, "e") != drop(nil, "e") {
		t.Error("an event id does not suffice")
	}
}
