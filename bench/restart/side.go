package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/bench/events"
)

// side is one of the two that are measured: what it reads, what it answers, and how an instance of it is started.
type side struct {
	name        string
	topic, out  string
	start       func(instance string) (*process, error)
	client      *kgo.Client // reads its answers, and writes what it reads
	partitions  int
	asked       int
	lives       map[string]*process // by instance
	first, last time.Duration       // of the last ask
}

// patience is how long an answer may take.
const patience = 2 * time.Minute

func (s *side) open(brokers []string) (err error) {
	s.lives = map[string]*process{}
	s.client, err = kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(s.out), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(500*time.Millisecond), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	return err
}

func (s *side) close() {
	for _, p := range s.lives { // order: each by itself
		p.kill()
	}
	if s.client != nil {
		s.client.Close()
	}
}

func (s *side) run(instance string) (err error) {
	s.lives[instance], err = s.start(instance)
	return err
}

func (s *side) kill(instance string) {
	s.lives[instance].kill()
	delete(s.lives, instance)
}

// ask writes a drop of a new model to each partition and waits until each is answered; first and last are when the first and the
// last were, counted from since.
func (s *side) ask(ctx context.Context, since time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	open := map[string]bool{}
	var records []*kgo.Record
	for p := range s.partitions {
		s.asked++
		model := fmt.Sprintf("restarted-%06d", s.asked)
		value, err := events.Value("performance", fmt.Sprintf(`{"model_id":%q,"mAP_change":-0.5,"timestamp":%d}`, model, time.Now().UnixMilli()))
		if err != nil {
			return err
		}
		open[model] = true
		records = append(records, &kgo.Record{Topic: s.topic, Partition: int32(p), Key: []byte(model), Value: value})
	}
	if err := s.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	s.first = 0
	for len(open) > 0 {
		short, enough := context.WithTimeout(ctx, time.Second) // to see whether a process has ended
		fetches := s.client.PollFetches(short)
		enough()
		now := time.Since(since)
		fetches.EachRecord(func(r *kgo.Record) {
			if open[string(r.Key)] {
				delete(open, string(r.Key))
				if s.last = now; s.first == 0 {
					s.first = now
				}
			}
		})
		if err := s.failed(ctx, len(open)); err != nil {
			return err
		}
	}
	return nil
}

// failed says why no more answers come.
func (s *side) failed(ctx context.Context, open int) error {
	for _, p := range s.lives { // order: any of them is enough
		if err := p.failed(); err != nil {
			return err
		}
	}
	if ctx.Err() != nil && open > 0 {
		return fmt.Errorf("%s: %d of %d without an answer: %w", s.name, open, s.partitions, ctx.Err())
	}
	return nil
}
