package retrain

import (
	"errors"
	"fmt"
)

// Observer is told of every event and says what shall be done about it. (What judges one series of values, the running form
// of a rule, is an observer too, inside this package: its say is an alert, not an action.)
type Observer interface {
	OnEvent(event MetricEvent) (RetrainAction, error)
}

// Observable tells every event to its observers, one after the other. It is not safe for use by several goroutines; package
// retrain/service has the goroutine that owns one.
type Observable struct {
	observed []*observed
}

// observed is an observer with what has gone wrong with it so far.
type observed struct {
	Observer
	name     string
	failures int
	last     error
}

// NewObservable is one without observers.
func NewObservable() *Observable { return &Observable{} }

// Subscribe adds an observer, behind those that are there. In errors it bears its String, else the name of its type.
func (o *Observable) Subscribe(observer Observer) {
	name := fmt.Sprintf("%T", observer)
	if s, ok := observer.(fmt.Stringer); ok {
		name = s.String()
	}
	o.observed = append(o.observed, &observed{Observer: observer, name: fmt.Sprintf("observer %d (%s)", len(o.observed)+1, name)})
}

// Observers are those that have subscribed, in that order.
func (o *Observable) Observers() []Observer {
	list := make([]Observer, len(o.observed))
	for i, x := range o.observed {
		list[i] = x.Observer
	}
	return list
}

// Dispatch tells the event to every observer and gives the most severe action that any of them asks for. An observer that
// fails, or panics, holds up none of the others: it asks for nothing, and the error has an *ObserverError of each such.
func (o *Observable) Dispatch(event MetricEvent) (RetrainAction, error) {
	highest, errs := NoAction, []error(nil)
	for _, x := range o.observed {
		action, err := x.onEvent(event)
		if err != nil {
			x.failures++
			x.last = err
			errs = append(errs, &ObserverError{x.name, x.failures, err})
			continue
		}
		if action.severity() > highest.severity() {
			highest = action
		}
	}
	return highest, errors.Join(errs...)
}

func (x *observed) onEvent(event MetricEvent) (action RetrainAction, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", ErrInternal, p)
		}
	}()
	action, err = x.OnEvent(event)
	if err == nil && action != NoAction && action.severity() == 0 {
		err = fmt.Errorf("%w: it asks for %q; known are %q", ErrInternal, action, []RetrainAction{NoAction, SoftRetrain, FullRetrain})
	}
	return action, err
}

// Failures are the last errors of the observers that have failed, in the order in which they subscribed: one of each, so
// they do not grow with the events.
func (o *Observable) Failures() []*ObserverError {
	var list []*ObserverError
	for _, x := range o.observed {
		if x.failures > 0 {
			list = append(list, &ObserverError{x.name, x.failures, x.last})
		}
	}
	return list
}

// ObserverError is an observer's error.
type ObserverError struct {
	Observer string // its number in order of subscription, and its name
	Failures int    // so far, this one with them
	Err      error
}

func (e *ObserverError) Error() string { return e.Observer + ": " + e.Err.Error() }

func (e *ObserverError) Unwrap() error { return e.Err }
