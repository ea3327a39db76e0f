package demo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// letter is a dead letter.
type letter struct {
	place  string // of the record that could not be used
	reason string
}

// published is what stands in the topics, as a reader of committed records gets it, in the order of each topic.
type published struct {
	commands  []retrain.Command
	decisions []retrain.Decision
	results   []retrain.Result
	letters   []letter
}

// add takes a record of one of the topics.
func (p *published) add(t *Topics, r *record.Record) error {
	switch r.Topic {
	case t.Commands:
		return read(handlers.CommandCodec, r, &p.commands)
	case t.Decisions:
		return read(handlers.DecisionCodec, r, &p.decisions)
	case t.Results:
		return read(handlers.ResultCodec, r, &p.results)
	}
	var l letter
	var topic, partition, offset string
	for _, h := range r.Headers {
		switch h.Key {
		case consumer.ReasonHeader:
			l.reason = string(h.Value)
		case "__streams.errors.topic":
			topic = string(h.Value)
		case "__streams.errors.partition":
			partition = string(h.Value)
		case "__streams.errors.offset":
			offset = string(h.Value)
		}
	}
	l.place = fmt.Sprintf("%s/%s at %s", topic, partition, offset)
	p.letters = append(p.letters, l)
	return nil
}

func read[T any](codec *schemas.Codec[T], r *record.Record, all *[]T) error {
	var v T
	if err := codec.Decode(r.Value, &v); err != nil {
		return fmt.Errorf("%s/%d at %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	*all = append(*all, v)
	return nil
}

// decisionsOn are those on a model, in order.
func (p *published) decisionsOn(model string) (all []retrain.Decision) {
	for _, d := range p.decisions {
		if d.Model == model {
			all = append(all, d)
		}
	}
	return all
}

// commandsFor are those for a model, in the order of its decisions.
func (p *published) commandsFor(model string) (all []retrain.Command) {
	for _, c := range p.commands {
		if c.Model == model {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b retrain.Command) int { return int(a.IssuedAt - b.IssuedAt) })
	return all
}

// endOf is how a command ended; nil: it has not.
func (p *published) endOf(commandID string) *retrain.Result {
	for i := range p.results {
		if p.results[i].CommandID == commandID {
			return &p.results[i]
		}
	}
	return nil
}

// seen follows the topics while the story is played.
type seen struct {
	cfg     *Config
	client  *consumer.Client
	readers sync.WaitGroup

	mu      sync.Mutex
	all     published
	err     error         // that ended a reader
	changed chan struct{} // closed with the next record
}

func newSeen(cfg *Config, client *consumer.Client) *seen {
	return &seen{cfg: cfg, client: client, changed: make(chan struct{})}
}

// follow begins to read; it ends with ctx.
func (s *seen) follow(ctx context.Context) error {
	for _, topic := range s.cfg.Topics.published() {
		r, err := s.client.NewReader(ctx, consumer.ReaderConfig{Topic: topic})
		if err != nil {
			return err
		}
		s.readers.Go(func() {
			defer r.Close()
			for {
				rec, err := r.Next(ctx)
				if !s.take(rec, err) {
					return
				}
			}
		})
	}
	return nil
}

func (t *Topics) published() []string {
	return []string{t.Commands, t.Decisions, t.Results, t.DeadLetters}
}

// take notes a record, or the error of reading; false: that is the end.
func (s *seen) take(r *record.Record, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		err = s.all.add(&s.cfg.Topics, r)
	}
	if err == nil && s.cfg.Each != nil {
		err = s.cfg.Each(r)
	}
	s.err = err
	close(s.changed)
	s.changed = make(chan struct{})
	return err == nil
}

// wait waits for the readers' end.
func (s *seen) wait() { s.readers.Wait() }

// until waits for what the topics must come to show.
func (s *seen) until(ctx context.Context, what string, ok func(p *published) bool) error {
	late := time.After(patience)
	for {
		s.mu.Lock()
		done, err, changed := ok(&s.all), s.err, s.changed
		s.mu.Unlock()
		switch {
		case done:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return fmt.Errorf("%v passed without %s", patience, what)
		}
	}
}

// look gives what has been seen so far.
func (s *seen) look(do func(p *published)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(&s.all)
}
