package retrain

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestTwoVersionsSideBySideAreJudgedAsIfAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		topic := rapid.SampledFrom([]On{OnDrift, OnPerformance}).Draw(rt, "topic")
		p := revision(t, 0, 1)
		together := newLive(t, topic, p)
		alone := map[string]*live{"v1": newLive(t, topic, p), "v2": newLive(t, topic, p)}
		for i, h := range drawHappenings(rt, t, topic, 1, 60) {
			if h.policy != nil {
				continue
			}
			version := rapid.SampledFrom([]string{"v1", "v2"}).Draw(rt, "of")
			if h.event != nil { // of one source
				e := *h.event
				e.ModelID, e.ModelVersion = []byte("a"), []byte(version)
				if e.Stream != nil {
					e.Stream = []byte("cam-1")
				}
				h.event = &e
			}
			want := alone[version].take(h)
			if got := together.take(h); !reflect.DeepEqual(got, want) {
				rt.Fatalf("record %d of %s: %s\nalone: %s", i, version, shown(got), shown(want))
			}
		}
	})
}

func TestAClockAheadIsThatOfTheRecord(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		topic := rapid.SampledFrom([]On{OnDrift, OnPerformance}).Draw(rt, "topic")
		p := revision(t, rapid.IntRange(0, len(policyTexts)-1).Draw(rt, "policy"), 1)
		ahead, right := newLive(t, topic, p), newLive(t, topic, p)
		for i, h := range drawHappenings(rt, t, topic, 1, 60) {
			there := h
			if h.event != nil {
				e := *h.event
				if e.EventID == nil { // else it would be known again by its time
					e.EventID = []byte{'a' + byte(i%26), 'a' + byte(i/26)}
				}
				h.event = &e
				corrected := e
				corrected.Timestamp = min(e.Timestamp, h.origin.Time)
				there.event = &corrected
			}
			if got, want := ahead.take(h), right.take(there); !reflect.DeepEqual(got, want) {
				rt.Fatalf("record %d: %s\nwith a clock that is right: %s", i, shown(got), shown(want))
			}
		}
	})
}
