package consumer_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/examples/count/counter"
	"github.com/visutility/retrainer/internal/sim"
)

// tallied counts the records that it folds, dead letters and a replay's among them.
type tallied struct {
	*counter.Counter
	n int64
}

func (h *tallied) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	h.n++
	return h.Counter.Fold(r, out)
}

func (h *tallied) AppendCounts(n []int64) []int64 { return append(n, h.n) }

// watched is what a Watcher was told.
type watched struct {
	mu       sync.Mutex
	folded   map[int32]int64 // by partition
	outputs  map[string]int  // by topic
	ended    map[string]int  // transactions: committed, aborted, unknown
	dropped  map[string]int  // by cause
	replayed int64
	odd      bool // a load's counts were not those of its replay
}

func newWatched() *watched {
	return &watched{folded: map[int32]int64{}, outputs: map[string]int{}, ended: map[string]int{}, dropped: map[string]int{}}
}

func (w *watched) Loaded(_ string, _ int32, replayed int64, counts []int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replayed += replayed
	w.odd = w.odd || counts[0] != replayed
}

func (w *watched) Committed(c *consumer.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended["committed"]++
	w.folded[c.Partition] += c.After[0] - c.Before[0]
	for _, o := range c.Outputs {
		w.outputs[o.Topic]++
	}
}

func (w *watched) Uncommitted(_ string, _ int32, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known {
		w.ended["aborted"]++
	} else {
		w.ended["unknown"]++
	}
}

func (w *watched) Dropped(_ string, _ int32, cause string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropped[cause]++
}

// by has instances tell w, and count what they fold.
func (w *watched) by(c *consumer.Config) {
	c.Watcher = w
	c.Inputs[0].New = func() record.Handler { return &tallied{Counter: counter.New(totals)} }
}

// equal compares what was counted with what stands: every record of the input folded once, every output there.
func (w *watched) equal(world *sim.World) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p, records := range world.Committed(input) {
		if got, want := w.folded[int32(p)], int64(len(records)); got != want {
			return fmt.Errorf("%d records of partition %d were counted, it has %d", got, p, want)
		}
	}
	for _, topic := range []string{totals, deadTopic} {
		want := 0
		for _, records := range world.Committed(topic) {
			want += len(records)
		}
		if got := w.outputs[topic]; got != want {
			return fmt.Errorf("%d outputs to %s were counted, it has %d", got, topic, want)
		}
	}
	if w.odd {
		return errors.New("the counts of a load were not those of its replay")
	}
	if w.ended["unknown"] > 0 {
		return fmt.Errorf("%v: of one instance alone everything is known", w.ended)
	}
	for cause := range w.dropped {
		if !slices.Contains(consumer.Causes(), cause) {
			return fmt.Errorf("a drop because of %q, which is none of Causes", cause)
		}
	}
	return nil
}

// aloneLife is a run of one instance with outputs, dead letters, checkpoints and a switch; its network does what the faults say.
func aloneLife(told *watched) sim.Life {
	return func(t *testing.T, faults sim.Faults) (xs sim.Exchanges, err error) {
		sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
			var l logs
			seen := newWatched()
			revise(w, 1, 2)
			w.Start("a", counting(&l, seen.by, static("a")), faults)
			w.Feed(14, 100*time.Millisecond, event)()
			begun(w, 3*time.Minute)
			revise(w, 2, 3)
			w.Feed(6, 300*time.Millisecond, event)()
			settled(w, 3*time.Minute)
			if err = seen.equal(w); err != nil {
				t.Log(l.b.String())
			}
			xs = w.Trace.All()
			all := seen.soFar()
			maps.Copy(told.ended, all.ended)
			for cause, n := range all.dropped {
				told.dropped[cause] += n
			}
			told.replayed += all.replayed
		})
		return xs, err
	}
}

