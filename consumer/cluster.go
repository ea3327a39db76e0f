package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/wire"
)

// cluster remembers who leads which partition and who coordinates which group or transaction, and asks again when told
// that an answer was wrong. It is shared by all goroutines of a Consumer; its lock is never held over I/O.
type cluster struct {
	client *wire.Client
	at     []string // the addresses it was given, for errors
	now    func() time.Time
	asking chan struct{} // one slot: one Metadata request at a time

	mu     sync.Mutex
	topics map[string]topicInfo
	coords map[coordinatorKey]int32
	asked  time.Time // when the last Metadata answer came
}

// topicInfo is what Metadata said of a topic. It is never changed once stored.
type topicInfo struct {
	id      [16]byte
	leaders []int32 // by partition; -1: none at the moment
}

func newCluster(client *wire.Client, brokers []string, now func() time.Time) *cluster {
	return &cluster{client: client, at: brokers, now: now, asking: make(chan struct{}, 1),
		topics: map[string]topicInfo{}, coords: map[coordinatorKey]int32{}}
}

const (
	requestTimeout = 5 * time.Second // one request and its repetitions, where nothing else is said
	askTimeout     = 2 * time.Second // who leads, who coordinates
)

// topic tells what is known of a topic, asking if nothing is.
func (c *cluster) topic(ctx context.Context, name string) (topicInfo, error) {
	c.mu.Lock()
	t, ok := c.topics[name]
	c.mu.Unlock()
	if ok {
		return t, nil
	}
	if err := c.refresh(ctx, name); err != nil {
		return topicInfo{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok = c.topics[name]; !ok {
		return t, &fault{fate: fateRoute, what: fmt.Sprintf("topic %s", name), code: kerr.UnknownTopicOrPartition.Code}
	}
	return t, nil
}

// leader tells the node that leads a partition.
func (c *cluster) leader(ctx context.Context, topic string, partition int32) (int32, error) {
	t, err := c.topic(ctx, topic)
	if err != nil {
		return 0, err
	}
	if int(partition) >= len(t.leaders) {
		return 0, &fault{fate: fateRoute, what: fmt.Sprintf("%s/%d", topic, partition), code: kerr.UnknownTopicOrPartition.Code}
	}
	if t.leaders[partition] < 0 {
		return 0, &fault{fate: fateRoute, what: fmt.Sprintf("leader of %s/%d", topic, partition), code: kerr.LeaderNotAvailable.Code}
	}
	return t.leaders[partition], nil
}

// refresh asks for the metadata of all topics known and of those named. Whoever comes while another asks waits for that
// answer and is content with it.
func (c *cluster) refresh(ctx context.Context, names ...string) error {
	came := c.now()
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c.mu.Lock()
	fresh := c.asked.After(came)
	for _, n := range names {
		_, ok := c.topics[n]
		fresh = fresh && ok
	}
	all := slices.Clone(names)
	for n := range c.topics { // order: sorted below
		all = append(all, n)
	}
	c.mu.Unlock()
	if fresh {
		return nil
	}
	slices.Sort(all)
	return c.ask(ctx, slices.Compact(all), names)
}

// ask asks for the metadata of all; an error is about those that are wanted.
func (c *cluster) ask(ctx context.Context, all, wanted []string) (refused error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, n := range all {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(n)
		req.Topics = append(req.Topics, t)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	res, err := wire.Do[*kmsg.MetadataResponse](ctx, c.client, wire.AnyNode, req)
	if err != nil {
		_ = c.client.Refresh(ctx) // the brokers that we know may all be gone: begin again at the addresses given
		return asFault("metadata", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = c.now()
	for i := range res.Topics {
		t := &res.Topics[i]
		if t.Topic == nil {
			continue
		}
		if t.ErrorCode != 0 {
			f := fateOf(t.ErrorCode)
			if f != fateDenied { // what is not shown any more may be there as before
				delete(c.topics, *t.Topic)
			}
			if (f == fateDenied || f == fateStop) && refused == nil && slices.Contains(wanted, *t.Topic) {
				refused = &fault{fate: f, what: "topic " + *t.Topic, code: t.ErrorCode, want: toDescribe(*t.Topic)}
			}
			continue
		}
		info := topicInfo{id: t.TopicID, leaders: make([]int32, len(t.Partitions))}
		for j := range t.Partitions { // in any order
			p := &t.Partitions[j]
			if int(p.Partition) < len(info.leaders) {
				info.leaders[p.Partition] = p.Leader
			}
		}
		c.topics[*t.Topic] = info
	}
	return refused
}

// partitions tells how many partitions a topic has, 0 if it is not known.
func (c *cluster) partitions(topic string) int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int32(len(c.topics[topic].leaders))
}

// counts asks now how many partitions each topic has.
func (c *cluster) counts(ctx context.Context, topics []string) (map[string]int32, error) {
	if err := c.refresh(ctx, topics...); err != nil && fateOfError(err) != fateDenied {
		return nil, err
	} else if gone := slices.ContainsFunc(topics, func(t string) bool { return c.partitions(t) == 0 }); err != nil && gone {
		return nil, err // else what was known before counts
	}
	counts := map[string]int32{}
	for _, t := range topics {
		if counts[t] = c.partitions(t); counts[t] == 0 { // a broker that does not know it at the moment
			return nil, &fault{fate: fateRoute, what: "topic " + t, code: kerr.UnknownTopicOrPartition.Code}
		}
	}
	return counts, nil
}

// need answers with a *SetupError where a topic is not there.
func (c *cluster) need(ctx context.Context, names ...string) error {
	const enough = 6 // tries, over a second and a half: a topic just made may not have reached every broker
	missing, err := c.missing(ctx, names, enough)
	if err == nil && len(missing) > 0 {
		err = &SetupError{Missing: missing, Message: fmt.Sprintf("missing on the cluster at %s, or no right to see it: topic %s; `retrainer topics apply` makes what is missing",
			strings.Join(c.at, ", "), strings.Join(missing, ", "))}
	}
	return err
}

// missing asks which of the topics are not there, until all are or it was tried often enough.
func (c *cluster) missing(ctx context.Context, names []string, enough int) ([]string, error) {
	wait := delays(50 * time.Millisecond)
	for tries := 1; ; tries++ {
		if err := c.refresh(ctx, names...); err != nil {
			return nil, err
		}
		gone := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return c.partitions(n) > 0 })
		if len(gone) == 0 || tries == enough {
			return gone, nil
		}
		if err := pause(ctx, wait.NextBackOff()); err != nil {
			return nil, err
		}
	}
}

// pause waits d or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// delays is the back-off of repeated requests: from d, doubling, at most 1 s. No jitter: the tasks of a member ask different
// things, and what they ask is cheap.
func delays(d time.Duration) backoff.BackOff {
	b := backoff.NewExponentialBackOff(backoff.WithInitialInterval(d), backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0),
		backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(0))
	b.Reset()
	return b
}

// ask is a request that may be repeated: where it goes, and what it says.
type ask struct {
	what   string
	route  func(ctx context.Context) (int32, error) // the node to ask
	lost   func(ctx context.Context)                // the route was wrong: forget it
	send   func(ctx context.Context, node int32) (code int16, err error)
	rights rights // what it needs, for an answer that there is none
	// unknown: an answer that does not come leaves a fate unknown, so there is no second try after a transport's error.
	unknown bool
}

// persist sends a until it is answered by something other than fateAgain and fateRoute, or d has passed. A code that
// stays retriable until then keeps its fate, or is fateDrop where an unknown fate matters.
func (c *cluster) persist(ctx context.Context, d time.Duration, a ask) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	again, slow := delays(2*time.Millisecond), delays(20*time.Millisecond)
	for {
		f := c.once(ctx, a)
		if f == nil {
			return nil
		}
		if f.fate != fateAgain && f.fate != fateRoute {
			return f
		}
		shownFailed(ctx, f)
		wait := again
		if f.fate == fateRoute {
			wait = slow
			if a.lost != nil {
				a.lost(ctx)
			}
		}
		if pause(ctx, wait.NextBackOff()) != nil {
			if a.unknown {
				f.fate = fateDrop
			}
			return f
		}
	}
}

