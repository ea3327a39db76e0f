package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// Settings are those of the loop. The zero value is useful.
type Settings struct {
	Buffer int            // so many events may wait for the loop; a Sender waits beyond them, with 0 until the loop takes its event
	Tick   time.Duration  // between two looks at the time; 0: 1 s
	Log    zerolog.Logger // the zero value writes nothing
}

// Ticker is an observer that wants to look at the time now and then.
type Ticker interface{ Tick() }

// Stopper is an observer that has something to end. It gives up what it waits for when ctx ends.
type Stopper interface {
	Stop(ctx context.Context) error
}

// Handle keeps the loop alive.
type Handle struct {
	observable *retrain.Observable
	settings   Settings
	observers  []retrain.Observer

	events   chan retrain.MetricEvent
	sending  sync.RWMutex  // read: by each Send, so that events is closed behind the last of them
	stopping chan struct{} // closed by the first Stop
	stop     sync.Once
	ctx      context.Context // ends when no Stop waits any longer for what runs
	cancel   context.CancelCauseFunc
	done     chan struct{} // closed behind the loop
	err      error         // of the observers' stops; to be read when done
}

// Start starts the loop, which owns the observable from here on: whoever has subscribed is told every event, one at a time.
func Start(observable *retrain.Observable, settings Settings) *Handle {
	if settings.Tick <= 0 {
		settings.Tick = time.Second
	}
	h := &Handle{
		observable: observable, settings: settings, observers: observable.Observers(), events: make(chan retrain.MetricEvent, max(0, settings.Buffer)),
		stopping: make(chan struct{}), done: make(chan struct{}),
	}
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	go h.loop()
	return h
}

// Sender sends events to the loop. It may be copied and used by several goroutines; that it is held does not keep Stop waiting.
type Sender struct{ h *Handle }

// Sender is one of as many as are wanted.
func (h *Handle) Sender() Sender { return Sender{h} }

// Send hands an event over, and waits while the buffer is full. Without an error the event will be told to the observers, also if
// Stop is called meanwhile. The error is ErrStopped, or that of ctx.
func (s Sender) Send(ctx context.Context, event retrain.MetricEvent) error {
	if event == nil {
		return fmt.Errorf("%w: there is no event to send", retrain.ErrInternal)
	}
	s.h.sending.RLock()
	defer s.h.sending.RUnlock()
	select {
	case <-s.h.stopping:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("sending an event: %w", context.Cause(ctx))
	default:
	}
	select {
	case s.h.events <- event:
		return nil
	case <-s.h.stopping:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("sending an event, while the buffer is full: %w", context.Cause(ctx))
	}
}

// Stop takes no more events, has all that were accepted told, and the observers stop: trainings are waited for until ctx ends,
// then cancelled, and waited for. It returns when everything has ended, and may be called again, by several goroutines: the
// trainings are cancelled when the first of their contexts ends.
func (h *Handle) Stop(ctx context.Context) error {
	h.stop.Do(func() {
		close(h.stopping) // every Send that waits leaves
		h.sending.Lock()
		close(h.events)
		h.sending.Unlock()
	})
	select {
	case <-h.done:
	case <-ctx.Done():
		h.cancel(context.Cause(ctx))
		<-h.done
	}
	return h.err
}

// loop is the goroutine of the handle. The mission's slept anew after each event, so under steady events its time never came;
// here a ticker has its turn.
func (h *Handle) loop() {
	defer close(h.done)
	defer h.cancel(nil)
	ticker := time.NewTicker(h.settings.Tick)
	defer ticker.Stop()
	for open := true; open; {
		select {
		case event, more := <-h.events:
			if open = more; more {
				h.dispatch(event)
			}
		case <-ticker.C:
			h.tick()
		}
	}
	h.settings.Log.Info().Msg("the retrain service takes no more events and stops")
	stopped := make(chan error, 1)
	go func() { stopped <- h.stopObservers() }()
	for {
		select {
		case h.err = <-stopped:
			return
		case <-ticker.C: // for the trainings that are waited for
			h.tick()
		}
	}
}

// dispatch tells an event. What was decided an observer logs itself, for it knows why.
func (h *Handle) dispatch(event retrain.MetricEvent) {
	action, err := h.observable.Dispatch(event)
	for _, e := range each(err) {
		h.settings.Log.Error().Err(e).Str("on", string(event.On())).Msg("an observer could not take an event")
	}
	h.settings.Log.Debug().Str("on", string(event.On())).Str("action", string(action)).Msg("an event was told")
}

// each takes joined errors apart.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

func (h *Handle) tick() {
	for _, o := range h.observers {
		if t, ok := o.(Ticker); ok {
			_ = h.settings.guard("Tick", func() error { t.Tick(); return nil }) // a panic is logged there
		}
	}
}

// stopObservers has each of them stop, all under the one context.
func (h *Handle) stopObservers() error {
	var errs []error
	for _, o := range h.observers {
		if s, ok := o.(Stopper); ok {
			errs = append(errs, h.settings.guard("Stop", func() error { return s.Stop(h.ctx) }))
		}
	}
	return errors.Join(errs...)
}

// guard keeps a panic of an observer from the loop.
func (s *Settings) guard(what string, call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked("an observer's "+what, p)
			s.Log.Error().Err(err).Msg("an observer panicked")
		}
	}()
	return call()
}
