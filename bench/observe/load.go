package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

func (b *bench) admin(ctx context.Context, topics ...consumer.Topic) error {
	c, err := consumer.Connect(consumer.ClientConfig{Brokers: b.brokers, ClientID: "bench", Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer c.Close()
	return c.CreateTopics(ctx, topics...)
}

// topics makes what an app needs, with the built-in policy in force.
func (b *bench) topics(ctx context.Context, app string) error {
	err := b.admin(ctx, consumer.Topic{Name: app + ".policy", Partitions: 1}, consumer.Topic{Name: app + ".dlq", Partitions: 1}, consumer.Topic{Name: app + ".ledger", Partitions: 1},
		consumer.Topic{Name: app + ".checkpoint", Partitions: int32(b.partitions), Configs: map[string]string{"cleanup.policy": "compact"}})
	if err != nil {
		return err
	}
	policy, err := retrain.BuiltIn("")
	if err != nil {
		return err
	}
	value, err := handlers.PolicyValue(policy, "5f2c1f0e-7d3a-4a1f-9d57-3b0d9a3c2b11", "bench")
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...))
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.ProduceSync(ctx, &kgo.Record{Topic: app + ".policy", Key: []byte("0"), Value: value}).FirstErr()
}

// fill makes the topic and writes events of quiet sources, in turn, in franz-go's batches.
func (b *bench) fill(ctx context.Context) error {
	if err := b.admin(ctx, consumer.Topic{Name: b.app, Partitions: int32(b.partitions)}); err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.DefaultProduceTopic(b.app), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return err
	}
	defer cl.Close()
	name := map[string]string{"performance": "PerformanceEvent", "drift": "DriftEvent"}[b.kind]
	schema, ok := schemas.ByName(name)
	if !ok {
		return fmt.Errorf("-kind %q is none of performance, drift", b.kind)
	}
	var failed error
	began := time.Now().Add(-time.Minute).UnixMilli()
	for i := range b.events {
		source := i % b.sources
		line := fmt.Sprintf(`{"model_id":"vision/model-%06d/v1.2","mAP_change":%g,"timestamp":%d,"event_id":"event-%010d"}`, source, float64(i%7)/1000, began+int64(i/b.sources), i)
		if b.kind == "drift" {
			line = fmt.Sprintf(`{"stream_id":"cameras/stream-%06d","p_value":%g,"timestamp":%d,"event_id":"event-%010d"}`, source, 0.1+float64(i*31%89)/100, began+int64(i/b.sources), i)
		}
		value, err := schema.FromJSON(schemas.AppendHeader(nil, schema.Fingerprint()), []byte(line))
		if err != nil {
			return err
		}
		b.size += len(value)
		cl.Produce(ctx, &kgo.Record{Key: fmt.Appendf(nil, "source-%06d", source), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	return failed
}
