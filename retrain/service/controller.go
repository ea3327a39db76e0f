package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// Config is what a RetrainController is made of. Only Trainer is needed.
type Config struct {
	Trainer  ModelTrainer     // one, or Trainers by modality
	Policy   *retrain.Policy  // nil: the built-in one
	Registry ModelRegistry    // nil: the controller's own
	LedgerID string           // a UUID, from which ids of decisions and commands follow; "": random
	Now      func() time.Time // nil: time.Now

	Trainings       int           // at most so many at once; 0: 4. The others wait, for start_by at most
	RegistryTimeout time.Duration // for each call of Registry; 0: 10 s
	Worker          string        // the name in results; "": in process

	// OnOutput is told what each step writes (*retrain.Decision, *retrain.Command, *retrain.Result, *retrain.Model), by one
	// goroutine at a time, in the ledger's order. It may read the controller, but not call OnEvent, Tick or Stop, and must not
	// change what it is told. While it runs nothing else is decided.
	OnOutput func(output retrain.Output)

	// Log has every decision with its explanation, none at debug, soft at info, full at warn; the zero value writes nothing.
	Log zerolog.Logger
}

const (
	defaultTrainings       = 4
	defaultRegistryTimeout = 10 * time.Second
	defaultWorker          = "in process"
)

// ErrStopped is what comes of an event after Stop.
var ErrStopped = errors.New("the service has been stopped")

// RetrainController is the observer that decides and trains: events are folded by the rules of the policy, commands are trained
// outside of the goroutine that brings the events, and how they end goes back into the ledger. It may be used by several
// goroutines. Time passes with events, with the progress of trainings, and with Tick.
type RetrainController struct {
	config Config
	ctx    context.Context // of the trainings
	cancel context.CancelCauseFunc

	steps sync.Mutex // from the fold of a step until it has been told; before mu

	mu       sync.Mutex
	ledger   *ledger
	broken   error // a panic within a step: what it left behind is not to be believed
	models   map[string]*retrain.Model
	waiting  []*retrain.Command // for their turn, in order; each is open and was not started
	running  map[string]context.CancelCauseFunc
	stopping bool
	idle     chan struct{} // closed when it is stopping and nothing waits or runs
}

// NewRetrainController starts nothing: trainings begin with the commands that events lead to. The error names the setting that
// is missing or wrong; without a Trainer it is of the kind retrain.ErrTrainerUnavailable.
func NewRetrainController(config Config) (*RetrainController, error) {
	if config.Trainer == nil {
		return nil, fmt.Errorf("%w: Config.Trainer is missing", retrain.ErrTrainerUnavailable)
	}
	if config.Policy == nil {
		var err error
		if config.Policy, err = retrain.BuiltIn(""); err != nil {
			return nil, err
		}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	config.LedgerID = cmp.Or(config.LedgerID, randomID())
	config.Trainings = cmp.Or(config.Trainings, defaultTrainings)
	config.RegistryTimeout = cmp.Or(config.RegistryTimeout, defaultRegistryTimeout)
	config.Worker = cmp.Or(config.Worker, defaultWorker)
	if config.Trainings < 0 || config.RegistryTimeout < 0 {
		return nil, fmt.Errorf("Config.Trainings is %d and Config.RegistryTimeout %s; neither may be below 0", config.Trainings, config.RegistryTimeout)
	}
	l, err := newLedger(config.Policy, config.LedgerID, config.Now)
	if err != nil {
		return nil, err
	}
	c := &RetrainController{
		config: config, ledger: l, models: map[string]*retrain.Model{}, running: map[string]context.CancelCauseFunc{}, idle: make(chan struct{}),
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c, nil
}

// randomID is a UUID of version 4 (RFC 9562, 5.4).
func randomID() string {
	var b [16]byte
	rand.Read(b[:]) // it never fails: crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// String is its name in errors of an Observable.
func (c *RetrainController) String() string { return "RetrainController" }

// OnEvent folds an event and gives the most severe action that was decided for it: none if no decision rests on it, also where
// that is for a cool-down or an open command. The training itself is not waited for. An error is of the kind retrain.ErrRegistry,
// ErrStopped, or a *retrain.Invalid that says why the event cannot be used.
func (c *RetrainController) OnEvent(event retrain.MetricEvent) (retrain.RetrainAction, error) {
	if event == nil {
		return retrain.NoAction, fmt.Errorf("%w: there is no event", retrain.ErrInternal)
	}
	e := event.Event()
	if err := c.model(event, e); err != nil {
		return retrain.NoAction, err
	}
	var alerts []*retrain.Alert
	out, err := c.step(func(l *ledger) (out []retrain.Output, err error) {
		if c.stopping {
			return nil, ErrStopped
		}
		alerts, out, err = l.event(event.On(), e)
		return out, err
	})
	return decidedFor(alerts, out), err
}

// decidedFor is the most severe action of the decisions that rest on one of the alerts.
func decidedFor(alerts []*retrain.Alert, out []retrain.Output) retrain.RetrainAction {
	action := retrain.NoAction
	for _, o := range out {
		d, ok := o.(*retrain.Decision)
		rests := ok && slices.ContainsFunc(d.Evidence, func(e retrain.Evidence) bool {
			return slices.ContainsFunc(alerts, func(a *retrain.Alert) bool { return a.AlertID == e.AlertID })
		})
		if rests && action != retrain.FullRetrain && d.Action != retrain.NoAction {
			action = d.Action
		}
	}
	return action
}

// Tick lets time pass: commands that are not started or not ended in time expire, and their trainings are cancelled; what a
// cool-down held back is decided. A Handle calls it.
func (c *RetrainController) Tick() {
	_, _ = c.step(func(l *ledger) ([]retrain.Output, error) { return l.tick(), nil }) // a step that breaks off is logged there
}

// Models are all models that exist, as they stand, in order of name. They must not be changed.
func (c *RetrainController) Models() []*retrain.Model {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*retrain.Model, 0, len(c.models))
	for _, name := range slices.Sorted(maps.Keys(c.models)) {
		list = append(list, c.models[name])
	}
	return list
}

// step folds, tells what came of it, and starts the trainings that may start now.
func (c *RetrainController) step(fold func(l *ledger) ([]retrain.Output, error)) ([]retrain.Output, error) {
	c.steps.Lock()
	defer c.steps.Unlock()
	out, err := c.fold(fold)
	for _, o := range out {
		c.tell(o)
	}
	c.launch()
	return out, err
}

func (c *RetrainController) fold(fold func(l *ledger) ([]retrain.Output, error)) (out []retrain.Output, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil, c.broken
	}
	defer func() {
		if p := recover(); p != nil {
			c.config.Log.Error().Err(panicked("the step", p)).Msg("a step has broken off")
			c.broken = fmt.Errorf("%w: nothing is decided any more, for a step has broken off (%v); make a new RetrainController, and report this", retrain.ErrInternal, p)
			out, err = nil, c.broken
		}
	}()
	out, err = fold(c.ledger)
	for _, o := range out {
		c.note(o)
	}
	return out, err
}

// panicked is the error of a panic, with its stack.
func panicked(who string, p any) error {
	return fmt.Errorf("%w: %s panicked: %v\n%s", retrain.ErrInternal, who, p, debug.Stack())
}
