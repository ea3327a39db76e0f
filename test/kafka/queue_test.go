//go:build kafka

package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	kafkarecord "github.com/visutility/retrainer/consumer/record"
)

const (
	queueTopic = "commands"
	queueGroup = "workers"
)

// queue is a member that runs in this process; cut takes its way to the cluster.
type queue struct {
	cancel context.CancelFunc
	ended  chan error

	mu    sync.Mutex
	conns []net.Conn
	cut   bool
}

func (q *queue) dial(ctx context.Context, network, address string) (net.Conn, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cut {
		return nil, errors.New("cut off")
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		q.conns = append(q.conns, c)
	}
	return c, err
}

func (q *queue) setCut(cut bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cut = cut; cut {
		for _, c := range q.conns {
			_ = c.Close()
		}
		q.conns = nil
	}
}

func (q *queue) stop(t *testing.T) error {
	t.Helper()
	q.cancel()
	return q.end(t)
}

// end waits until Run has returned.
func (q *queue) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-q.ended:
		return err
	case <-time.After(patience):
		t.Fatalf("Run has not returned within %s", patience)
		return nil
	}
}

// desk is where members write down what they have begun and done.
type desk struct {
	mu          sync.Mutex
	begun, done map[string][]string // by record: who
	release     chan struct{}       // closed: what is held is done
}

func (d *desk) count(m map[string][]string, what string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(m[what])
}

// join starts a member. A record whose value is "hold" is in work until release.
func (d *desk) join(t *testing.T, c *cluster, name, kind string) *queue {
	ctx, cancel := context.WithCancel(context.Background())
	q := &queue{cancel: cancel, ended: make(chan error, 1)}
	cq, err := consumer.NewQueue(consumer.QueueConfig{
		Client: consumer.ClientConfig{Brokers: strings.Split(c.brokers, ","), Dial: q.dial},
		Group:  queueGroup, Topic: queueTopic, Kind: kind, SessionTimeout: 15 * time.Second, // no member is to be out because the machine was held up
		Work: func(ctx context.Context, r *kafkarecord.Record) error {
			d.mu.Lock()
			d.begun[string(r.Key)] = append(d.begun[string(r.Key)], name)
			d.mu.Unlock()
			if string(r.Value) == "hold" {
				select {
				case <-d.release:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			d.mu.Lock()
			d.done[string(r.Key)] = append(d.done[string(r.Key)], name)
			d.mu.Unlock()
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { q.ended <- cq.Run(ctx) }()
	t.Cleanup(cancel)
	return q
}

// committed is the group's offset of a partition.
func (c *cluster) committed(partition int32) int64 {
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = queueGroup
	req.Group, req.Groups = queueGroup, append(req.Groups, g)
	res, err := req.RequestWith(context.Background(), c.client)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, t := range res.Groups[0].Topics {
		for _, p := range t.Partitions {
			if p.Partition == partition {
				return p.Offset
			}
		}
	}
	return -1
}

// What Apache Kafka's group coordinator does with a Queue: a record stays in work, once, while members come and go and while
// its member is cut off for a moment; what else its member has goes to a peer that is free; its offset is committed under the
// generation that holds then; a member of another kind is refused; and who leaves is not waited for.
func TestQueueKeepsItsRecordOnApacheKafka(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)))
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = queueTopic, 8, 1
	create.Topics = append(create.Topics, topic)
	if _, err := create.RequestWith(t.Context(), c.client); err != nil {
		t.Fatal(err)
	}
	producer, err := kgo.NewClient(c.seeds(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	write := func(partition int32, key, value string) {
		t.Helper()
		r := &kgo.Record{Topic: queueTopic, Partition: partition, Key: []byte(key), Value: []byte(value)}
		if err := producer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	d := &desk{begun: map[string][]string{}, done: map[string][]string{}, release: make(chan struct{})}

	a := d.join(t, c, "a", "images")
	write(5, "long", "hold")
	until(t.Context(), t, "the long one is in work", func() bool { return d.count(d.begun, "long") == 1 })
	for i := range 3 {
		peer := d.join(t, c, fmt.Sprint("b", i), "images")
		n := 0
		until(t.Context(), t, "the peer has done something", func() bool {
			for p := range int32(4) {
				write(p, fmt.Sprintf("b%d-%d-%d", i, p, n), "")
			}
			n++
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, who := range d.done {
				if who[0] == fmt.Sprint("b", i) {
					return true
				}
			}
			return false
		})
		if i == 0 {
			other := d.join(t, c, "other", "text")
			var s *consumer.SetupError
			if err := other.end(t); !errors.As(err, &s) || !strings.Contains(err.Error(), `kind "text"`) {
				t.Errorf("a member of another kind ended with %v", err)
			}
		}
		if i == 1 {
			a.setCut(true)
			a.setCut(false)
		}
		if err := peer.stop(t); err != nil {
			t.Errorf("stopping b%d: %v", i, err)
		}
	}
	peer := d.join(t, c, "c", "images")
	for p := range int32(8) {
		if p != 5 {
			write(p, fmt.Sprint("other", p), "")
		}
	}
	until(t.Context(), t, "what a cannot begin is done by its peer", func() bool {
		n := 0
		for p := range 8 {
			n += d.count(d.done, fmt.Sprint("other", p))
		}
		return n == 7
	})
	write(5, "behind", "")
	close(d.release)
	until(t.Context(), t, "both of the partition are committed", func() bool { return c.committed(5) == 2 })
	if err := errors.Join(a.stop(t), peer.stop(t)); err != nil {
		t.Error(err)
	}
	for key, who := range d.begun {
		if len(who) != 1 {
			t.Errorf("%s was begun by %q", key, who)
		}
	}
}