func (c *cluster) once(ctx context.Context, a ask) *fault {
	node, err := a.route(ctx)
	if err != nil {
		return asFault(a.what, err)
	}
	shownAsked(ctx, a.what, node)
	code, err := a.send(ctx, node)
	if err != nil {
		f := asFault(a.what, err)
		if a.unknown && f.fate != fateStop {
			f.fate = fateDrop
		}
		return f
	}
	if code == 0 {
		return nil
	}
	return &fault{fate: fateOf(code), what: a.what, code: code, want: a.rights[code]}
}

// asFault gives an error a fate: a fault keeps its own, a broker that lacks the request ends the process, any other error of
// the transport asks for the route again.
func asFault(what string, err error) *fault {
	if f, ok := err.(*fault); ok {
		return f
	}
	refused := (*wire.RefusedError)(nil)
	if errors.As(err, new(*wire.UnsupportedError)) || errors.As(err, &refused) && refused.First {
		return &fault{fate: fateStop, what: what, err: err}
	}
	return &fault{fate: fateRoute, what: what, err: err}
}

func (c *cluster) toLeader(topic string, partition int32) (route func(context.Context) (int32, error), lost func(context.Context)) {
	return func(ctx context.Context) (int32, error) { return c.leader(ctx, topic, partition) },
		func(ctx context.Context) { _ = c.refresh(ctx, topic) }
}
