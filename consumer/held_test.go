package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/examples/count/counter"
	"github.com/visutility/retrainer/internal/sim"
)

// needy counts, but a value #x only once it was given schema x.
type needy struct {
	*counter.Counter
	known map[string]bool
}

func (n needy) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	if schema, ok := strings.CutPrefix(string(r.Value), "#"); ok && !n.known[schema] {
		return out, &record.Needs{Schema: schema, Name: schema}
	}
	return n.Counter.Fold(r, out)
}

func (n needy) Supply(schema, _ string) { n.known[schema] = true }

// shelf is the registry of a test. away is said until it is nil; what is not there is refused for a minute.
type shelf struct {
	mu    sync.Mutex
	away  error
	have  map[string]bool
	asked int
}

func (s *shelf) set(away error, have ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.have, s.asked = away, map[string]bool{}, 0
	for _, h := range have {
		s.have[h] = true
	}
}

func (s *shelf) questions() int { s.mu.Lock(); defer s.mu.Unlock(); return s.asked }

func (s *shelf) resolve(_ context.Context, schema string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	switch {
	case s.away != nil:
		return "", s.away
	case !s.have[schema]:
		return "", &consumer.RefusedError{Patience: time.Minute, Dead: record.Dead{Reason: "schema_unknown", Stage: record.StageDecode, Message: "no schema " + schema, Outside: true}}
	}
	return "text", nil
}

// supplied is an instance whose handlers need schemas, with checkpoints too rare to happen by themselves.
func (s *shelf) supplied(l *logs, resolve func(context.Context, string) (string, error)) sim.Run {
	return counting(l, needs(resolve))
}

func needs(resolve func(context.Context, string) (string, error)) func(c *consumer.Config) {
	return func(c *consumer.Config) {
		c.Resolve, c.CheckpointInterval = resolve, time.Hour
		c.Inputs[0].New = func() record.Handler { return needy{counter.New(totals), map[string]bool{}} }
	}
}

func needing(schema string) *kgo.Record {
	return &kgo.Record{Topic: input, Partition: 0, Key: []byte("p0-0"), Value: []byte("#" + schema)}
}

// counted checks that of key p0-0 the totals were said from 1 on, each once, and how many dead letters there are.
func counted(t *testing.T, w *sim.World, last, dead int) {
	t.Helper()
	n := 0
	for _, p := range w.Committed(totals) {
		for _, r := range p {
			if string(r.Key) != "p0-0" {
				continue
			}
			if n++; string(r.Value) != fmt.Sprint("p0-0 ", n) {
				t.Errorf("total %d of p0-0 is %q", n, r.Value)
			}
		}
	}
	if got := len(w.Committed(deadTopic)[0]); n != last || got != dead {
		t.Errorf("p0-0 was counted up to %d, expected %d; %d dead letters, expected %d", n, last, got, dead)
	}
}

func at(w *sim.World, partition int32) int64 { return w.Offsets(app)[input][partition].Offset }

func plainRecord(partition int32) *kgo.Record {
	return &kgo.Record{Topic: input, Partition: partition, Key: fmt.Appendf(nil, "p%d-0", partition), Value: []byte("x")}
}

// A registry that is away holds up the partition that needs it, at the offset of the record, and nothing else: not what
// came before, not the other partition, not a switch of revisions, not the group. When it answers all goes on.
func TestARegistryThatIsAwayIsWaitedFor(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		var s shelf
		s.set(errors.New("the registry does not answer"))
		w.Start("a", s.supplied(&l, s.resolve), nil)
		revise(w, 1, 1)
		w.Append(plainRecord(0), needing("7"), plainRecord(0), plainRecord(1))
		w.Until(10*time.Second, "what lies before is committed", func() bool { return at(w, 0) == 1 && at(w, 1) == 1 })
		time.Sleep(5 * time.Minute)
		if n := s.questions(); n < 60 || n > 700 {
			t.Errorf("%d questions in five minutes", n)
		}
		counted(t, w, 1, 0)
		w.Append(plainRecord(1))
		w.Until(10*time.Second, "the other partition goes on", func() bool { return at(w, 1) == 2 && at(w, 0) == 1 })
		w.Start("b", s.supplied(&l, s.resolve), nil) // the group goes on as well
		time.Sleep(time.Minute)
		s.set(nil, "7")
		settled(w, time.Minute)
		counted(t, w, 3, 0)
		if n := s.questions(); n > 2 { // by each process once
			t.Errorf("%d questions for a schema that is there", n)
		}
		if l.count(`"level":"error"`) > 0 || l.count("session") > 0 {
			t.Error(l.b.String())
		}
	})
}

