//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Five static members are restarted one after the other under load, each with a new policy. It is active from the first of them
// on, and each partition goes over to it once. A restart is no reason for others to load anything: a
// cascade of rebalances would show as partitions that were loaded several times.
func TestRollingRestartLoadsEachPartitionOnce(test *testing.T) {
	t := tell(test)
	const members = 5
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a := newApp(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), revision(t, 1))
	l := newLoad(t, a.c, 20_000)
	l.pace.Store(500)
	for n := range members {
		name := fmt.Sprint("s", n)
		a.add(name, "--instance-id", name).start(nil)
	}
	a.settle(ctx, "all instances run", isReady)
	a.fires(ctx, "goes")
	l.wg.Go(func() { l.events(ctx, 0) })
	loads := func() (n int) {
		for _, i := range a.all {
			i.mu.Lock()
			n += i.loads
			i.mu.Unlock()
		}
		return n
	}
	before, began, most := loads(), time.Now(), 2*a.tasks()
	for _, i := range a.all {
		stopped := time.Now()
		i.stop()
		a.deploy(i.name, revision(t, 2))
		i.start(nil)
		a.settle(ctx, i.name+" runs again", isReady)
		if time.Since(stopped) > shortSession {
			most += 3 * (a.tasks()/members + 1) // on a busy machine it may have been away for too long: others had its partitions meanwhile
		}
	}
	n := loads() - before
	t.Logf("rolling restart of %d static members in %s, %d of %d events written meanwhile: %d partitions were loaded %d times",
		members, time.Since(began).Round(time.Second), l.sent.Load(), l.all(), a.tasks(), n)
	if n > most {
		t.Errorf("%d loads of %d partitions: at most %d were expected", n, a.tasks(), most)
	}
	l.pace.Store(0)
	l.wg.Wait()
	if err := l.client.Flush(ctx); err != nil {
		t.Error(err)
	}
	if err := l.failed.Load(); err != nil {
		t.Errorf("the load: %v", *err)
	}
	a.end(ctx)
	if policies, switches := a.judgeSwitches(); policies != 2 || switches != 2*partitions {
		t.Errorf("%d policies were active, and partitions of events switched %d times; want 2, and each of the %d partitions once", policies, switches, 2*partitions)
	}
}

// fires has an alert of a rule fire that only a switch of policies ends: of a model of which nothing more is heard.
func (a *app) fires(ctx context.Context, rule string) {
	a.t.Helper()
	for n := range 2 {
		a.produce("monitoring.performance", drop("silent/v1", fmt.Sprint("silent", n), time.Now()))
	}
	until(ctx, a.t, "an alert of rule "+rule+" fires", func() bool {
		return slices.ContainsFunc(a.tail("retrain.ledger", 0), func(r record) bool { return r.Value["rule"] == rule && r.Value["state"] == "firing" })
	})
}
