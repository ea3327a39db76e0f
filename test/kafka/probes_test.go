//go:build kafka

package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// probes is steady traffic, of which up to every third event is the one that brings its model a command; how long that took is measured
// from the broker's answer to the event until a reader of committed records sees the command.
type probes struct {
	t      testing.TB
	client *kgo.Client
	wg     sync.WaitGroup

	mu     sync.Mutex
	asked  int    // models that were written to
	phase  string // of the events that are acknowledged now
	phases []string
	failed error
	acked  map[string]acked       // by model
	seen   map[string][]time.Time // commands, by model
}

type acked struct {
	at    time.Time
	phase string
}

const (
	perSecond   = 45  // events
	outstanding = 300 // models at most that wait for a command: a slow machine is not to be buried, or all would measure the backlog
)

func newProbes(t testing.TB, c *cluster) *probes {
	t.Helper()
	parts := map[int32]kgo.Offset{}
	for p := range int32(partitions) {
		parts[p] = kgo.NewOffset().AtStart()
	}
	client, err := kgo.NewClient(c.seeds(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.AlwaysRetryEOF(),
		kgo.ProducerLinger(0), kgo.RecordDeliveryTimeout(5*time.Minute), kgo.DialTimeout(time.Second), kgo.RequestTimeoutOverhead(5*time.Second),
		kgo.MetadataMinAge(250*time.Millisecond), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"retrain.commands": parts}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &probes{t: t, client: client, acked: map[string]acked{}, seen: map[string][]time.Time{}}
}

// enter begins a phase.
func (p *probes) enter(phase string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.phases = phase, append(p.phases, phase)
}

func (p *probes) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil && err != nil && !errors.Is(err, context.Canceled) {
		p.failed = err
	}
}

// write keeps events coming until ctx ends: drops of models that nobody has heard of, small changes of others, and drift.
func (p *probes) write(ctx context.Context) {
	due := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		now, change, calm := time.Now().UnixMilli(), 0.001, 0.5
		stream, model := fmt.Sprint("cam-", n%50), fmt.Sprint("calm-", n%50)
		r := &kgo.Record{Topic: "monitoring.performance", Partition: int32(n / 3 % partitions)}
		probe := n%3 == 0 && p.more()
		switch {
		case probe:
			model, change = fmt.Sprint("probe-", n), -0.2
			r.Value = encode(eventCodec, &event{ModelID: model + "/v1", Change: &change, Timestamp: now})
		case n%3 == 1:
			r.Topic, r.Partition = "monitoring.drift", int32(n%50%partitions)
			r.Value = encode(driftCodec, &driftEvent{Stream: &stream, PValue: &calm, Timestamp: now})
		default:
			r.Partition = int32(n % 50 % partitions)
			r.Value = encode(eventCodec, &event{ModelID: model + "/v1", Change: &change, Timestamp: now})
		}
		p.client.Produce(context.WithoutCancel(ctx), r, func(_ *kgo.Record, err error) {
			p.fail(err)
			if p.mu.Lock(); probe && err == nil {
				p.acked[model] = acked{time.Now(), p.phase}
			}
			p.mu.Unlock()
		})
		due = due.Add(time.Second / perSecond)
		_ = wait(ctx, time.Until(due)) // the loop ends
	}
}

// more says whether another model may be written to, and counts it.
func (p *probes) more() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked-len(p.seen) >= outstanding {
		return false
	}
	p.asked++
	return true
}

// read takes the commands until ctx ends.
func (p *probes) read(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := p.client.PollFetches(ctx)
		now := time.Now()
		fetches.EachRecord(func(r *kgo.Record) {
			var c retrain.Command
			if err := handlers.CommandCodec.Decode(r.Value, &c); err != nil {
				p.fail(err)
				return
			}
			p.mu.Lock()
			p.seen[c.Model] = append(p.seen[c.Model], now)
			p.mu.Unlock()
		})
	}
}

// passes waits until n events of a phase that begins now have been acknowledged and answered by a command.
func (p *probes) passes(ctx context.Context, phase string, n int) {
	p.t.Helper()
	p.enter(phase)
	count := func() (both int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for model, a := range p.acked { // order: counted only
			if a.phase == phase && len(p.seen[model]) > 0 {
				both++
			}
		}
		return both
	}
	for count() < n {
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			p.t.Fatalf("%d of %d commands %s: %v", count(), n, phase, err)
		}
	}
}

// whole waits until every command has been read: there is at least one of each model that was written to.
func (p *probes) whole(ctx context.Context) {
	p.t.Helper()
	until(ctx, p.t, "all commands are read", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.seen) >= len(p.acked)
	})
}

// report says how long commands took, phase by phase, and that each event had its one command.
func (p *probes) report() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		p.t.Errorf("the load: %v", p.failed)
	}
	took := map[string][]time.Duration{}
	for model, a := range p.acked { // order: sorted below
		if seen := p.seen[model]; len(seen) != 1 {
			p.t.Errorf("%d commands of %s, of which one event was acknowledged %s", len(seen), model, a.phase)
			continue
		}
		took[a.phase] = append(took[a.phase], max(0, p.seen[model][0].Sub(a.at)))
	}
	if len(p.seen) != len(p.acked) {
		p.t.Errorf("commands of %d models; %d had an event that was acknowledged", len(p.seen), len(p.acked))
	}
	for _, phase := range p.phases {
		all := slices.SortedFunc(slices.Values(took[phase]), cmp.Compare[time.Duration])
		if n := len(all); n > 0 {
			p.t.Logf("event to command, %-45s %5d commands, p50 %8s, p99 %8s, most %8s", phase+":", n, short(all[n/2]), short(all[n*99/100]), short(all[n-1]))
		}
	}
}

func short(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
