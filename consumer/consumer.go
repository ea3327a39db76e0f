package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/visutility/retrainer/consumer/wire"
)

// Consumer is one member of the group and its tasks.
type Consumer struct {
	cfg       Config
	client    *wire.Client
	cluster   *cluster
	revisions *revisions
	status    *status
	poison    poison
}

// SetupError is a mistake in what was given: a missing topic, no rights, a wrong setting. Nothing was done yet, and doing it again
// does not help.
type SetupError struct{ Message string }

func (e *SetupError) Error() string { return e.Message }

// New checks the configuration.
func New(cfg Config) (*Consumer, error) {
	if err := cfg.validate(); err != nil {
		return nil, &SetupError{err.Error()}
	}
	return &Consumer{cfg: cfg, status: newStatus(), poison: poison{at: map[place]string{}}}, nil
}

// Run works until ctx is done (then it commits, leaves the group and answers nil) or until an error that no repetition
// mends. A broker that is away is waited for. When Run returns, all its goroutines have ended.
func (c *Consumer) Run(ctx context.Context) error {
	c.client = wire.NewClient(wire.Config{Brokers: c.cfg.Brokers, Dial: c.cfg.Dial, TLS: c.cfg.TLS, SASL: c.cfg.SASL, ClientID: c.cfg.App})
	defer c.client.Close()
	c.cluster = newCluster(c.client, c.cfg.Now)
	c.revisions = newRevisions()
	if err := c.setup(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel(nil)
	if c.cfg.Revisions != "" {
		reading.Go(func() {
			if err := c.revisions.read(ctx, c); err != nil {
				cancel(err)
			}
		})
	}
	m := &member{c: c, generation: -1}
	if err := m.run(ctx); err != nil {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// Status tells what each task is doing.
func (c *Consumer) Status() Status { return c.status.now() }

// setup waits for a broker, then sees to it that the topics are there, with as many checkpoint partitions as inputs.
func (c *Consumer) setup(ctx context.Context) error {
	var names []string
	for i := range c.cfg.Inputs {
		names = append(names, c.cfg.Inputs[i].Topic, c.cfg.Inputs[i].Checkpoint)
	}
	for _, n := range []string{c.cfg.Revisions, c.cfg.DeadLetters} {
		if n != "" {
			names = append(names, n)
		}
	}
	missing, err := c.cluster.missing(ctx, names)
	if err != nil || ctx.Err() != nil {
		return err
	}
	if len(missing) > 0 {
		return missingTopics(missing)
	}
	for i := range c.cfg.Inputs {
		if why := c.narrow(&c.cfg.Inputs[i]); why != "" {
			return &SetupError{why}
		}
	}
	return nil
}

// narrow says what is wrong where a checkpoint topic has fewer partitions than its input.
func (c *Consumer) narrow(in *Input) string {
	have, want := c.cluster.partitions(in.Checkpoint), c.cluster.partitions(in.Topic)
	if have >= want {
		return ""
	}
	return fmt.Sprintf("topic %s has %d partitions, its input %s has %d: `retrainer topics apply` adds the missing ones", in.Checkpoint, have, in.Topic, want)
}

// partitionCounts asks now how many partitions each input has.
func (c *Consumer) partitionCounts(ctx context.Context) (map[string]int32, error) {
	var names []string
	for i := range c.cfg.Inputs {
		names = append(names, c.cfg.Inputs[i].Topic)
	}
	if err := c.cluster.refresh(ctx, names...); err != nil {
		return nil, err
	}
	counts := map[string]int32{}
	for _, n := range names {
		if counts[n] = c.cluster.partitions(n); counts[n] == 0 { // a broker that does not know it at the moment
			return nil, &fault{fate: fateRoute, what: "topic " + n, code: kerr.UnknownTopicOrPartition.Code}
		}
	}
	return counts, nil
}

// partitions tells how many partitions a topic has, 0 if it is not known.
func (c *cluster) partitions(topic string) int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int32(len(c.topics[topic].leaders))
}

// missing asks which of the topics are not there. A topic just made may not have reached every broker: it is asked for
// again for a moment. A cluster that does not answer is waited for.
func (c *cluster) missing(ctx context.Context, names []string) (gone []string, err error) {
	const enough = 6 // tries, over a second and a half
	wait := delays(50 * time.Millisecond)
	for tries := 0; ctx.Err() == nil; {
		err := c.refresh(ctx, names...)
		if fateOfError(err) == fateStop {
			return nil, &SetupError{err.Error()}
		}
		if err == nil {
			gone = gone[:0]
			for _, n := range names {
				if c.partitions(n) == 0 {
					gone = append(gone, n)
				}
			}
			if tries++; len(gone) == 0 || tries == enough {
				return gone, nil
			}
		}
		_ = pause(ctx, wait.NextBackOff())
	}
	return nil, nil
}

// place is one record's address.
type place struct {
	topic     string
	partition int32
	offset    int64
}

// poison remembers for the life of the process on which records a handler panicked.
type poison struct {
	mu sync.Mutex
	at map[place]string
}

func (p *poison) mark(at place, what string) {
	p.mu.Lock()
	p.at[at] = what
	p.mu.Unlock()
}

// forget drops what no replay will meet again.
func (p *poison) forget(topic string, partition int32, below int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := range p.at { // order: deletes only
		if at.topic == topic && at.partition == partition && at.offset < below {
			delete(p.at, at)
		}
	}
}

func (p *poison) of(topic string, partition int32) map[int64]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var m map[int64]string
	for at, what := range p.at { // order: into a map
		if at.topic == topic && at.partition == partition {
			if m == nil {
				m = map[int64]string{}
			}
			m[at.offset] = what
		}
	}
	return m
}
