//go:build kafka

package kafka

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

// Commands expire that nobody takes up, and cool-downs end, on a cluster that has nothing else to do. The judge compares the
// ledger's own append times with what was due when: no clock of the test is asked. The times are no multiples of the half
// second for which a broker may hold an empty fetch: who woke only then would be late.
func TestTimersFireAtTheirLedgerTime(test *testing.T) {
	t := tell(test)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	a := newApp(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), "defaults: {cooldown: 1100ms, train: {start_by: 1100ms}}\n")
	a.add("a").start(nil)
	a.settle(ctx, "it runs", isReady)
	models := []string{"a/v1", "b/v1", "c/v1", "d/v1"}
	for n, model := range models {
		a.produce("monitoring.performance", drop(model, model, time.Now()))
		a.tail("retrain.commands", n+1) // each has moments of its own
	}
	a.tail("retrain.commands", 3*len(models)) // each expired and cooled down twice
	a.end(ctx)
	a.judge("--timers", "250ms")
}
