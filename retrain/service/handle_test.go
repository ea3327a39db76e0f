package service

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// counts is an observer that takes its time.
type counts struct {
	each  time.Duration
	told  atomic.Int64
	ticks atomic.Int64
}

func (c *counts) OnEvent(retrain.MetricEvent) (retrain.RetrainAction, error) {
	time.Sleep(c.each)
	c.told.Add(1)
	return retrain.NoAction, nil
}

func (c *counts) Tick() { c.ticks.Add(1) }

// loop is a service with these observers.
func loop(settings Settings, observers ...retrain.Observer) *Handle {
	o := retrain.NewObservable()
	for _, x := range observers {
		o.Subscribe(x)
	}
	return Start(o, settings)
}

func TestAFloodedSenderWaitsAndDropsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders, events, buffer = 20, 50, 8
		slow := &counts{each: time.Second}
		h := loop(Settings{Buffer: buffer}, slow)
		var sent atomic.Int64
		var all sync.WaitGroup
		for range senders {
			s := h.Sender()
			all.Go(func() {
				for range events {
					if err := s.Send(t.Context(), drop("m", -0.1)); err != nil {
						t.Error(err)
					}
					sent.Add(1)
				}
			})
		}
		for range 10 {
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if ahead := sent.Load() - slow.told.Load(); ahead > buffer+1 {
				t.Fatalf("%d events were taken beyond those told, the buffer has %d", ahead, buffer)
			}
		}
		all.Wait()
		if err := h.Stop(t.Context()); err != nil || slow.told.Load() != senders*events {
			t.Errorf("%d events were told of %d: %v", slow.told.Load(), senders*events, err)
		}
	})
}

func TestSendGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &counts{each: time.Hour}
		h := loop(Settings{}, slow)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for i, want := range []error{nil, context.DeadlineExceeded, context.DeadlineExceeded} {
			if err := h.Sender().Send(ctx, drop("m", -0.1)); !errors.Is(err, want) {
				t.Errorf("event %d: %v, expected %v", i, err, want)
			}
		}
		if err := h.Stop(t.Context()); err != nil || slow.told.Load() != 1 {
			t.Errorf("%d events were told: %v", slow.told.Load(), err)
		}
	})
}

func TestStopUnderLoadTellsAllThatWasAccepted(t *testing.T) {
	for round := range 20 {
		synctest.Test(t, func(t *testing.T) {
			slow := &counts{each: time.Millisecond}
			h := loop(Settings{Buffer: round}, slow)
			var accepted, refused atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				s := h.Sender()
				all.Go(func() {
					for {
						err := s.Send(t.Context(), drop("m", -0.1))
						if err == nil {
							accepted.Add(1)
							continue
						}
						if refused.Add(1); !errors.Is(err, ErrStopped) {
							t.Error(err)
						}
						return
					}
				})
			}
			time.Sleep(100 * time.Millisecond)
			for range 3 { // several at once
				all.Go(func() {
					if err := h.Stop(t.Context()); err != nil {
						t.Error(err)
					}
					if told := slow.told.Load(); told != accepted.Load() && refused.Load() == 8 {
						t.Errorf("%d told of %d accepted", told, accepted.Load())
					}
				})
			}
			all.Wait()
			if told := slow.told.Load(); told != accepted.Load() || told < 50 || refused.Load() != 8 {
				t.Errorf("%d told of %d accepted, %d refused", told, accepted.Load(), refused.Load())
			}
			if err := h.Stop(t.Context()); err != nil {
				t.Errorf("stopped again: %v", err)
			}
		})
	}
}

func TestTheEventsAreClosedBehindTheLastSend(t *testing.T) {
	told := &counts{}
	h := loop(Settings{Buffer: 1}, told)
	h.sending.RLock() // as in a Send that has seen that there is no Stop, and not sent yet
	stopped := make(chan error)
	go func() { stopped <- h.Stop(t.Context()) }()
	<-h.stopping
	for range 1000 {
		runtime.Gosched()
	}
	h.events <- drop("m", -0.1)
	h.sending.RUnlock()
	if err := <-stopped; err != nil || told.told.Load() != 1 {
		t.Errorf("%d told: %v", told.told.Load(), err)
	}
}

func TestTimeIsLookedAtUnderSteadyEventsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := &counts{each: 100 * time.Millisecond}
		h := loop(Settings{Buffer: 1000}, busy)
		for range 600 {
			if err := h.Sender().Send(t.Context(), drop("m", -0.1)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if n := busy.ticks.Load(); n < 40 || busy.told.Load() == 600 {
			t.Errorf("%d ticks in 59 s without a pause, %d told", n, busy.told.Load())
		}
		_ = h.Stop(t.Context())
	})
}

func TestStopWaitsForTrainingsThenCancelsThem(t *testing.T) {
	lasting := func(d time.Duration) func(*Config, *Settings) {
		return doing(t, `{}`, func(ctx context.Context, _ *retrain.Training) (*retrain.Trained, error) {
			select {
			case <-time.After(d):
				return &retrain.Trained{}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
	}
	inWorld(t, lasting(10*time.Minute), func(w *world) {
		w.send(drop("m/v1", -0.12))
		ctx, cancel := context.WithTimeout(w.Context(), time.Hour)
		defer cancel()
		if err := w.handle.Stop(ctx); err != nil || last[*retrain.Result](w).State != retrain.ResultSucceeded {
			w.Errorf("within the time: %v", err)
		}
	})
	inWorld(t, func(c *Config, s *Settings) { lasting(10*time.Hour)(c, s); c.Trainings = 2 }, func(w *world) {
		for i := range 5 {
			w.send(drop(retrain.ModelID(fmt.Sprintf("m%d/v1", i)), -0.12))
		}
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Minute)
		defer cancel()
		began := time.Now()
		err := w.handle.Stop(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 trainings were cancelled and 3 not begun") {
			w.Errorf("%v", err)
		}
		if d := time.Since(began); d != 10*time.Minute {
			w.Errorf("it waited %s", d)
		}
		r := last[*retrain.Result](w)
		if w.trained(2); r.State != retrain.ResultFailed || *r.ErrorCode != "stopped" || !*r.Retryable {
			w.Errorf("%+v", r)
		}
		if again := w.handle.Stop(w.Context()); again != err {
			w.Errorf("stopped again: %v", again)
		}
	})
}

// A training that fails while Stop waits would be decided again and again, were the back-off short.
func TestNothingIsBegunThatIsDecidedWhileStopping(t *testing.T) {
	inWorld(t, doing(t, `{"defaults":{"cooldown":"0s"}}`, func(context.Context, *retrain.Training) (*retrain.Trained, error) {
		time.Sleep(time.Minute)
		return nil, retrain.ErrIO
	}), func(w *world) {
		w.send(drop("m/v1", -0.12))
		if err := w.handle.Stop(w.Context()); err != nil {
			w.Error(err)
		}
		w.trained(1)
	})
}

func TestDeadlinesAreKeptWhileStopWaits(t *testing.T) {
	inWorld(t, doing(t, `{"defaults":{"train":{"max_runtime":"10m"}}}`, func(ctx context.Context, _ *retrain.Training) (*retrain.Trained, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}), func(w *world) {
		w.send(drop("m/v1", -0.12))
		began := time.Now()
		if err := w.handle.Stop(w.Context()); err != nil || time.Since(began) > 11*time.Minute {
			w.Errorf("after %s: %v", time.Since(began), err)
		}
		if r := last[*retrain.Result](w); r.State != retrain.ResultExpired {
			w.Errorf("%+v", r)
		}
	})
}
