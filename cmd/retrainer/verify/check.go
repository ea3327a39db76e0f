package verify

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
)

// Find reads a topic again, all partitions from where they begin to where they were cut for the comparison, until visit says
// false.
type Find func(ctx context.Context, topic string, visit func(r *record.Record) (more bool)) error

// Topics are what the ledger gives, each with its partitions in order of their numbers.
type Topics struct {
	Decisions, Commands, Results, Models, Policies Topic
}

// Topic is one of these.
type Topic struct {
	Name       string
	Partitions []Partition
}

// Counts are the records of a topic, as far as they are looked at.
type Counts struct {
	Equal int // as the ledger gives them; of a compacted topic the last words
	Gone  int // given by the ledger and not kept any more
}

// Check folds a ledger from its start and compares. Every error that is a *Difference ends it.
type Check struct {
	Entries int

	ledger record.Handler
	out    []record.Output
	logs   []*log
	tables []*table
}

// New begins a check of an app's topics; it reads the compacted ones.
func New(ctx context.Context, app string, topics *Topics, find Find) (*Check, error) {
	c := &Check{ledger: handlers.NewLedger(handlers.Settings{App: app})}
	for _, l := range []struct {
		kind  *kind
		topic *Topic
	}{{decisions, &topics.Decisions}, {commands, &topics.Commands}, {results, &topics.Results}} {
		add := &log{topic: l.topic.Name, kind: l.kind, find: find}
		for _, p := range l.topic.Partitions {
			add.partitions = append(add.partitions, &partition{Partition: p})
		}
		c.logs = append(c.logs, add)
	}
	for _, l := range []struct {
		kind  *kind
		topic *Topic
	}{{models, &topics.Models}, {policies, &topics.Policies}} {
		add := &table{topic: l.topic.Name, kind: l.kind, found: map[string]*record.Record{}, wanted: map[string]*wanted{}}
		if err := add.read(ctx, l.topic.Partitions); err != nil {
			return nil, err
		}
		c.tables = append(c.tables, add)
	}
	return c, nil
}

// Entry folds the next entry of the ledger and compares what it gives. Certain are those entries whose outputs had been
// committed before the topics were cut.
func (c *Check) Entry(ctx context.Context, r *record.Record, certain bool) (err error) {
	if err := c.fold(r); err != nil {
		return err
	}
	c.Entries++
	for i := range c.out {
		o := &c.out[i]
		for _, l := range c.logs {
			if l.topic == o.Topic {
				if err := l.expect(ctx, o, r, certain); err != nil {
					return err
				}
			}
		}
		for _, t := range c.tables {
			if t.topic == o.Topic {
				t.expect(o, r, certain)
			}
		}
	}
	return nil
}

func (c *Check) fold(r *record.Record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("folding %s broke an invariant; keep this record and report it. panic: %v\n%s", placeOf(r), v, debug.Stack())
		}
	}()
	if c.out, err = c.ledger.Fold(r, c.out[:0]); err != nil {
		return fmt.Errorf("%s: %w", placeOf(r), err)
	}
	return nil
}

// End looks for what stands in the topics beyond what the ledger gave, and compares the last words.
func (c *Check) End(ctx context.Context) error {
	for _, l := range c.logs {
		if err := l.end(ctx); err != nil {
			return err
		}
	}
	for _, t := range c.tables {
		if err := t.end(); err != nil {
			return err
		}
	}
	return nil
}

// Counts are those of a topic.
func (c *Check) Counts(topic string) Counts {
	for _, l := range c.logs {
		if l.topic == topic {
			return l.counts
		}
	}
	for _, t := range c.tables {
		if t.topic == topic {
			return t.counts
		}
	}
	return Counts{}
}
