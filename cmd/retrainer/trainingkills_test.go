package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/internal/free"
	"github.com/visutility/retrainer/internal/trainers"
	"github.com/visutility/retrainer/retrain"
)

// A success is the beginning of the next alert, a failure that of a cool-down: commands come as fast as they end.
// Some models wait for their trainers as long as it takes, others so short that on a busy machine most commands expire.
const busyPolicy = `revision: 1
resend_delay: 0s
models:
- {match: {model: "model-1*"}, train: {start_by: 1s}}
defaults: {cooldown: 100ms, deploy_within: 0s, train: {start_by: 2h, max_runtime: 2s, trials: 3}}
`

var busyPace = trainers.Pace{Word: 20 * time.Millisecond, Step: 200 * time.Millisecond, Late: 600 * time.Millisecond, Overdue: 2500 * time.Millisecond}

// TestDevKilledWhileTrainingsRunAndEndIsExactlyOnce kills dev while trainers say of commands all that they may say, and things that
// nobody can use. Results, versions and decisions are the fold of the ledger, what cannot be used is a dead letter, each once.
func TestDevKilledWhileTrainingsRunAndEndIsExactlyOnce(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	broker, web, data := free.Address(t), free.Address(t), t.TempDir()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(busyPolicy), 0o644); err != nil {
		t.Fatal(err)
	}
	const kills = 6
	commands := 5 * trainers.Lives()

	dev := startDev(t, broker, web, data, "--policy", policy)
	dev.ready(t, web)
	b := newBusy(t, broker)
	for hit, all := 0, 0; hit < kills || b.commands.Load() < int64(commands) || len(b.lacking()) > 0; all++ {
		if all == 20*kills {
			t.Fatalf("%d of %d kills came while trainings ran; %d of %d commands were given; no training ended %q", hit, all, b.commands.Load(), commands, b.lacking())
		}
		<-time.After(time.Duration(random.IntN(1500)) * time.Millisecond) // the kill's moment is the point of the test
		if b.training.Load() > 0 {
			hit++
		}
		_ = dev.cmd.Process.Kill()
		_ = dev.cmd.Wait() // killed
		dev = startDev(t, broker, web, data, "--policy", policy)
		dev.ready(t, web)
	}
	b.end()
	all := []*instance{{web: web}}
	waitUntilFoldedTo(t, all, "retrain.progress", b.words.Load())
	waitUntilFolded(t, broker, all, b.events.Load())
	dev.stop(t)
	said := judge(t, data)
	for _, what := range trainers.Seen {
		if number(said, `(\d+) `+what) < 1 {
			t.Errorf("there were no %s", what)
		}
	}
}

// busy are pipelines and trainers beside a program that is killed.
type busy struct {
	t        *testing.T
	client   *kgo.Client
	commands atomic.Int64
	training atomic.Int64
	events   atomic.Int64 // written
	words    atomic.Int64
	going    sync.WaitGroup
	stop     context.CancelFunc

	mu    sync.Mutex
	ended map[string]bool // ways in which trainings have ended
}

func newBusy(t *testing.T, broker string) *busy {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ConsumeTopics("retrain.commands", "retrain.results"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AlwaysRetryEOF(), kgo.MetadataMinAge(50*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))
	if err != nil {
		t.Fatal(err)
	}
	b := &busy{t: t, client: c, ended: map[string]bool{}}
	var ctx context.Context
	ctx, b.stop = context.WithCancel(t.Context())
	t.Cleanup(func() { b.stop(); b.going.Wait(); c.Close() })
	b.going.Go(func() { b.drops(ctx) })
	b.going.Go(func() { b.trainers(ctx) })
	return b
}

// end lets nobody say anything more, and waits until what was said is written.
func (b *busy) end() {
	b.stop()
	b.going.Wait()
	if err := b.client.Flush(b.t.Context()); err != nil {
		b.t.Error(err)
	}
}

func (b *busy) write(written *atomic.Int64, r *kgo.Record) {
	written.Add(1)
	b.client.Produce(b.t.Context(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			b.t.Error(err)
		}
	})
}

// drops are of models that never get better; half of them are named without a version, so that commands begin with the newest.
func (b *busy) drops(ctx context.Context) {
	for n := 0; ; n++ {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return
		}
		model := fmt.Sprintf("model-%d", n%12)
		if n%2 == 0 {
			model += "/v1"
		}
		b.write(&b.events, &kgo.Record{Topic: "monitoring.performance", Partition: int32(n % 12 % 8), Value: recordOf(b.t, "PerformanceEvent",
			fmt.Sprintf(`{"model_id":%q,"mAP_change":-0.12,"timestamp":%d,"event_id":"e%d"}`, model, time.Now().UnixMilli(), n))})
	}
}

func (b *busy) trainers(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := b.client.PollFetches(ctx)
		if err := fetches.Err(); err != nil && !errors.Is(err, context.Canceled) {
			b.t.Logf("reading commands: %v", err) // it goes on
		}
		fetches.EachRecord(func(r *kgo.Record) {
			var err error
			cmd, result := new(retrain.Command), new(retrain.Result)
			if r.Topic == "retrain.commands" {
				if err = handlers.CommandCodec.Decode(r.Value, cmd); err == nil {
					n := int(b.commands.Add(1))
					b.going.Go(func() { b.train(ctx, cmd, n) })
				}
			} else if err = handlers.ResultCodec.Decode(r.Value, result); err == nil {
				b.endsAs(result)
			}
			if err != nil {
				b.t.Error(err)
			}
		})
	}
}

// endsAs notes how a training has ended.
func (b *busy) endsAs(r *retrain.Result) {
	end := string(r.State)
	if r.State == retrain.ResultExpired {
		end = *r.ErrorCode
	}
	if r.Late {
		end += " late"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended[end] = true
}

// lacking are the ways in which no training has ended yet.
func (b *busy) lacking() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc([]string{"succeeded", "succeeded late", "superseded late", "failed", "unclaimed", "max_runtime"}, func(end string) bool { return b.ended[end] })
}

// train says of the n-th command what there is to say; a training runs from its first word to its last.
func (b *busy) train(ctx context.Context, cmd *retrain.Command, n int) {
	pace := busyPace
	pace.Unclaimed = time.Duration(cmd.StartBy-cmd.IssuedAt)*time.Millisecond + time.Second/2
	for i, w := range trainers.Words(cmd, n, pace) {
		select {
		case <-time.After(w.After):
		case <-ctx.Done():
			return
		}
		if i == 0 {
			b.training.Add(1)
			defer b.training.Add(-1)
		}
		b.write(&b.words, &kgo.Record{Topic: "retrain.progress", Key: []byte(cmd.CommandID), Value: w.Value})
	}
}
