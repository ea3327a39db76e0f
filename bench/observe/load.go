package main

import (
	"context"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/bench/events"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
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

// fill makes the topic and writes events of quiet sources, in turn.
func (b *bench) fill(ctx context.Context) (err error) {
	if err := b.admin(ctx, consumer.Topic{Name: b.app, Partitions: int32(b.partitions)}); err != nil {
		return err
	}
	b.size, err = events.Quiet{Topic: b.app, Kind: b.kind, Events: b.events, Sources: b.sources}.Write(ctx, b.brokers)
	return err
}
