package consumer_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/examples/count/counter"
)

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var vn kfake.VirtualNetwork
		k, err := kfake.NewCluster(kfake.Ports(9092), kfake.ListenFn(vn.Listen), kfake.SeedTopics(2, "in", "cp", "out"), kfake.SeedTopics(1, "rev", "dlq"))
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		ctx, cancel := context.WithCancel(context.Background())
		c, err := consumer.New(consumer.Config{App: "app", Brokers: []string{"localhost:9092"}, Dial: vn.DialContext, Revisions: "rev", DeadLetters: "dlq",
			Log:    zerolog.New(os.Stderr),
			Inputs: []consumer.Input{{Topic: "in", Checkpoint: "cp", Versioned: true, New: func(string, int32) record.Handler { return counter.New("out") }}}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		cl, err := kgo.NewClient(kgo.SeedBrokers("localhost:9092"), kgo.Dialer(vn.DialContext), kgo.ConsumeTopics("out", "dlq"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		cl.ProduceSync(ctx, &kgo.Record{Topic: "rev", Key: []byte("1"), Value: []byte("2")})
		for i := range 10 {
			cl.ProduceSync(ctx, &kgo.Record{Topic: "in", Key: fmt.Append(nil, "k", i%3), Value: []byte("x")})
		}
		cl.ProduceSync(ctx, &kgo.Record{Topic: "in", Key: []byte("k1")})
		time.Sleep(time.Second)
		cl.ProduceSync(ctx, &kgo.Record{Topic: "rev", Key: []byte("2"), Value: []byte("3")})
		time.Sleep(time.Second)
		fs := cl.PollFetches(ctx)
		fs.EachRecord(func(r *kgo.Record) {
			t.Log(r.Topic, r.Partition, r.Offset, string(r.Key), string(r.Value), len(r.Headers))
		})
		t.Log(c.Status())
		cancel()
		t.Log(<-done)
		cl.Close()
	})
}
