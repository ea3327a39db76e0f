package consumer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/examples/count/counter"
	"github.com/visutility/retrainer/internal/sim"
)

// fragile counts, but panics on a certain value, after it has half done its work.
type fragile struct{ *counter.Counter }

func (f fragile) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	out, err := f.Counter.Fold(r, out)
	if string(r.Value) == "boom" {
		panic("cannot fold this")
	}
	return out, err
}

func fragileInput(on consumer.PanicPolicy) func(*consumer.Config) {
	return func(c *consumer.Config) {
		c.Inputs[0].OnPanic = on
		c.Inputs[0].New = func() record.Handler { return fragile{counter.New(totals)} }
	}
}

// boom is new each time: franz-go keeps a record's context, which is one of its bubble.
func boom() *kgo.Record {
	return &kgo.Record{Topic: input, Partition: 0, Key: []byte("p0-0"), Value: []byte("boom")}
}

// A record that a handler panics on becomes a dead letter with its bytes and the stack; what the panic left half done is
// gone, everything else goes on in order, and after a crash it is the same again.
func TestPanicBecomesADeadLetter(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		rare := func(c *consumer.Config) { c.CheckpointInterval = time.Hour }
		revise(w, 1, 1)
		a := w.Start("a", counting(&l, fragileInput(consumer.PanicDeadLetter), rare), nil)
		w.Feed(6, 100*time.Millisecond, event)()
		w.Append(boom())
		w.Feed(6, 100*time.Millisecond, func(i int) *kgo.Record { return event(i + 8) })()
		settled(w, time.Minute)
		a.Crash(false)
		w.Start("b", counting(&l, fragileInput(consumer.PanicDeadLetter), rare), nil)
		w.Feed(6, 2*time.Second, func(i int) *kgo.Record { return event(i + 14) })()
		settled(w, time.Minute)
		var dead []string
		for _, r := range w.Committed(deadTopic)[0] {
			if string(r.Value) != "boom" {
				continue
			}
			for _, h := range r.Headers {
				if h.Key == "__streams.errors.message" {
					dead = append(dead, string(h.Value))
				}
			}
		}
		if len(dead) != 1 || !strings.Contains(dead[0], "cannot fold this") || !strings.Contains(dead[0], "Fold") {
			t.Errorf("dead letters of the record: %q\n%s", dead, l.b.String())
		}
		said := map[string]int{}
		for _, p := range w.Committed(totals) {
			for _, r := range p {
				said[string(r.Value)]++
			}
		}
		for text, n := range said {
			if n != 1 {
				t.Errorf("%q was said %d times", text, n)
			}
		}
		if n := countOf(w, "p0-0"); said["p0-0 "+n] != 1 || n != "3" {
			t.Errorf("the last total of p0-0 is %s, want 3: the half done record must not count; said %v", n, said)
		}
	})
}

// countOf is the last total said of a key.
func countOf(w *sim.World, key string) (n string) {
	for _, p := range w.Committed(totals) {
		for _, r := range p {
			if string(r.Key) == key {
				n = strings.TrimPrefix(string(r.Value), key+" ")
			}
		}
	}
	return n
}

// Where a wrong decision costs more than silence, the process ends and says which record, and nothing of it is published.
func TestPanicStopsWhereItMust(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		a := w.Start("a", counting(&l, fragileInput(consumer.PanicStop)), nil)
		w.Append(event(0), boom(), event(2))
		<-a.Ended()
		err := a.Stop()
		if err == nil || !strings.Contains(err.Error(), "in/0 at 1") || !strings.Contains(err.Error(), "cannot fold this") {
			t.Errorf("ended with %v", err)
		}
		for _, p := range w.Committed(totals) {
			for _, r := range p {
				if string(r.Key) == "p0-0" && string(r.Value) != "p0-0 1" {
					t.Errorf("published: %s", r.Value)
				}
			}
		}
	})
}
