//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// fault is a broker that is away, and comes back.
type fault struct {
	name   string
	find   func(f *faults, ctx context.Context) (node int32) // the broker that it happens to
	strike func(f *faults, node int32)
	mend   func(f *faults, node int32)
	says   string // what /readyz says, of the broker's address
	moves  string // what has another coordinator by then, where there is another broker
}

// A broker is killed, held for longer than requests wait, or its disk is full, while events come in: the only one, or one of three
// that coordinates what is going on. The service waits, says for what, and goes on by itself: with the other two at once, else when
// the broker is back. Then the judge compares all that is committed with its own fold. How long commands take before, meanwhile
// and after is printed.
func TestBrokersThatAreAwayAreWaitedFor(test *testing.T) {
	only := func(*faults, context.Context) int32 { return 1 }
	const refused, late = `(%s|node %d).*(connection refused|reset by peer|EOF)`, `(%s|node %d).*(deadline exceeded|i/o timeout)`
	one := []fault{
		{"the only broker is killed", only, (*faults).kill, (*faults).up, refused, ""},
		{"the only broker is paused", only, (*faults).pause, (*faults).resume, late, ""},
		{"the only broker's disk is full", only, (*faults).fill, (*faults).up, refused, ""},
	}
	three := []fault{
		{"the group's coordinator is killed", (*faults).groupCoordinator, (*faults).kill, (*faults).up, refused, "group"},
		{"a coordinator of transactions is paused", (*faults).ledgerCoordinator, (*faults).pause, (*faults).resume, late, "ledger"},
		{"the disk of the group's coordinator is full", (*faults).groupCoordinator, (*faults).fill, (*faults).up, refused, "group"},
	}
	for _, c := range []struct {
		name   string
		nodes  int
		faults []fault
	}{{"one broker", 1, one}, {"three brokers", 3, three}} {
		test.Run(c.name, func(test *testing.T) {
			test.Parallel()
			t := tell(test)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			f := newFaults(t, c.nodes)
			f.run(ctx, c.faults)
		})
	}
}

// faults is a run on one cluster.
type faults struct {
	*app
	probes *probes
}

func newFaults(t testing.TB, nodes int) *faults {
	t.Helper()
	f := &faults{app: newApp(t, nodes, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), "defaults: {train: {start_by: 1h}}\n")}
	f.add("a", "--instance-id", "a") // a static member
	f.add("b")                       // and a dynamic one
	f.probes = newProbes(t, f.c)
	return f
}

const enough = 75 // commands in a phase

func (f *faults) run(ctx context.Context, all []fault) {
	f.t.Helper()
	for _, i := range f.app.all {
		i.start(nil)
	}
	f.settle(ctx, "both instances run", isReady)
	writing, stop := context.WithCancel(ctx)
	defer stop()
	reading, done := context.WithCancel(ctx)
	defer done()
	writers := &f.probes.wg
	writers.Go(func() { f.probes.write(writing) })
	readers := make(chan struct{})
	go func() { defer close(readers); f.probes.read(reading) }()
	f.probes.passes(ctx, "while all begins", enough)
	f.probes.passes(ctx, "before", enough)
	for _, x := range all {
		f.suffer(ctx, x)
	}
	stop()
	writers.Wait()
	if err := f.probes.client.Flush(ctx); err != nil {
		f.t.Error(err)
	}
	f.end(ctx)
	f.probes.whole(ctx)
	done()
	<-readers
	f.probes.report()
	if dead := f.tail("retrain.dlq", 0); len(dead) > 0 {
		f.t.Errorf("%d dead letters, the first of them %+v", len(dead), dead[0])
	}
	f.judge()
}

// suffer is one fault from its beginning until nothing is left of it.
func (f *faults) suffer(ctx context.Context, x fault) {
	f.t.Helper()
	f.settle(ctx, "all is ready before "+x.name, isReady) // nothing that is said from here on is of before
	node := x.find(f, ctx)
	says := regexp.MustCompile(fmt.Sprintf(x.says, regexp.QuoteMeta(f.c.address(node)), node))
	f.probes.enter(x.name)
	struck := time.Now()
	w := f.watch()
	x.strike(f, node)
	f.t.Logf("%s (broker %d): /readyz after %s: %s", x.name, node, short(time.Since(struck)), w.until(ctx, "", says))
	if f.c.nodes == 1 {
		outside := regexp.MustCompile(fmt.Sprintf(`(coordinator of|Group of group) retrain: .*(%s|node %d)`, regexp.QuoteMeta(f.c.address(node)), node))
		for _, i := range f.all {
			f.t.Logf("%s: when its session is over: %s", x.name, w.until(ctx, i.name, outside))
		}
	} else {
		f.moved(ctx, x.moves, node)
		f.settle(ctx, "the others have taken over", isReady)
		f.t.Logf("%s: the coordinator of the %s has moved from broker %d to %d, and all is ready again after %s", x.name, x.moves, node, f.coordinator(ctx, x.moves), short(time.Since(struck)))
		f.probes.passes(ctx, x.name+", others lead", enough)
	}
	x.mend(f, node)
	mended := time.Now()
	f.c.whole(ctx)
	f.settle(ctx, "it is as before", isReady)
	w.stop()
	f.t.Logf("%s: mended after %s, ready %s later", x.name, short(mended.Sub(struck)), short(time.Since(mended)))
	f.probes.passes(ctx, "after: "+x.name, enough)
}

func (f *faults) must(words ...string) {
	f.t.Helper()
	if out, err := f.c.script(words...); err != nil {
		f.t.Fatalf("kafka-local %v: %v\n%s", words, err, out)
	}
}

func (f *faults) kill(node int32) { f.t.Helper(); f.must("kill", strconv.Itoa(int(node))) }
func (f *faults) up(node int32)   { f.t.Helper(); f.must("up", strconv.Itoa(int(node))) }

func (f *faults) pause(node int32)  { f.t.Helper(); f.signal(node, syscall.SIGSTOP) }
func (f *faults) resume(node int32) { f.t.Helper(); f.signal(node, syscall.SIGCONT) }

func (f *faults) signal(node int32, s syscall.Signal) {
	f.t.Helper()
	if err := f.c.signal(node, s); err != nil {
		f.t.Fatal(err)
	}
}

// fill has the broker's writes fail from now on, whatever its disk would take: a limit of its process, which needs no rights and
// no mount. Kafka treats every failed write alike: it gives the folder up, and ends when that was the last one.
func (f *faults) fill(node int32) { f.t.Helper(); f.must("full", strconv.Itoa(int(node))) }

func (f *faults) groupCoordinator(ctx context.Context) int32  { return f.coordinator(ctx, "group") }
func (f *faults) ledgerCoordinator(ctx context.Context) int32 { return f.coordinator(ctx, "ledger") }

// coordinator of the group, or of the ledger's transactions.
func (f *faults) coordinator(ctx context.Context, what string) int32 {
	f.t.Helper()
	kind, name := int8(0), "retrain"
	if what == "ledger" {
		kind, name = 1, transactional("retrain.ledger/0")
	}
	nodes, err := f.c.coordinatorsOf(ctx, kind, []string{name})
	if err != nil {
		f.t.Fatal(err)
	}
	return nodes[name]
}

// moved waits until the cluster names another coordinator.
func (f *faults) moved(ctx context.Context, what string, from int32) {
	f.t.Helper()
	for f.coordinator(ctx, what) == from {
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			f.t.Fatalf("broker %d still coordinates the %s: %v", from, what, err)
		}
	}
}
