//go:build kafka

package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

const (
	models     = 1999 // a prime: whatever is done every n-th time comes to all of them
	partitions = 8
	policyText = `revision: 1
resend_delay: 0s
defaults: {cooldown: 1s, deploy_within: 2s, train: {start_by: 2s, max_runtime: 10s, trials: 2}}
`
)

// event is a performance event as a pipeline writes it.
type event struct {
	ModelID     string            `avro:"model_id"`
	Change      *float64          `avro:"mAP_change"`
	Timestamp   int64             `avro:"timestamp"`
	EventID     *string           `avro:"event_id"`
	Version     *string           `avro:"model_version"`
	Method      *string           `avro:"method"`
	Value       *float64          `avro:"value"`
	SampleSize  *int64            `avro:"sample_size"`
	WindowStart *int64            `avro:"window_start"`
	WindowEnd   *int64            `avro:"window_end"`
	DataRef     *string           `avro:"data_ref"`
	Labels      map[string]string `avro:"labels"`
}

var (
	eventCodec    = schemas.MustCodec[event]("PerformanceEvent")
	progressCodec = schemas.MustCodec[retrain.Progress]("Progress")
	commandCodec  = schemas.MustCodec[retrain.Command]("Command")
)

// load writes events, and plays the trainers and the people.
type load struct {
	t      *testing.T
	client *kgo.Client
	total  int
	sent   atomic.Int64
	pace   atomic.Int64 // events a second; 0: as fast as it goes
	failed atomic.Pointer[error]
	wg     sync.WaitGroup

	commands atomic.Int64
}

func newLoad(t *testing.T, c *cluster, total int) *load {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.client.OptValue(kgo.SeedBrokers).([]string)...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond), kgo.RecordDeliveryTimeout(2*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &load{t: t, client: client, total: total}
}

// value is the n-th record: mostly small changes, one in 100 a drop that the model's next event takes back; here and there
// what a topic of many producers also holds.
func (l *load) value(n int, now int64) []byte {
	model := n * 7919 % models
	change := 0.001 * float64(n%17-8)
	if n%100 == 7 {
		change = -0.06 - 0.001*float64(n%50)
	}
	id := fmt.Sprintf("e%d", n)
	e := event{ModelID: fmt.Sprintf("m%04d/v%d", model, 1+n/(l.total/2+1)), Change: &change, Timestamp: now, EventID: &id}
	switch n % 1000 {
	case 101:
		return []byte("no Avro at all")
	case 102:
		return nil
	case 103:
		nan := math.NaN()
		e.Change = &nan
	case 104:
		e.EventID = nil
	case 105:
		e.Timestamp = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	case 106:
		e.Timestamp = now - time.Hour.Milliseconds()
	case 107:
		e.Change = nil
	case 108:
		e.ModelID = ""
	case 109:
		return append(l.encode(&e), 0)
	case 110:
		return binary.LittleEndian.AppendUint64([]byte{0xc3, 1}, 12345)
	}
	return l.encode(&e)
}

func (l *load) encode(e *event) []byte {
	b, err := eventCodec.Append(nil, e)
	if err != nil {
		panic(err) // the struct is the schema
	}
	return b
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
		var value []byte
		model := n * 7919 % models
		if n < l.total {
			value = l.value(n, now)
		} else {
			good := 0.01
			model = (n - l.total) % models
			value = l.encode(&event{ModelID: fmt.Sprintf("m%04d/v%d", model, 1+(n-l.total)/models), Change: &good, Timestamp: now})
		}
		l.write(ctx, "monitoring.performance", int32(model%partitions), fmt.Appendf(nil, "m%04d", model), value)
		l.sent.Add(1)
	}
}

func (l *load) write(ctx context.Context, topic string, partition int32, key, value []byte) {
	l.client.Produce(ctx, &kgo.Record{Topic: topic, Partition: partition, Key: key, Value: value}, func(_ *kgo.Record, err error) {
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
		l.write(ctx, "retrain.progress", 0, []byte(cmd.CommandID), b)
	}
	if n%50 == 0 {
		action := retrain.Action("full")
		b, err := handlers.RequestValue(&retrain.Request{RequestID: fmt.Sprint("r", n), Verb: "trigger", Model: cmd.Model, Action: &action, Author: "chaos", At: time.Now().UnixMilli()})
		if err != nil {
			panic(err)
		}
		l.write(ctx, "retrain.requests", 0, nil, b)
	}
}
