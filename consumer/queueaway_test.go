package consumer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/internal/sim"
)

// A program has 10 s to end. A Queue whose cluster does not answer any more ends within them, whatever waits for its commit, if its
// work, told to end, does so within 5 s.
func TestQueueStopsInTimeWhileTheClusterIsAway(t *testing.T) {
	for _, c := range []struct {
		name  string
		first time.Duration // what is done when the cluster goes away
		then  bool          // another is in work when it is told to stop, and takes its 5 s
	}{
		{"nothing is in work", 0, false},
		{"what took long waits for its commit", 200 * time.Millisecond, false},
		{"another is in work", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Bubble(t, sim.Config{Brokers: 3, Topics: commandTopics()}, func(w *sim.World) {
				var b book
				var l logs
				var a *sim.Instance
				work := func(ctx context.Context, r *record.Record) error {
					s := b.begin("a", r)
					if string(r.Key) == "first" {
						a.SetRoute(away)
						<-time.After(c.first)
						b.end(s, false)
						return nil
					}
					<-ctx.Done()
					<-time.After(5 * time.Second)
					b.end(s, true)
					return errors.New("its end could not be written")
				}
				if c.then {
					w.Append(command(1, "first", 0), command(1, "then", 0))
				} else {
					w.Append(command(1, "first", 0))
				}
				a = w.Start("a", working(&b, "a", &l, func(q *consumer.QueueConfig) { q.Work = work }), nil)
				last := map[bool]string{false: "first", true: "then"}[c.then]
				w.Until(time.Minute, "it has come so far", func() bool { return len(b.of(last)) == 1 && (c.then || b.done("first") == 1) })
				began := w.Now()
				_ = a.Stop() // with the error of the work
				if took := w.Now() - began; took > 10*time.Second {
					t.Errorf("stopping took %v\n%s", took, l.b.String())
				}
			})
		})
	}
}
