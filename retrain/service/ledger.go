package service

import (
	"fmt"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// ledger stands where the service with Kafka has its topics: it numbers the events, gives each entry its time and folds.
type ledger struct {
	clock func() time.Time
	seen  time.Time // what the clock said last
	time  time.Time // ledger time

	drift, performance topic
	controller         *retrain.Controller
}

// topic is one of events, with one partition. Its offset is the next event's, usable or not.
type topic struct {
	name    string
	sources *retrain.Sources
	offset  int64
}

// newLedger begins with the policy. The error is that of the ledger's id.
func newLedger(p *retrain.Policy, id string, clock func() time.Time) (*ledger, error) {
	now := clock()
	l := &ledger{
		clock: clock, seen: now, time: now.Round(0), controller: retrain.NewController(),
		drift:       topic{name: "monitoring.drift", sources: retrain.NewSources(retrain.OnDrift)},
		performance: topic{name: "monitoring.performance", sources: retrain.NewSources(retrain.OnPerformance)},
	}
	for _, t := range []*topic{&l.drift, &l.performance} {
		if err := t.sources.Use(p); err != nil {
			return nil, err
		}
	}
	first := &retrain.PolicyEntry{Revision: p.Revision, Policy: p.Canonical(), LedgerID: id, Author: "in process"}
	_, err := l.controller.Step(l.moment(), first, nil)
	return l, err
}

// moment is ledger time, in ms. It never goes back: what has passed since the last look is added, so a clock that was set back
// neither turns it back nor stops it; it is then ahead of the clock by as much. A clock that is ahead of it is believed.
func (l *ledger) moment() int64 {
	now := l.clock()
	if passed := now.Sub(l.seen); passed > 0 {
		l.time = l.time.Add(passed)
	}
	l.seen = now
	if wall := now.Round(0); wall.After(l.time) {
		l.time = wall
	}
	return l.time.UnixMilli()
}

// ahead is by how much the clock was set back, in ms, if it has not caught up since.
func (l *ledger) ahead() int64 { return l.time.Sub(l.seen.Round(0)).Milliseconds() }

// event folds an event, and the alerts that come of it one by one. An event that cannot be used counts as one and lets time
// pass, as a dead letter does.
func (l *ledger) event(on retrain.On, e *retrain.Event) (alerts []*retrain.Alert, out []retrain.Output, err error) {
	at, t := l.moment(), &l.drift
	if on == retrain.OnPerformance {
		t = &l.performance
	}
	origin := retrain.Origin{Topic: t.name, Offset: t.offset, Time: at}
	t.offset++
	alerts = t.sources.Pass(at, nil)
	if bad := e.Check(); bad != nil {
		err = fmt.Errorf("the event cannot be used: %w", bad)
	} else {
		e.Timestamp += l.ahead() // by the clock that was set back, a new event would be older than those before it
		alerts, _ = t.sources.Fold(&origin, e, alerts)
	}
	for _, a := range alerts {
		out = l.step(at, a, out)
	}
	return alerts, out, err
}

// tick lets time pass if something waits for that.
func (l *ledger) tick() []retrain.Output {
	at := l.moment()
	if d := l.controller.Deadline(); d == 0 || d > at {
		return nil
	}
	return l.step(at, &retrain.Tick{}, nil)
}

// step: only policies and checkpoints can fail, and of these the first policy was all.
func (l *ledger) step(at int64, entry retrain.Entry, out []retrain.Output) []retrain.Output {
	out, err := l.controller.Step(at, entry, out)
	if err != nil {
		panic(err)
	}
	return out
}
