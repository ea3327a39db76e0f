package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
)

// broker is kfake on a virtual network in a bubble, with a client of ours.
type broker struct {
	net   kfake.VirtualNetwork
	fake  *kfake.Cluster
	ours  *consumer.Client
	plain *kgo.Client // writes what the tests read
}

// withBroker runs f in a bubble with a broker that has the topics, of two partitions each.
func withBroker(t *testing.T, topics []string, f func(t *testing.T, b *broker)) {
	synctest.Test(t, func(t *testing.T) {
		var b broker
		var err error
		if b.fake, err = kfake.NewCluster(kfake.NumBrokers(2), kfake.Ports(9092, 9093), kfake.ListenFn(b.net.Listen), kfake.SeedTopics(2, topics...)); err != nil {
			t.Fatal(err)
		}
		defer b.fake.Close()
		if b.ours, err = consumer.Connect(consumer.ClientConfig{Brokers: []string{"localhost:9092"}, ClientID: "test", Dial: b.net.DialContext}); err != nil {
			t.Fatal(err)
		}
		defer b.ours.Close()
		b.plain = b.client(t)
		f(t, &b)
	})
}

func (b *broker) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers("localhost:9092"), kgo.Dialer(b.net.DialContext), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (b *broker) write(t *testing.T, topic string, partition int32, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := b.plain.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// values reads n records, or to the end with n < 0, and gives each partition's values in the order they came in.
func values(t *testing.T, r *consumer.Reader, n int) [2]string {
	t.Helper()
	var got [2]string
	for i := 0; i != n; i++ {
		rec, err := r.Next(t.Context())
		if n < 0 && errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[rec.Partition] += string(rec.Value) + " "
	}
	return got
}

func open(t *testing.T, b *broker, cfg consumer.ReaderConfig) *consumer.Reader {
	t.Helper()
	r, err := b.ours.NewReader(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReaderBeginsWhereItIsTold(t *testing.T) {
	withBroker(t, []string{"in"}, func(t *testing.T, b *broker) {
		b.write(t, "in", 0, "a", "b", "c")
		b.write(t, "in", 1, "x")
		time.Sleep(time.Minute)
		noon := time.Now()
		b.write(t, "in", 0, "d")
		for _, c := range []struct {
			name string
			from consumer.From
			want [2]string
		}{
			{"the start", consumer.From{}, [2]string{"a b c d ", "x "}},
			{"an offset", consumer.From{Offset: 2}, [2]string{"c d ", ""}},
			{"a time", consumer.From{Time: noon}, [2]string{"d ", ""}},
			{"a time after the last record", consumer.From{Time: noon.Add(time.Hour)}, [2]string{}},
			{"the end", consumer.From{End: true}, [2]string{}},
		} {
			r := open(t, b, consumer.ReaderConfig{Topic: "in", From: c.from, ToEnd: true})
			if got := values(t, r, -1); got != c.want {
				t.Errorf("from %s: %q, want %q", c.name, got, c.want)
			}
			r.Close()
		}
	})
}

func TestReaderFollowsWhatComes(t *testing.T) {
	withBroker(t, []string{"in"}, func(t *testing.T, b *broker) {
		b.write(t, "in", 0, "before")
		r := open(t, b, consumer.ReaderConfig{Topic: "in", From: consumer.From{End: true}})
		defer r.Close()
		b.write(t, "in", 0, "a")
		b.write(t, "in", 1, "x", "y")
		if got, want := values(t, r, 3), [2]string{"a ", "x y "}; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if rec, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing came: %v, %v", rec, err)
		}
	})
}

// transact writes values in a transaction that is committed, aborted or left open.
func transact(t *testing.T, b *broker, end *kgo.TransactionEndTry, id string, partition int32, values ...string) {
	t.Helper()
	c := b.client(t, kgo.TransactionalID(id))
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Partition: partition, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if end != nil {
		if err := c.EndTransaction(t.Context(), *end); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReaderGivesCommittedRecordsOnly(t *testing.T) {
	withBroker(t, []string{"in"}, func(t *testing.T, b *broker) {
		commit, abort := kgo.TryCommit, kgo.TryAbort
		b.write(t, "in", 0, "plain")
		transact(t, b, &abort, "one", 0, "aborted")
		transact(t, b, &commit, "two", 0, "committed")
		transact(t, b, nil, "three", 0, "open")
		b.write(t, "in", 0, "behind")
		r := open(t, b, consumer.ReaderConfig{Topic: "in", ToEnd: true})
		defer r.Close()
		if got, want := values(t, r, -1), [2]string{"plain committed ", ""}; got != want {
			t.Errorf("to the end: %q, want %q", got, want)
		}
		all := open(t, b, consumer.ReaderConfig{Topic: "in", ToEnd: true, Uncommitted: true})
		defer all.Close()
		if got, want := values(t, all, -1), [2]string{"plain aborted committed open behind ", ""}; got != want {
			t.Errorf("uncommitted: %q, want %q", got, want)
		}
	})
}

func TestRecordsReadAreTheCallersToKeep(t *testing.T) {
	withBroker(t, []string{"in"}, func(t *testing.T, b *broker) {
		for i := range 100 {
			rec := &kgo.Record{Topic: "in", Key: fmt.Append(nil, "k", i), Value: fmt.Append(nil, "v", i), Headers: []kgo.RecordHeader{{Key: "h", Value: fmt.Append(nil, "h", i)}}}
			if err := b.plain.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		r := open(t, b, consumer.ReaderConfig{Topic: "in", ToEnd: true})
		defer r.Close()
		var kept []*record.Record
		for {
			rec, err := r.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, rec)
		}
		for i, rec := range kept {
			if got, want := fmt.Sprintf("%s %s %s", rec.Key, rec.Value, rec.Headers[0].Value), fmt.Sprintf("k%d v%d h%d", i, i, i); got != want {
				t.Fatalf("record %d is %s", i, got)
			}
		}
		if len(kept) != 100 {
			t.Errorf("%d records of 100", len(kept))
		}
	})
}

func TestReaderWaitsForABrokerThatIsAway(t *testing.T) {
	withBroker(t, []string{"in"}, func(t *testing.T, b *broker) {
		b.write(t, "in", 0, "a")
		r := open(t, b, consumer.ReaderConfig{Topic: "in"})
		defer r.Close()
		if got := values(t, r, 1); got[0] != "a " {
			t.Fatalf("%q", got)
		}
		from := b.fake.LeaderFor("in", 0)
		if err := b.fake.MoveTopicPartition("in", 0, 1-from); err != nil {
			t.Fatal(err)
		}
		if err := b.fake.RemoveNode(from); err != nil {
			t.Fatal(err)
		}
		b.write(t, "in", 0, "b")
		if got := values(t, r, 1); got[0] != "b " {
			t.Errorf("%q after the leader was gone", got)
		}
	})
}

func TestReadingAMissingTopicSaysWhatToDo(t *testing.T) {
	withBroker(t, nil, func(t *testing.T, b *broker) {
		_, err := b.ours.NewReader(t.Context(), consumer.ReaderConfig{Topic: "nowhere"})
		var mistake *consumer.SetupError
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), "nowhere") || !strings.Contains(err.Error(), "topics apply") {
			t.Errorf("%v", err)
		}
	})
}

func TestAClusterThatIsAwayIsWaitedForUntilTheCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var net kfake.VirtualNetwork
		c, err := consumer.Connect(consumer.ClientConfig{Brokers: []string{"localhost:9092"}, Dial: net.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if _, err := c.Brokers(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

func TestReadingBeginsNoLongerThanItsCallerWaits(t *testing.T) {
	withBroker(t, []string{"events"}, func(t *testing.T, b *broker) {
		b.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.NotLeaderForPartition, Count: -1})
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		if _, err := b.ours.NewReader(ctx, consumer.ReaderConfig{Topic: "events"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// Whoever follows a topic sees what is written to partitions that were added since, from their start.
func TestPartitionsThatAreAddedAreFollowed(t *testing.T) {
	withBroker(t, []string{"a"}, func(t *testing.T, b *broker) {
		r := open(t, b, consumer.ReaderConfig{Topic: "a", From: consumer.From{End: true}})
		defer r.Close()
		if err := b.ours.AddPartitions(t.Context(), "a", 3); err != nil {
			t.Fatal(err)
		}
		c := b.client(t) // the one before knows of two
		if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: "a", Partition: 2, Value: []byte("new")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if rec, err := r.Next(ctx); err != nil || rec.Partition != 2 || string(rec.Value) != "new" {
			t.Errorf("%+v, %v", rec, err)
		}
	})
}
