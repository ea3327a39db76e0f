package retrain

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// A producer's clock, and the time of a record where the topic has its producer's, may be anything that 64 bits hold; the
// ledger's is its broker's and never negative.
func TestClocksAtBothEndsOfTimeBreakNothing(t *testing.T) {
	clocks := []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, t0, t0 + 1, math.MaxInt64, math.MaxInt64 - 1, earliest, 1 << 53}
	brokers := []int64{0, 1, t0, t0 + 1, t0 + hour, 1 << 53, math.MaxInt64}
	rapid.Check(t, func(rt *rapid.T) {
		l := newLive(t, OnPerformance, revision(t, rapid.IntRange(0, 3).Draw(rt, "p"), 1))
		c := NewController()
		mustStep(t, c, entryAt{rapid.SampledFrom(brokers).Draw(rt, "first"), &PolicyEntry{Policy: l.policy.Canonical(), Revision: 1, LedgerID: testLedger}})
		var ids []string
		for i := range 40 {
			h := happening{origin: Origin{"p", 0, int64(i), rapid.SampledFrom(clocks).Draw(rt, "record")}}
			h.event = drawEvent(rt, OnPerformance, t0)
			h.event.Timestamp = rapid.SampledFrom(clocks[4:]).Draw(rt, "event")
			out := l.take(h)
			at := rapid.SampledFrom(brokers).Draw(rt, "append")
			for _, a := range out {
				for _, o := range mustStep(t, c, entryAt{at, a}) {
					if k, ok := o.(*Command); ok {
						ids = append(ids, k.CommandID)
					}
				}
			}
			if len(ids) > 0 {
				mustStep(t, c, entryAt{at, &Progress{CommandID: ids[len(ids)-1], Kind: rapid.SampledFrom([]ProgressKind{Started, Succeeded, Failed}).Draw(rt, "k")}})
			}
			if rapid.IntRange(0, 5).Draw(rt, "save") == 0 {
				l.save(true)
				l = l.restart(t, true)
				c = copyOf(t, c)
			}
		}
		l.View(func(*SourceView) {})
	})
}
