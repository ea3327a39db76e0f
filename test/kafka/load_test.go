//go:build kafka

package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

var (
	progressCodec = schemas.MustCodec[retrain.Progress]("Progress")
	commandCodec  = schemas.MustCodec[retrain.Command]("Command")
)

// load writes events, and plays the trainers and the people.
type load struct {
	t      testing.TB
	client *kgo.Client
	total  int
	sent   atomic.Int64
	pace   atomic.Int64 // events a second; 0: as fast as it goes
	failed atomic.Pointer[error]
	wg     sync.WaitGroup

	commands atomic.Int64
}

func newLoad(t testing.TB, c *cluster, total int) *load {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.client.OptValue(kgo.SeedBrokers).([]string)...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.AlwaysRetryEOF(), kgo.ProducerLinger(5*time.Millisecond), kgo.RecordDeliveryTimeout(2*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &load{t: t, client: client, total: total}
}

// all is how many records events writes: at last, every series has its drop taken back.
func (l *load) all() int { return l.total + 2*models }

// events writes them, the first ones without a pause.
func (l *load) events(ctx context.Context, first int) {
	due := time.Now()
	for n := 0; n < l.all() && ctx.Err() == nil; n++ {
		if pace := l.pace.Load(); n > first && n < l.total && pace > 0 {
			due = due.Add(time.Second / time.Duration(pace))
			if ahead := time.Until(due); ahead > 5*time.Millisecond {
				_ = wait(ctx, ahead)
			}
		} else {
			due = time.Now()
		}
		now := time.Now().UnixMilli()
		if n < l.total {
			l.write(ctx, l.record(n, now))
		} else {
			good, model := 0.01, (n-l.total)%models
			e := event{ModelID: fmt.Sprintf("m%04d/v%d", model, 1+(n-l.total)/models), Change: &good, Timestamp: now}
			l.write(ctx, &kgo.Record{Topic: "monitoring.performance", Partition: int32(model % partitions), Value: encode(eventCodec, &e)})
		}
		l.sent.Add(1)
	}
}

func (l *load) write(ctx context.Context, r *kgo.Record) {
	l.client.Produce(ctx, r, func(_ *kgo.Record, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			l.failed.CompareAndSwap(nil, &err)
		}
	})
}

// trainers answer a third of the commands with success, a third with failure, and let a third expire; now and then somebody
// asks for a training by hand. They end with ctx.
func (l *load) trainers(ctx context.Context, c *cluster) {
	parts := map[int32]kgo.Offset{}
	for p := range int32(partitions) {
		parts[p] = kgo.NewOffset().AtStart()
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.client.OptValue(kgo.SeedBrokers).([]string)...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"retrain.commands": parts}), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		l.failed.CompareAndSwap(nil, &err)
		return
	}
	defer reader.Close()
	for ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
			var cmd retrain.Command
			if err := commandCodec.Decode(rec.Value, &cmd); err != nil {
				l.failed.CompareAndSwap(nil, &err)
				return
			}
			l.answer(ctx, &cmd, l.commands.Add(1))
		})
	}
}

func (l *load) answer(ctx context.Context, cmd *retrain.Command, n int64) {
	worker, kinds := "trainer", []retrain.ProgressKind{"started", "succeeded"}
	switch n % 3 {
	case 1:
		kinds[1] = "failed"
	case 2:
		kinds = nil
	}
	for _, k := range kinds {
		b, err := progressCodec.Append(nil, &retrain.Progress{CommandID: cmd.CommandID, Kind: k, Worker: &worker, At: time.Now().UnixMilli()})
		if err != nil {
			panic(err)
		}
		l.write(ctx, &kgo.Record{Topic: "retrain.progress", Key: []byte(cmd.CommandID), Value: b})
	}
	if n%50 == 0 {
		action := retrain.RetrainAction("full")
		b, err := handlers.RequestValue(&retrain.Request{RequestID: fmt.Sprint("r", n), Verb: "trigger", Model: cmd.Model, Action: &action, Author: "chaos", At: time.Now().UnixMilli()})
		if err != nil {
			panic(err)
		}
		l.write(ctx, &kgo.Record{Topic: "retrain.requests", Value: b})
	}
}
