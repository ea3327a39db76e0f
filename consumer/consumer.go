package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/visutility/retrainer/consumer/wire"
)

// Consumer is one member of the group and its tasks.
type Consumer struct {
	cfg        Config
	client     *wire.Client
	cluster    *cluster
	revisions  *revisions
	status     *status
	poison     poison
	unanswered unanswered
	supplies   *supplies
	served     atomic.Bool // all tasks have run: the rights are right, and one that is missing was taken away
}

// SetupError is for an operator to mend: a missing topic, no rights, a wrong setting. Doing the same again does not help.
type SetupError struct {
	Message string
	Missing []string // the topics that are not there, if it is about them
	cause   error    // what the cluster said, nil where it was not asked
}

func (e *SetupError) Error() string { return e.Message }
func (e *SetupError) Unwrap() error { return e.cause }

// New checks the configuration.
func New(cfg Config) (*Consumer, error) {
	if err := cfg.validate(); err != nil {
		return nil, &SetupError{Message: err.Error()}
	}
	cfg.setDefaults()
	return &Consumer{cfg: cfg, status: newStatus(), poison: poison{at: map[place]string{}}, unanswered: unanswered{at: map[partitionOf]pending{}}}, nil
}

// Run works until ctx is done (then it commits, leaves the group and answers nil) or until an error that no repetition
// mends. A broker that is away is waited for. When Run returns, all its goroutines have ended.
func (c *Consumer) Run(ctx context.Context) error {
	if open := c.cfg.Client; open != nil {
		c.client, c.cluster = open.wire, open.cluster
	} else {
		c.client = wire.NewClient(wire.Config{Brokers: c.cfg.Brokers, Dial: c.cfg.Dial, TLS: c.cfg.TLS, SASL: c.cfg.SASL, ClientID: c.cfg.App})
		defer c.client.Close()
		c.cluster = newCluster(c.client, c.cfg.Brokers, c.cfg.Now)
	}
	c.revisions = newRevisions(c.cfg.Revisions)
	if err := c.setup(ctx); ctx.Err() != nil {
		return nil
	} else if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel(nil)
	c.supplies = newSupplies(ctx, &c.cfg, &reading)
	if c.cfg.Revisions != "" {
		reading.Go(func() {
			if err := c.revisions.read(ctx, c); err != nil {
				cancel(err)
			}
		})
	}
	if err := newMember(c.membership()).run(ctx); err != nil {
		return setup(err)
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return setup(cause)
	}
	return nil
}

// Status tells what each task is doing.
func (c *Consumer) Status() Status { return c.status.now() }

// setup waits for a broker, then sees to it that the topics are there. That a checkpoint topic has fewer partitions than its input
// is no reason to refuse: whoever added partitions shall not have the next restart stop those that are there.
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
	wait := delays(50 * time.Millisecond)
	for {
		err := c.cluster.need(ctx, names...)
		if err == nil {
			break
		}
		if !passes(err) || pause(ctx, wait.NextBackOff()) != nil {
			return setup(err)
		}
	}
	return nil
}

// narrow says what a task waits for where a checkpoint topic has fewer partitions than its input.
func (c *Consumer) narrow(in *Input) string {
	have, want := c.cluster.partitions(in.Checkpoint), c.cluster.partitions(in.Topic)
	if have >= want {
		return ""
	}
	return fmt.Sprintf("topic %s has %d partitions, its input %s has %d: `retrainer topics apply` adds the missing ones", in.Checkpoint, have, in.Topic, want)
}

// membership is how this process is a member of the group: a task for each partition.
func (c *Consumer) membership() *membership {
	topics := make([]string, 0, len(c.cfg.Inputs))
	for i := range c.cfg.Inputs {
		topics = append(topics, c.cfg.Inputs[i].Topic)
	}
	slices.Sort(topics)
	return &membership{client: c.client, cluster: c.cluster, now: c.cfg.Now, log: c.cfg.Log, status: c.status,
		group: c.cfg.App, instance: c.cfg.InstanceID, protocol: assignor, topics: topics,
		session: c.cfg.SessionTimeout, look: c.cfg.MetadataInterval, tasks: c.tasks, served: c.served.Load}
}

// fences are the first fences of a generation's tasks, and their first fetches.
type fences struct {
	left  atomic.Int32
	done  chan struct{} // closed when every task has fenced
	unfed atomic.Int32  // tasks that have not fetched while they ran
}

// tasks makes the tasks of a generation.
func (c *Consumer) tasks(g *generation) (all []running) {
	f := &fences{done: make(chan struct{})}
	var ids []string
	for i := range c.cfg.Inputs {
		in := &c.cfg.Inputs[i]
		for _, p := range g.owned[in.Topic] {
			t := newTask(c, g, f, in, p)
			ids = append(ids, t.transactionalID())
			all = append(all, running{live: t.live, status: &t.status})
		}
	}
	f.left.Store(int32(len(all)))
	f.unfed.Store(int32(len(all)))
	if len(all) == 0 { // a spare member: what it needs so far, it has
		c.served.Store(true)
	}
	c.cluster.coordinate(g.soft, transactions, ids)
	return all
}
