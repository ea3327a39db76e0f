package service

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/visutility/retrainer/retrain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ledgerID = "5f2c1f0e-7d3a-4a1f-9d57-3b0d9a3c2b11"

// trains is a trainer that does the same for both actions, and notes each command.
type trains struct {
	do func(ctx context.Context, training *retrain.Training) (*retrain.Trained, error) // nil: it succeeds at once

	mu       sync.Mutex
	commands []*retrain.Command
}

func (t *trains) SoftRetrain(ctx context.Context, training *retrain.Training) (*retrain.Trained, error) {
	t.mu.Lock()
	t.commands = append(t.commands, training.Command)
	t.mu.Unlock()
	if t.do == nil {
		return &retrain.Trained{}, nil
	}
	return t.do(ctx, training)
}

func (t *trains) FullRetrain(ctx context.Context, training *retrain.Training) (*retrain.Trained, error) {
	return t.SoftRetrain(ctx, training)
}

func (t *trains) seen() []*retrain.Command {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.commands
}

// world is a service with one RetrainController, in virtual time.
type world struct {
	*testing.T
	*RetrainController
	handle  *Handle
	trainer *trains

	mu  sync.Mutex
	out []retrain.Output
}

// inWorld runs a test in virtual time, in a service that it stops behind it.
func inWorld(t *testing.T, change func(config *Config, settings *Settings), test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, trainer: &trains{}}
		config, settings := Config{Trainer: w.trainer, LedgerID: ledgerID}, Settings{Buffer: 16}
		config.OnOutput = func(o retrain.Output) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.out = append(w.out, o)
		}
		if change != nil {
			change(&config, &settings)
		}
		w.RetrainController = controller(t, config)
		observable := retrain.NewObservable()
		observable.Subscribe(w.RetrainController)
		w.handle = Start(observable, settings)
		defer func() {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = w.handle.Stop(ctx)
		}()
		test(w)
	})
}

func controller(t *testing.T, config Config) *RetrainController {
	t.Helper()
	c, err := NewRetrainController(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func policy(t *testing.T, text string) *retrain.Policy {
	t.Helper()
	p, err := retrain.ParsePolicy([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// under has a service run under a policy.
func under(t *testing.T, text string) func(*Config, *Settings) {
	return func(c *Config, _ *Settings) { c.Policy = policy(t, text) }
}

// send sends an event and waits until nothing moves any more.
func (w *world) send(event retrain.MetricEvent) {
	w.Helper()
	if err := w.handle.Sender().Send(w.Context(), event); err != nil {
		w.Fatal(err)
	}
	synctest.Wait()
}

// drop is a drop of a model's quality, now.
func drop(model retrain.ModelID, change float64) retrain.PerformanceDrop {
	return retrain.PerformanceDrop{ModelID: model, MAPChange: change, Timestamp: time.Now()}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// of are the outputs of one kind, in order.
func of[O retrain.Output](w *world) (list []O) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.out {
		if x, ok := o.(O); ok {
			list = append(list, x)
		}
	}
	return list
}

// last is the last one of a kind.
func last[O retrain.Output](w *world) O {
	w.Helper()
	list := of[O](w)
	if len(list) == 0 {
		w.Fatalf("there is no %T", *new(O))
	}
	return list[len(list)-1]
}

// decided checks the reasons of all decisions so far.
func (w *world) decided(want ...retrain.Reason) {
	w.Helper()
	list := of[*retrain.Decision](w)
	for i, d := range list {
		w.Logf("decision %d: %s, %s: %s", i, d.Action, d.Reason, d.Explanation)
	}
	if len(list) != len(want) {
		w.Fatalf("%d decisions, expected %q", len(list), want)
	}
	for i, d := range list {
		if d.Reason != want[i] {
			w.Fatalf("decision %d is %s, expected %q", i, d.Reason, want)
		}
	}
}

// trained checks how many trainings have begun so far.
func (w *world) trained(want int) {
	w.Helper()
	if n := len(w.trainer.seen()); n != want {
		w.Fatalf("%d trainings have begun, expected %d", n, want)
	}
}
