package retrain

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// enterPolicy makes a policy of a greater revision active.
func (c *Controller) enterPolicy(e *PolicyEntry) error {
	if c.policy != nil && e.Revision <= c.policy.Revision {
		c.counts.PolicyNotGreater++
		return nil
	}
	p, err := ReadPolicy(e.Policy)
	if err != nil {
		return fmt.Errorf("%w: revision %d: %w", ErrPolicyUnreadable, e.Revision, err)
	}
	if c.ledgerID == "" {
		if c.ledger, err = uuid.Parse(e.LedgerID); err != nil {
			return fmt.Errorf("%w: %q in the policy of revision %d: %w", ErrLedgerID, e.LedgerID, e.Revision, err)
		}
		c.ledgerID = e.LedgerID
	}
	c.policy = p
	c.policy.Revision = e.Revision
	c.changed.policy, c.changed.ledger = true, true
	for _, name := range slices.Sorted(maps.Keys(c.models)) {
		m := c.models[name]
		m.control = p.control(name)
		c.touch(m)
	}
	// order: each alert is bound by itself
	for _, a := range c.alerts {
		c.bind(a)
	}
	written := *e
	written.LedgerID, written.ActivatedAt = c.ledgerID, new(c.now)
	c.out = append(c.out, &written)
	return nil
}

// keptAlert is a firing alert with what was fixed when its entry came.
type keptAlert struct {
	key      string
	alert    *Alert
	time     int64 // not later than ledger time was
	stale    bool
	concerns []*concern // the models that it concerned, in order of name
}

// concern is an alert seen from one of its models.
type concern struct {
	*keptAlert
	model  *model
	active bool // the active policy still gives the rule to the source and binds the source to the model
}

// alertKey is under what an alert is kept: source, version, rule, topic, partition. Ids hold no control characters.
func alertKey(a *Alert) string {
	return strings.Join([]string{orEmpty(a.Stream), orEmpty(a.Model), orEmpty(a.ModelVersion), a.RuleID, a.Topic,
		strconv.Itoa(int(a.Partition))}, "\n")
}

func (c *Controller) enterAlert(a *Alert) {
	key := alertKey(a)
	if kept := c.alerts[key]; kept != nil {
		if a.Offset < kept.alert.Offset {
			c.counts.AlertOlder++
			return
		}
		c.removeAlert(kept)
		for _, x := range kept.concerns {
			c.touch(x.model)
		}
	}
	names := c.concerned(a)
	if len(names) == 0 {
		c.counts.AlertOfNoModel++
		return
	}
	for _, name := range names {
		if m := c.mention(name); a.Model != nil && *a.Model == name && a.ModelVersion != nil {
			m.named = a.ModelVersion
		}
	}
	if a.State == Firing {
		c.keepAlert(&keptAlert{
			key: key, alert: a, time: min(a.EventTime, c.now), stale: c.now-a.EventTime > c.policy.MaxEventAge,
		}, names)
	}
}

func (c *Controller) keepAlert(a *keptAlert, names []string) {
	for _, name := range names {
		concern := &concern{keptAlert: a, model: c.models[name], active: true}
		a.concerns = append(a.concerns, concern)
		concern.model.insert(concern)
	}
	c.alerts[a.key] = a
	c.changed.alerts[a.key] = true
}

func (c *Controller) removeAlert(a *keptAlert) {
	for _, concern := range a.concerns {
		concern.model.remove(concern)
	}
	delete(c.alerts, a.key)
	c.changed.alerts[a.key] = true
}

// concerned are the models that an alert concerns under the active policy; none if that does not give its rule to the source.
func (c *Controller) concerned(a *Alert) []string {
	if !c.policy.gives(a.RuleID, a.On, a.Stream, a.Model) {
		return nil
	}
	return c.policy.modelsOf(a.Stream, a.Model)
}

// bind asks the active policy whether the alert still concerns its models.
func (c *Controller) bind(a *keptAlert) {
	names := c.concerned(a.alert)
	for _, concern := range a.concerns {
		_, concern.active = slices.BinarySearch(names, concern.model.name)
	}
}

// enterRequest answers a person. It passes the cool-down, never the lock.
func (c *Controller) enterRequest(r *Request) {
	if r.usable() != nil {
		c.counts.RequestUnusable++
		return
	}
	m := c.known(r.Model)
	if !m.exists && !r.Create {
		c.say(m, &saying{said: said{NoAction, ReasonUnknownModel, ""}, request: r})
		return
	}
	m = c.mention(r.Model)
	m.failures = 0
	if m.open != nil {
		a := c.assess(m)
		c.say(m, &saying{said: said{NoAction, ReasonInFlight, m.open.id}, until: m.open.deadline, evidence: a.counting, request: r})
		return
	}
	c.act(m, *r.Action, r)
}

// enterProgress takes progress of an open command, and a success of one that has failed or expired.
func (c *Controller) enterProgress(p *Progress) {
	cmd := c.commands[p.CommandID]
	switch {
	case cmd == nil || p.Kind != Started && p.Kind != InProgress && p.Kind != Succeeded && p.Kind != Failed:
		c.counts.ProgressUnknown++
		return
	case cmd.open():
	case p.Kind == Succeeded && (cmd.state == ResultFailed || cmd.state == ResultExpired):
	default:
		c.counts.ProgressAfterEnd++
		return
	}
	c.changed.commands[cmd.id] = true
	c.touch(c.models[cmd.model])
	if p.Worker != nil {
		cmd.worker = p.Worker
	}
	switch {
	case !cmd.open() && c.models[cmd.model].succeeded > cmd.number:
		c.end(cmd, ResultSuperseded, p, true)
	case p.Kind == Succeeded:
		c.end(cmd, ResultSucceeded, p, !cmd.open())
	case p.Kind == Failed:
		c.end(cmd, ResultFailed, p, false)
	case cmd.startedAt == nil:
		cmd.startedAt = new(c.now)
		cmd.deadline = c.now + cmd.maxRuntime
	}
}
