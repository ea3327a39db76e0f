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
	s := &stint{by: by, what: string(r.Key), begun: time.Now()}
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
func allDone(w *sim.World, limit time.Duration) bool {
	w.T.Helper()
	return w.Until(limit, "all commands committed", func() bool {
		at := w.Offsets(workers)[commands]
		for p := range int32(lanes) {
			if end := w.Cluster.PartitionInfo(commands, p).HighWatermark; end > 0 && at[p].Offset < end {
				return false
			}
		}
		return true
	})
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

// A second member comes while the first is at work for three hours of beating: the work is neither interrupted nor begun
// again, the group does not wait for it, and what else there is goes to the second.
func TestQueueKeepsItsRecordWhileMembersComeAndGo(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		w.Start("a", working(&b, "a", &l), nil)
		w.Append(command(5, "long", 3*time.Hour))
		w.Until(time.Minute, "the long one is in work", func() bool { return len(b.of("long")) == 1 })
		for i := range 4 {
			name := fmt.Sprint("b", i)
			began := w.Now()
			peer := w.Start(name, working(&b, name, &l), nil)
			time.Sleep(3 * time.Second)
			for p := range int32(lanes) {
				w.Append(command(p, fmt.Sprint(name, "-", p), time.Second))
			}
			time.Sleep(30*time.Minute - (w.Now() - began))
			if err := peer.Stop(); err != nil {
				t.Errorf("stopping %s: %v", name, err)
			}
		}
		if got := b.of("long"); !slices.Equal(got, []string{"a..."}) {
			t.Errorf("after two hours: %q", got)
		}
		allDone(w, 3*time.Hour)
		b.wants(t, "long", "a")
		if err := b.overlapping(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(l.b.String())
		}
	})
}
