package consumer_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/internal/sim"
)

// Whoever looks at revisions sees each before a task folds by it. One that is refused ends Run with just that error, and
// nothing is said under it; another instance goes on from there.
func TestARefusedRevisionEndsRunBeforeItIsUsed(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		refusal := errors.New("not this one")
		var seen []string
		revise(w, 1, 2)
		a := w.Start("a", counting(io.Discard, func(c *consumer.Config) {
			c.OnRevision = func(_ context.Context, r record.Revision) (record.Revision, error) {
				if seen = append(seen, string(r.Value)); r.Number == 2 {
					return r, refusal
				}
				return r, nil
			}
		}), nil)
		w.Feed(12, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		revise(w, 2, 3)
		select {
		case <-a.Ended():
		case <-time.After(time.Minute): // of virtual time
			t.Error("it goes on")
		}
		if err := a.Stop(); !errors.Is(err, refusal) {
			t.Errorf("Run ended with %v", err)
		}
		if got := strings.Join(seen, " "); got != "2 3" {
			t.Errorf("seen were %q", got)
		}
		for _, p := range w.Committed(totals) {
			for _, r := range p {
				if strings.Contains(string(r.Value), "until revision") {
					t.Errorf("said under the refused revision: %s", r.Value)
				}
			}
		}
		w.Start("b", counting(io.Discard), nil)
		w.Feed(12, 100*time.Millisecond, func(i int) *kgo.Record { return event(i + 12) })()
		settled(w, time.Minute)
		if err := judge(w, map[int]int{1: 2, 2: 3}); err != nil {
			t.Error(err)
		}
	})
}

// A revision that has been read may take long to be looked at, as where the registry that has its schema is away: it is not lost.
func TestARevisionThatIsLookedAtForLongIsNotLost(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		revise(w, 1, 2)
		there := make(chan struct{})
		a := w.Start("a", counting(io.Discard), nil)
		w.Start("b", counting(io.Discard, func(c *consumer.Config) {
			c.OnRevision = func(ctx context.Context, r record.Revision) (record.Revision, error) {
				if r.Number == 2 {
					select {
					case <-there:
					case <-ctx.Done():
					}
				}
				return r, ctx.Err()
			}
		}), nil)
		w.Feed(20, 500*time.Millisecond, event)()
		revise(w, 2, 3)
		w.Feed(12, 500*time.Millisecond, event)()
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute) // b has a's partition, whose position is of revision 2
		close(there)
		w.Feed(12, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		if err := judge(w, map[int]int{1: 2, 2: 3}); err != nil {
			t.Error(err)
		}
	})
}