// Whatever becomes of a request or its answer, what is counted is what stands: a transaction whose end was not answered too, and
// nothing that a replay folds again.
func TestWhatIsCountedIsWhatStands(t *testing.T) {
	told := newWatched()
	sim.Wherever(t, "a.1", sim.Key(sim.TransactionKeys()...), sim.Breaks(8*time.Second), aloneLife(told))
	if told.replayed == 0 || told.dropped["no_answer"] == 0 {
		t.Errorf("no recovery or no replay was told: %+v", told)
	}
}

// Each way of losing the end of a transaction is told as what it was.
func TestAnEndWithoutAnAnswerIsToldWhenItIsKnown(t *testing.T) {
	end := sim.All(sim.Key(kmsg.EndTxn), sim.Commit(true), sim.On("a.1"))
	for name, x := range map[string]struct {
		act     sim.Act
		aborted int
	}{"before it arrived": {sim.Reset, 1}, "after it was done": {sim.Lose, 0}} {
		t.Run(name, func(t *testing.T) {
			told := newWatched()
			xs, err := aloneLife(told)(t, sim.Nth(5, end, sim.Fault{Act: x.act}))
			if err != nil {
				t.Fatal(err)
			}
			all := len(xs.Where(end))
			if told.ended["aborted"] != x.aborted || told.ended["committed"] != all-x.aborted {
				t.Errorf("%v of %d transactions", told.ended, all)
			}
			if told.dropped["no_answer"] != 1 || len(told.dropped) != 1 {
				t.Errorf("dropped: %v", told.dropped)
			}
		})
	}
}

// A panic is a recovery of its own cause, and a restarted instance begins its numbers anew: what it replays it does not count.
func TestPanicsAndReplaysAreToldAsThat(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		rare := func(c *consumer.Config) { c.CheckpointInterval = time.Hour }
		first, second := newWatched(), newWatched()
		panics := func(c *consumer.Config) {
			c.Watcher = first
			c.Inputs[0].New = func() record.Handler { return &brittle{tallied{Counter: counter.New(totals)}} }
		}
		revise(w, 1, 1)
		a := w.Start("a", counting(&l, panics, rare), nil)
		w.Feed(6, 100*time.Millisecond, event)()
		w.Append(boom())
		settled(w, time.Minute)
		told := first.soFar()
		if told.dropped["panic"] != 1 || len(told.dropped) != 1 {
			t.Errorf("dropped: %v", told.dropped)
		}
		if err := first.equal(w); err != nil {
			t.Error(err)
		}
		stands := told.folded[0] + told.folded[1]
		a.Crash(false)
		w.Start("b", counting(&l, second.by, rare), nil)
		w.Until(time.Minute, "the state is loaded", func() bool { return second.soFar().replayed == stands })
		w.Append(&kgo.Record{Topic: input, Partition: 1, Key: []byte("p1-0"), Value: []byte("x")})
		settled(w, time.Minute)
		told = second.soFar()
		if got := told.folded; got[0] != 0 || got[1] != 1 {
			t.Errorf("after a restart %v records are counted, one was new", got)
		}
		if len(told.dropped) > 0 {
			t.Errorf("a start is no recovery: %v", told.dropped)
		}
	})
}

// soFar is a copy of what was told until now, by tasks that may go on.
func (w *watched) soFar() *watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &watched{folded: maps.Clone(w.folded), outputs: maps.Clone(w.outputs), ended: maps.Clone(w.ended), dropped: maps.Clone(w.dropped), replayed: w.replayed, odd: w.odd}
}

// brittle panics on a certain value.
type brittle struct{ tallied }

func (h *brittle) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	out, err := h.tallied.Fold(r, out)
	if string(r.Value) == "boom" {
		panic("cannot fold this")
	}
	return out, err
}

func (h *brittle) Pass(r *record.Record, out []record.Output) ([]record.Output, error) {
	h.n++
	return h.tallied.Pass(r, out)
}
