package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// story is played once.
type story struct {
	*Config
	cast   *cast
	stage  *stage
	seen   *seen
	teller *teller

	began    time.Time
	expected map[string][]turn // the decisions on each model, in order
	poisoned int
}

// turn is what a decision says: its action and its reason.
type turn struct {
	action retrain.RetrainAction
	reason retrain.Reason
}

var (
	fullByAlert = turn{retrain.FullRetrain, retrain.ReasonAlert}
	softByAlert = turn{retrain.SoftRetrain, retrain.ReasonAlert}
	cooling     = turn{retrain.NoAction, retrain.ReasonCooldown}
	quiet       = turn{retrain.NoAction, retrain.ReasonQuiet}
)

// play plays the chapters in their order, and compares at the end.
func (s *story) play(ctx context.Context) error {
	s.began, s.expected = time.Now(), map[string][]turn{}
	for _, chapter := range []func(context.Context) error{s.opening, s.hardDrift, s.brokenHour, s.poison, s.slowDrift, s.refusal, s.failure, s.killed, s.cooled, s.end} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// expect notes what must be decided on a model, behind what was noted before.
func (s *story) expect(m model, all ...turn) {
	s.expected[m.name] = append(s.expected[m.name], all...)
}

// opening starts everything and lets the fleet's past pass.
func (s *story) opening(ctx context.Context) error {
	s.teller.title("retrainer demo: a story in ten chapters, on a real broker, with the real service and worker (seed %d)", s.Seed)
	if _, err := s.stage.serve(ctx); err != nil {
		return err
	}
	if err := s.stage.work(s.cast.failing.name); err != nil {
		return err
	}
	var past []event
	for _, x := range []struct {
		m     model
		ahead []float64
	}{{s.cast.hard, s.cast.hardly}, {s.cast.slow, s.cast.slowly}, {s.cast.passing, s.cast.passes}} {
		past = append(past, s.cast.checks(s.Topics.Drift, x.m, s.cast.healthy[x.m.name], 1, s.began.Add(-checkEvery*time.Duration(len(x.ahead))))...)
	}
	for _, m := range append([]model{s.cast.refused, s.cast.failing}, s.cast.cameras...) {
		past = append(past, s.cast.well(s.Topics.Performance, m, s.began.Add(-time.Hour))...)
	}
	if err := s.stage.write(ctx, past...); err != nil {
		return err
	}
	if err := s.stage.folded(ctx); err != nil {
		return err
	}
	s.teller.chapter("A quiet day")
	s.teller.say("%d models are at work. Monitoring has sent %d events: checks for drift (p-values between 0 and 1, as chance spreads them) and evaluations.",
		5+cameraCount, len(past))
	s.teller.good("No command. Of each stream a rule has learned what is usual there.")
	return nil
}

// hardDrift lets the data of a model change at once.
func (s *story) hardDrift(ctx context.Context) error {
	m, values := s.cast.hard, s.cast.hardly
	s.teller.chapter("A hard drift")
	s.teller.say("The data of %s change from one check to the next: p = %s.", m.name, series(values))
	if err := s.stage.write(ctx, s.cast.checks(s.Topics.Drift, m, values, healthyChecks+1, s.began)...); err != nil {
		return err
	}
	s.expect(m, fullByAlert, quiet)
	return s.trained(ctx, m, 1)
}

// slowDrift lets the data of a model change little by little.
func (s *story) slowDrift(ctx context.Context) error {
	m, values := s.cast.slow, s.cast.slowly
	s.teller.chapter("A slow drift")
	s.teller.say("The data of %s change little by little, no check of the first is remarkable by itself: p = %s.", m.name, series(values))
	if err := s.stage.write(ctx, s.cast.checks(s.Topics.Drift, m, values, healthyChecks+1, s.began)...); err != nil {
		return err
	}
	s.teller.say("After %d checks of a drift the sum of evidence is beyond what chance does once in 64 years.", len(values))
	s.expect(m, fullByAlert, quiet)
	return s.trained(ctx, m, 1)
}

// brokenHour lets a model's data be broken for an hour.
func (s *story) brokenHour(ctx context.Context) error {
	m, values := s.cast.passing, s.cast.passes
	s.teller.chapter("A broken hour")
	s.teller.say("Three checks of %s are as bad as can be (p = %s), the next are good again: a sensor was restarted.", m.name, series(values[:3]))
	if err := s.stage.write(ctx, s.cast.checks(s.Topics.Drift, m, values, healthyChecks+1, s.began)...); err != nil {
		return err
	}
	if err := s.stage.folded(ctx); err != nil {
		return err
	}
	s.expect(m)
	s.teller.good("Nothing: an alarm needs six checks that agree.")
	return nil
}

// poison writes a record that nobody can read.
func (s *story) poison(ctx context.Context) error {
	s.teller.chapter("A poison record")
	s.teller.say("Somebody writes a line of text where Avro is expected.")
	if err := s.stage.poison(ctx, s.cast.passing.name); err != nil {
		return err
	}
	s.poisoned++
	var l letter
	if err := s.seen.until(ctx, "a dead letter", func(p *published) bool {
		if len(p.letters) == s.poisoned {
			l = p.letters[s.poisoned-1]
		}
		return len(p.letters) == s.poisoned
	}); err != nil {
		return err
	}
	s.teller.good("It stands in %s with its bytes and its reason (%s, from %s). The records behind it go their way.", s.Topics.DeadLetters, l.reason, l.place)
	return nil
}

// refusal lets a model fall again right after it was trained.
func (s *story) refusal(ctx context.Context) error {
	m, change := s.cast.refused, s.cast.falls[s.cast.refused.name]
	s.teller.chapter("Too soon")
	s.teller.say("An evaluation of %s %s: mAP_change %v. The limit is -0.05.", m.name, m.version, change)
	if err := s.stage.write(ctx, s.cast.evaluation(s.Topics.Performance, m, wellCount+1, change, time.Now())); err != nil {
		return err
	}
	s.expect(m, softByAlert, quiet)
	c, err := s.commanded(ctx, m, 1)
	if err != nil {
		return err
	}
	r, err := s.endOf(ctx, m, c)
	if err != nil {
		return err
	}
	version := orNone(r.NewVersion)
	// Before the first is told: a cool-down does not wait for those who are told slowly.
	if err := s.stage.write(ctx, s.cast.evaluation(s.Topics.Performance, model{m.name, version}, wellCount+2, change, time.Now())); err != nil {
		return err
	}
	s.tellCommand(m, c)
	if err := s.tellTrained(m, 1, r); err != nil {
		return err
	}
	s.teller.say("The new version %s is worse still: mAP_change %v. But it was trained a moment ago.", version, change)
	s.expect(m, cooling)
	d, err := s.decided(ctx, m, 3)
	if err != nil {
		return err
	}
	s.teller.bad("Refused, and the alert is kept.")
	s.teller.why(d.Explanation)
	s.expect(m, softByAlert, quiet) // when the cool-down ends
	return nil
}

// failure lets a training fail.
func (s *story) failure(ctx context.Context) error {
	m := s.cast.failing
	s.teller.chapter("A training that fails")
	s.teller.say("%s %s falls by %v and is trained, on a machine that is taken away.", m.name, m.version, -s.cast.falls[m.name])
	if err := s.stage.write(ctx, s.cast.evaluation(s.Topics.Performance, m, wellCount+1, s.cast.falls[m.name], time.Now())); err != nil {
		return err
	}
	s.expect(m, softByAlert, cooling)
	r, err := s.ended(ctx, m, 1)
	if err != nil {
		return err
	}
	d, err := s.decided(ctx, m, 2)
	if err != nil {
		return err
	}
	s.teller.bad("The training %s (%s). It is not tried again at once.", r.State, orNone(r.ErrorMessage))
	s.teller.why(d.Explanation)
	s.expect(m, softByAlert, quiet) // when the cool-down ends
	return nil
}

// cooled waits for what was refused to be decided, and for all trainings to end.
func (s *story) cooled(ctx context.Context) error {
	s.teller.chapter("Later")
	for _, m := range []model{s.cast.refused, s.cast.failing} {
		if err := s.trained(ctx, m, 2); err != nil {
			return err
		}
		s.teller.good("%s: the cool-down ended, the alert still counted, nobody had to ask again.", m.name)
	}
	return nil
}

func orNone(s *string) string {
	if s == nil {
		return "no reason given"
	}
	return *s
}

// nth waits for the n-th of some records.
func nth[T any](ctx context.Context, s *seen, what string, n int, of func(p *published) []T) (v T, err error) {
	err = s.until(ctx, what, func(p *published) bool {
		all := of(p)
		if len(all) >= n {
			v = all[n-1]
		}
		return len(all) >= n
	})
	return v, err
}

// decided waits for the n-th decision on a model.
func (s *story) decided(ctx context.Context, m model, n int) (retrain.Decision, error) {
	return nth(ctx, s.seen, fmt.Sprintf("decision %d on %s", n, m.name), n, func(p *published) []retrain.Decision { return p.decisionsOn(m.name) })
}

// commanded waits for the n-th command for a model.
func (s *story) commanded(ctx context.Context, m model, n int) (retrain.Command, error) {
	return nth(ctx, s.seen, fmt.Sprintf("command %d for %s", n, m.name), n, func(p *published) []retrain.Command { return p.commandsFor(m.name) })
}

// ended waits until the n-th command for a model has ended.
func (s *story) ended(ctx context.Context, m model, n int) (r retrain.Result, err error) {
	c, err := s.commanded(ctx, m, n)
	if err != nil {
		return r, err
	}
	s.tellCommand(m, c)
	return s.endOf(ctx, m, c)
}

func (s *story) tellCommand(m model, c retrain.Command) {
	s.teller.say("Command: %s retrain of %s %s.", c.Action, m.name, orNone(c.BaseVersion))
	s.teller.why(c.Explanation)
}

// endOf waits for the end of a command.
func (s *story) endOf(ctx context.Context, m model, c retrain.Command) (r retrain.Result, err error) {
	err = s.seen.until(ctx, fmt.Sprintf("the end of command %s for %s", c.CommandID, m.name), func(p *published) bool {
		if end := p.endOf(c.CommandID); end != nil {
			r = *end
			return true
		}
		return false
	})
	return r, err
}

// trained waits until the n-th command for a model has succeeded.
func (s *story) trained(ctx context.Context, m model, n int) error {
	r, err := s.ended(ctx, m, n)
	if err != nil {
		return err
	}
	return s.tellTrained(m, n, r)
}

// tellTrained tells how the n-th command for a model has ended, which must be a success.
func (s *story) tellTrained(m model, n int, r retrain.Result) error {
	if r.State != retrain.ResultSucceeded {
		return fmt.Errorf("command %d for %s ended with %s: %s", n, m.name, r.State, orNone(r.ErrorMessage))
	}
	s.teller.good("The worker has trained it: %s -> %s.", orNone(r.BaseVersion), orNone(r.NewVersion))
	return nil
}
