//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Commands expire that nobody takes up, and cool-downs end, on a cluster that has nothing else to do. The judge compares the
// ledger's own append times with what was due when: no clock of the test is asked. The times are no multiples of the half
// second for which a broker may hold an empty fetch: who woke only then would be late. A machine that was held up is asked again:
// a program that wakes too seldom, or by its own clock, is late each time.
func TestTimersFireAtTheirLedgerTime(test *testing.T) {
	const tries = 3
	for try := 1; ; try++ {
		var late error
		test.Run(fmt.Sprintf("try %d", try), func(test *testing.T) { late = timersFire(tell(test)) })
		if late == nil || test.Failed() {
			return
		}
		if try == tries {
			test.Fatalf("timers were late in each of %d runs; the judge: %v", tries, late)
		}
	}
}

// timersFire is one run; what the judge says of its timers. Each may take what the same takes in the simulator, and as long as the
// appends and answers to one another that a tick waits for take on this machine at this time.
func timersFire(t testing.TB) error {
	t.Helper()
	const inSimulator, answers = 250 * time.Millisecond, 10
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a := newApp(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), "defaults: {cooldown: 1100ms, train: {start_by: 1100ms}}\n")
	a.add("a").start(nil)
	a.settle(ctx, "it runs", isReady)
	appendTakes := a.appends(ctx)
	models := []string{"a/v1", "b/v1", "c/v1", "d/v1"}
	for n, model := range models {
		a.produce("monitoring.performance", drop(model, model, time.Now()))
		a.tail("retrain.commands", n+1) // each has moments of its own
	}
	a.tail("retrain.commands", 3*len(models)) // each expired and cooled down twice
	limit := inSimulator + answers*appendTakes()
	a.end(ctx)
	a.judge()
	_, late := judged(t, a.dir, a.c.brokers, "--timers", limit.String())
	return late
}

// appends appends to a topic of its own, now and then, until it is asked how long that takes: the median.
func (a *app) appends(ctx context.Context) (median func() time.Duration) {
	a.t.Helper()
	const topic = "yardstick"
	a.c.create(ctx, topic, 1)
	going, stop := context.WithCancel(ctx)
	var appending sync.WaitGroup
	var took []time.Duration
	appending.Go(func() {
		for wait(going, 100*time.Millisecond) == nil {
			began := time.Now()
			if a.c.client.ProduceSync(going, &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr() == nil {
				took = append(took, time.Since(began))
			}
		}
	})
	end := func() { stop(); appending.Wait() }
	a.t.Cleanup(end)
	return func() time.Duration {
		end()
		if len(took) == 0 {
			a.t.Fatalf("nothing could be appended to %s", topic)
		}
		slices.Sort(took)
		a.t.Logf("an append takes %v, of %d; the longest %v", took[len(took)/2], len(took), took[len(took)-1])
		return took[len(took)/2]
	}
}
