package consumer_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/internal/sim"
)

// The Queue's tests work on a topic of commands, with a member's Work that takes as long as the record's value says, and write
// down who worked on what, and when.
const (
	commands = "app.commands"
	workers  = "app.workers"
	lanes    = 8
)

func commandTopics() []sim.TopicConfig {
	return []sim.TopicConfig{{Name: commands, Partitions: lanes}}
}

// command is a record whose work takes so long.
func command(partition int32, name string, takes time.Duration) *kgo.Record {
	return &kgo.Record{Topic: commands, Partition: partition, Key: []byte(name), Value: []byte(takes.String())}
}

// stint is one call of Work.
type stint struct {
	by, what     string
	partition    int32
	offset       int64
	begun, ended time.Time // ended zero: it goes on, or its process died
	cut          bool      // its context ended first
}

// book is what all members of a bubble wrote down.
type book struct {
	mu     sync.Mutex
	stints []*stint
}

func (b *book) begin(by string, r *record.Record) *stint {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &stint{by: by, what: string(r.Key), partition: r.Partition, offset: r.Offset, begun: time.Now()}
	b.stints = append(b.stints, s)
	return s
}

func (b *book) end(s *stint, cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.ended, s.cut = time.Now(), cut
}

// of are the stints on a record, as "who" or "who, cut" or "who..." where it goes on.
func (b *book) of(what string) (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.stints {
		switch {
		case s.what != what:
		case s.ended.IsZero():
			all = append(all, s.by+"...")
		case s.cut:
			all = append(all, s.by+", cut")
		default:
			all = append(all, s.by)
		}
	}
	return all
}

// done is how often the work on a record was done.
func (b *book) done(what string) int {
	return len(slices.DeleteFunc(b.of(what), func(s string) bool { return strings.HasSuffix(s, "cut") || strings.HasSuffix(s, "...") }))
}

// long are those that are done and took a second or more.
func (b *book) long() (all []*stint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.stints {
		if !s.ended.IsZero() && !s.cut && s.ended.Sub(s.begun) >= time.Second {
			all = append(all, s)
		}
	}
	return all
}

// overlapping is an error if a member ever worked on two records at once.
func (b *book) overlapping() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := map[string]*stint{}
	for _, s := range b.stints {
		if l := last[s.by]; l != nil && (l.ended.IsZero() || l.ended.After(s.begun)) {
			return fmt.Errorf("%s began %s before %s was done", s.by, s.what, l.what)
		}
		last[s.by] = s
	}
	return nil
}

// working is an instance that works on commands and writes into b.
func working(b *book, name string, to io.Writer, configure ...func(*consumer.QueueConfig)) sim.Run {
	return func(ctx context.Context, dial sim.Dial) error {
		cfg := consumer.QueueConfig{
			Client: consumer.ClientConfig{Brokers: []string{sim.Seed}, Dial: dial, Log: zerolog.New(to)},
			Group:  workers, Topic: commands, SessionTimeout: 6 * time.Second,
			Work: func(ctx context.Context, r *record.Record) error {
				takes, err := time.ParseDuration(string(r.Value))
				if err != nil {
					return err
				}
				s := b.begin(name, r)
				select {
				case <-time.After(takes):
					b.end(s, false)
					return nil
				case <-ctx.Done():
					b.end(s, true)
					return ctx.Err()
				}
			},
		}
		for _, f := range configure {
			f(&cfg)
		}
		q, err := consumer.NewQueue(cfg)
		if err != nil {
			return err
		}
		return q.Run(ctx)
	}
}

// allDone waits until the group has committed all of the commands.
func allDone(w *sim.World, limit time.Duration) {
	w.T.Helper()
	done := func() bool {
		at := w.Offsets(workers)[commands]
		for p := range int32(lanes) {
			if end := w.Cluster.PartitionInfo(commands, p).HighWatermark; end > 0 && at[p].Offset < end {
				return false
			}
		}
		return true
	}
	w.UntilEvery(max(50*time.Millisecond, limit/1000), limit, "all commands committed", done)
}

// wants fails the test where the stints on a record are not these.
func (b *book) wants(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := b.of(what); !slices.Equal(got, want) {
		t.Errorf("%s was worked on by %q, want %q", what, got, want)
	}
}

// Commands on all partitions, one member: each is worked on once, one at a time, and a successor has nothing left to do.
func TestQueueWorksOnEachRecordOnceAndOneAtATime(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		for i := range 20 {
			w.Append(command(int32(i%lanes), fmt.Sprint("c", i), time.Duration(i%4)*time.Second))
		}
		a := w.Start("a", working(&b, "a", &l), nil)
		allDone(w, time.Minute)
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
		w.Start("b", working(&b, "b", &l), nil)
		w.Append(command(3, "last", 0))
		allDone(w, time.Minute)
		for i := range 20 {
			b.wants(t, fmt.Sprint("c", i), "a")
		}
		b.wants(t, "last", "b")
		if err := b.overlapping(); err != nil {
			t.Error(err)
		}
		if strings.Contains(l.b.String(), `"level":"warn"`) || strings.Contains(l.b.String(), `"level":"error"`) {
			t.Errorf("an undisturbed run complained:\n%s", l.b.String())
		}
	})
}

