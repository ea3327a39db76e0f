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
	training atomic.Int64 // commands that a trainer has
}

func newLoad(t testing.TB, c *cluster, total int) *load {
	t.Helper()
	client, err := kgo.NewClient(c.seeds(), kgo.RecordPartitioner(kgo.ManualPartitioner()),
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