// A schema that is not there is asked for for a minute; then its records are dead letters, a second one at once. A replay
// never meets them: what was refused stays refused, even if the registry has the schema now.
func TestASchemaThatIsNotThereIsADeadLetterThatNoReplayMeets(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		var s shelf
		s.set(nil)
		a := w.Start("a", s.supplied(&l, s.resolve), nil)
		revise(w, 1, 1)
		w.Append(plainRecord(0), needing("9"))
		time.Sleep(55 * time.Second)
		counted(t, w, 1, 0)
		w.Until(15*time.Second, "the record is a dead letter after a minute", func() bool { return len(w.Committed(deadTopic)[0]) == 1 })
		if n := s.questions(); n < 10 || n > 14 {
			t.Errorf("%d questions in a minute, expected one in five seconds", n)
		}
		for range 20 {
			w.Append(needing("9"))
		}
		w.Until(2*time.Second, "others of that schema do not wait", func() bool { return len(w.Committed(deadTopic)[0]) == 21 })
		w.Append(plainRecord(0))
		settled(w, time.Minute)
		a.Crash(false)
		s.set(nil, "9")
		w.Start("b", s.supplied(&l, s.resolve), nil)
		w.Append(needing("9"))
		settled(w, time.Minute)
		counted(t, w, 3, 21)
	})
}

// What was folded is folded again: where the registry has lost the schema since, a replay waits for it, loudly and for ever.
func TestAReplayWaitsForTheSchemaOfWhatWasFolded(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		var s shelf
		s.set(nil, "7")
		a := w.Start("a", s.supplied(&l, s.resolve), nil)
		revise(w, 1, 1)
		w.Append(plainRecord(0), needing("7"), plainRecord(0))
		settled(w, time.Minute)
		a.Crash(false)
		s.set(nil)
		w.Start("b", s.supplied(&l, s.resolve), nil)
		w.Append(plainRecord(0))
		time.Sleep(5 * time.Minute)
		counted(t, w, 3, 0)
		s.set(nil, "7")
		settled(w, time.Minute)
		counted(t, w, 4, 0)
	})
}

// A question that is never answered holds up neither the end of the process nor a switch of revisions.
func TestAQuestionWithoutAnswerHoldsUpNothing(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		var s shelf
		never := func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", ctx.Err() }
		a := w.Start("a", s.supplied(&l, never), nil)
		revise(w, 1, 1)
		w.Append(plainRecord(0), needing("7"))
		w.Until(10*time.Second, "what lies before is committed", func() bool { return at(w, 0) == 1 })
		revise(w, 2, 1)
		w.Until(5*time.Second, "the switch is said", func() bool {
			return countOf(w, "p0-0") == "1 until revision 2"
		})
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
		if at(w, 0) != 1 {
			t.Errorf("committed up to %d", at(w, 0))
		}
	})
}

// A registry that answers in time is not waited for: an instance does not stop being ready at each schema that is new to it.
func TestAQuestionThatIsAnsweredInTimeIsNotToldAsWaiting(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		var c *consumer.Consumer
		takes := map[string]time.Duration{"quick": 900 * time.Millisecond, "slow": 10 * time.Second}
		w.Start("a", seen(&l, func(made *consumer.Consumer) { c = made }, needs(func(_ context.Context, schema string) (string, error) {
			time.Sleep(takes[schema])
			return "text", nil
		})), nil)
		revise(w, 1, 1)
		ready := func() bool { s := c.Status(); return s.Ready() }
		w.Until(30*time.Second, "it is ready", ready)
		w.Append(needing("quick"))
		for at(w, 0) == 0 {
			if s := c.Status(); !s.Ready() {
				t.Fatalf("not ready: %+v", s)
			}
			time.Sleep(10 * time.Millisecond)
		}
		w.Append(needing("slow"))
		w.Until(2*time.Second, "it says what it waits for", func() bool { return !ready() })
		w.Until(20*time.Second, "it goes on", func() bool { return at(w, 0) == 2 && ready() })
		counted(t, w, 2, 0)
	})
}