// Offsets of records that are not for this process are committed together, and that of one that took long before the next is
// begun, so that no crash repeats it.
func TestQueueCommitsWhatTookLongBeforeTheNext(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		for i := range 300 {
			takes := time.Duration(0)
			if i%100 == 50 {
				takes = time.Minute
			}
			w.Append(command(int32(i%2), fmt.Sprint("c", i), takes))
		}
		var lacking []string
		committing := func(c *consumer.QueueConfig) {
			work := c.Work
			c.Work = func(ctx context.Context, r *record.Record) error {
				for _, s := range b.long() {
					if at := w.Offsets(workers)[commands][s.partition]; at.Offset <= s.offset {
						lacking = append(lacking, fmt.Sprintf("%s at %d, begun when the group's offset was %d", r.Key, s.offset, at.Offset))
					}
				}
				return work(ctx, r)
			}
		}
		w.Start("a", working(&b, "a", &l, committing), nil)
		allDone(w, 10*time.Minute)
		if len(lacking) > 0 {
			t.Errorf("a long one was not committed before the next was begun: %q", lacking)
		}
		if n := len(w.Trace.All().Where(sim.Key(kmsg.OffsetCommit))); n < 4 || n > 30 {
			t.Errorf("%d commits for 297 quick and 3 long ones", n)
		}
	})
}

// Status tells whether the member is in the group and reads each of its partitions, and how far; with work going on too.
func TestQueueShowsWhereItStands(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		release := make(chan struct{})
		var q *consumer.Queue
		made := make(chan struct{})
		w.Append(command(3, "first", 0), command(3, "long", 0), command(3, "behind", 0))
		w.Start("a", func(ctx context.Context, dial sim.Dial) (err error) {
			q, err = consumer.NewQueue(consumer.QueueConfig{
				Client: consumer.ClientConfig{Brokers: []string{sim.Seed}, Dial: dial}, Group: workers, Topic: commands,
				Work: func(ctx context.Context, r *record.Record) error {
					if string(r.Key) == "long" {
						<-release
					}
					return nil
				},
			})
			if err != nil {
				return err
			}
			if s := q.Status(); s.Ready() || s.Joined || s.Why == "" {
				t.Errorf("before it runs: %+v", s)
			}
			close(made)
			return q.Run(ctx)
		}, nil)
		<-made
		time.Sleep(10 * time.Second)
		if s := q.Status(); !s.Ready() || len(s.Tasks) != lanes || s.Tasks[3].Position != 2 || s.Tasks[3].Lag != 1 {
			t.Errorf("at work on the second of three: %+v", s)
		}
		close(release)
		time.Sleep(10 * time.Second)
		if s := q.Status(); !s.Ready() || s.Tasks[3].Position != 3 || s.Tasks[3].Lag != 0 {
			t.Errorf("when all is done: %+v", s)
		}
	})
}

// Lanes are served in turn: a partition with many records does not hold up one with few.
func TestQueueTakesPartitionsInTurn(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		for i := range 40 {
			w.Append(command(0, fmt.Sprint("many", i), time.Second))
		}
		for i := range 3 {
			w.Append(command(7, fmt.Sprint("few", i), time.Second))
		}
		w.Start("a", working(&b, "a", &l), nil)
		w.Until(12*time.Second, "the few are done", func() bool { return slices.Equal(b.of("few2"), []string{"a"}) })
	})
}

// Only what was committed is given, and nothing behind a transaction that is open before that has ended.
func TestQueueGivesCommittedRecordsOnly(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		w.Start("a", working(&b, "a", &l), nil)
		for i, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
			begun, end := make(chan struct{}), make(chan struct{})
			w.Start("producer", func(ctx context.Context, dial sim.Dial) error {
				c, err := kgo.NewClient(kgo.SeedBrokers(sim.Seed), kgo.Dialer(dial), kgo.TransactionalID("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
				if err != nil {
					return err
				}
				defer c.Close()
				if err := c.BeginTransaction(); err != nil {
					t.Error(err)
				}
				if err := c.ProduceSync(ctx, command(2, fmt.Sprint("t", i), 0)).FirstErr(); err != nil {
					t.Error(err)
				}
				close(begun)
				<-end
				return c.EndTransaction(ctx, commit)
			}, nil)
			<-begun
			w.Append(command(2, fmt.Sprint("behind", i), 0))
			time.Sleep(10 * time.Second)
			if got := append(b.of(fmt.Sprint("t", i)), b.of(fmt.Sprint("behind", i))...); len(got) > 0 {
				t.Errorf("transaction %d is open, and worked on is %q", i, got)
			}
			close(end)
			w.Until(10*time.Second, "the record behind the transaction is done", func() bool { return len(b.of(fmt.Sprint("behind", i))) == 1 })
		}
		b.wants(t, "t0", "a")
		b.wants(t, "t1")
		b.wants(t, "t2", "a")
	})
}
