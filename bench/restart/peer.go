package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// peer is the process that the program is measured beside: a franz-go group consumer that answers each record with one of the same
// key, offsets and answers in one transaction. It has no state, and one stage where the program has two.
func peer(ctx context.Context, brokers []string, topic, out, instance string, session time.Duration) error {
	say(listening)
	s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(brokers...), kgo.ConsumerGroup(topic), kgo.InstanceID(instance), kgo.TransactionalID(topic+"."+instance),
		kgo.ConsumeTopics(topic), kgo.DefaultProduceTopic(out), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(session), kgo.HeartbeatInterval(session/10), kgo.Balancers(kgo.StickyBalancer()), // as the program has them
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(500*time.Millisecond), kgo.TransactionTimeout(10*time.Second),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { say(joined) }))
	if err != nil {
		return err
	}
	defer s.Close()
	for ctx.Err() == nil {
		fetches := s.PollFetches(ctx)
		if err := fetches.Err(); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		if fetches.NumRecords() == 0 {
			continue
		}
		if err := s.Begin(); err != nil {
			return err
		}
		promise := kgo.AbortingFirstErrPromise(s.Client())
		fetches.EachRecord(func(r *kgo.Record) {
			s.Produce(ctx, &kgo.Record{Key: r.Key, Value: r.Key}, promise.Promise())
		})
		if _, err := s.End(ctx, promise.Err() == nil); err != nil {
			return err
		}
	}
	return nil
}

// say is a line of a log as the program writes it.
func say(message string) { fmt.Fprintf(os.Stderr, "{\"message\":%q}\n", message) }
