//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/internal/trainers"
	"github.com/visutility/retrainer/retrain"
)

// pace fits to the policies as patient leaves them: max_runtime is 10 s.
var pace = trainers.Pace{Word: 100 * time.Millisecond, Step: time.Second, Late: 5 * time.Second, Overdue: 11 * time.Second}

// trainers take commands up, each in another way than the one before; now and then somebody asks for a training by hand. They
// end with ctx.
func (l *load) trainers(ctx context.Context, c *cluster) {
	parts := map[int32]kgo.Offset{}
	for p := range int32(partitions) {
		parts[p] = kgo.NewOffset().AtStart()
	}
	reader, err := kgo.NewClient(c.seeds(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"retrain.commands": parts}), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		l.failed.CompareAndSwap(nil, &err)
		return
	}
	defer reader.Close()
	for ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
			var cmd retrain.Command
			if err := handlers.CommandCodec.Decode(rec.Value, &cmd); err != nil {
				l.failed.CompareAndSwap(nil, &err)
				return
			}
			n := int(l.commands.Add(1))
			l.wg.Go(func() { l.train(ctx, &cmd, n) })
			if n%50 == 0 {
				l.request(ctx, &cmd, n)
			}
		})
	}
}

// train says of the n-th command what there is to say; a training runs from its first word to its last.
func (l *load) train(ctx context.Context, cmd *retrain.Command, n int) {
	pace := pace
	pace.Unclaimed = time.Duration(cmd.StartBy-cmd.IssuedAt)*time.Millisecond + 2*time.Second
	for i, w := range trainers.Words(cmd, n, pace) {
		if wait(ctx, w.After) != nil {
			return
		}
		if i == 0 {
			l.training.Add(1)
			defer l.training.Add(-1)
		}
		l.write(ctx, &kgo.Record{Topic: "retrain.progress", Key: []byte(cmd.CommandID), Value: w.Value})
	}
}

func (l *load) request(ctx context.Context, cmd *retrain.Command, n int) {
	action := retrain.FullRetrain
	b, err := handlers.RequestValue(&retrain.Request{RequestID: fmt.Sprint("r", n), Verb: "trigger", Model: cmd.Model, Action: &action, Author: "chaos", At: time.Now().UnixMilli()})
	if err != nil {
		panic(err)
	}
	l.write(ctx, &kgo.Record{Topic: "retrain.requests", Value: b})
}
