package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/internal/sim"
)

// An error of Work ends Run with it, and the record comes again.
func TestErrorOfWorkEndsTheQueue(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		w.Append(command(1, "first", 0), command(1, "bad", 0), command(1, "last", 0))
		broken := errors.New("the disk is full")
		failing := func(c *consumer.QueueConfig) {
			work := c.Work
			c.Work = func(ctx context.Context, r *record.Record) error {
				if string(r.Key) == "bad" {
					return broken
				}
				return work(ctx, r)
			}
		}
		a := w.Start("a", working(&b, "a", &l, failing), nil)
		<-a.Ended()
		if err := a.Stop(); !errors.Is(err, broken) {
			t.Errorf("ended with %v", err)
		}
		if at := w.Offsets(workers)[commands][1].Offset; at != 1 {
			t.Errorf("the group's offset is %d, want 1: behind what was done before", at)
		}
		w.Start("b", working(&b, "b", &l), nil)
		allDone(w, 2*time.Second)
		b.wants(t, "first", "a")
		b.wants(t, "bad", "b")
		b.wants(t, "last", "b")
	})
}

// Told to stop, the Queue ends the work's context, waits for it and says goodbye to the group. A record
// whose work was cut comes again; one that was done all the same does not. Meanwhile it stays a member, however long
// the work takes to end.
func TestQueueStopsInTheMiddleOfWork(t *testing.T) {
	for _, slow := range []time.Duration{0, 20 * time.Second} {
		for _, done := range []bool{false, true} {
			sim.Bubble(t, sim.Config{Topics: commandTopics(), Patience: time.Minute}, func(w *sim.World) {
				var b book
				var l logs
				w.Append(command(1, "long", time.Hour))
				stubborn := func(c *consumer.QueueConfig) {
					work := c.Work
					c.Work = func(ctx context.Context, r *record.Record) error {
						err := work(ctx, r)
						time.Sleep(slow)
						if done {
							return nil
						}
						return fmt.Errorf("training was stopped: %w", err)
					}
				}
				a := w.Start("a", working(&b, "a", &l, stubborn), nil)
				w.Until(time.Minute, "it is in work", func() bool { return len(b.of("long")) == 1 })
				w.Start("b", working(&b, "b", &l), nil)
				time.Sleep(10 * time.Second)
				began := w.Now()
				if err := a.Stop(); err != nil {
					t.Errorf("ended with %v", err)
				}
				if took := w.Now() - began; took > slow+time.Second {
					t.Errorf("stopping took %v, the work %v", took, slow)
				}
				if n := len(w.Trace.All().Where(sim.All(sim.On("a.1"), sim.Key(kmsg.LeaveGroup), sim.Answered))); n != 1 {
					t.Errorf("left the group %d times", n)
				}
				time.Sleep(5 * time.Second)
				want := []string{"a, cut", "b..."}
				if done {
					want = want[:1]
				}
				if got := b.of("long"); !slices.Equal(got, want) {
					t.Errorf("slow %v, done %v: worked on by %q, want %q", slow, done, got, want)
				}
			})
		}
	}
}

// When Run has returned, none of its goroutines is left.
func TestQueueLeavesNothingRunning(t *testing.T) {
	for _, fails := range []bool{false, true} {
		sim.Bubble(t, sim.Config{Brokers: 3, Topics: commandTopics()}, func(w *sim.World) {
			var b book
			var l logs
			for p := range int32(lanes) {
				w.Append(command(p, "quick", 0), command(p, "long", time.Hour))
			}
			ended := make(chan error, 1)
			run := working(&b, "a", &l, func(c *consumer.QueueConfig) {
				work := c.Work
				c.Work = func(ctx context.Context, r *record.Record) error {
					if fails && string(r.Key) == "long" {
						return errors.New("no")
					}
					return work(ctx, r)
				}
			})
			a := w.Start("a", func(ctx context.Context, dial sim.Dial) error {
				err := run(ctx, dial)
				time.Sleep(time.Nanosecond) // of virtual time, which passes when whoever is on the way to its end has reached it
				if left := running(); left != "" {
					t.Errorf("still running:\n%s", left)
				}
				ended <- err
				return err
			}, nil)
			if !fails {
				w.Until(time.Minute, "a long one is in work", func() bool { return len(b.of("long")) == 1 })
				_ = a.Stop()
			}
			if err := <-ended; (err != nil) != fails {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// running are the goroutines of this bubble's Queues, as text.
func running() (left string) {
	buf := make([]byte, 1<<20)
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "retrainer/consumer.(") || strings.Contains(g, "retrainer/consumer/wire.(") {
			left += g + "\n"
		}
	}
	return left
}
