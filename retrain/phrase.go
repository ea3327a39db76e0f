package retrain

import (
	"fmt"
)

// seen says what the first of the alerts saw, where it stands, and how many more there are.
func (c *Controller) seen(m *model, alerts []*keptAlert) string {
	a := alerts[0].alert
	text := fmt.Sprintf("%s in the event at %s", c.breach(m, a), c.where(a))
	switch n := len(alerts) - 1; {
	case n == 1:
		text += " (and 1 more alert)"
	case n > 1:
		text += fmt.Sprintf(" (and %d more alerts)", n)
	}
	return text
}

// breach says what an alert saw, with its numbers and limits.
func (c *Controller) breach(m *model, a *Alert) string {
	subject := c.subject(m, a)
	rule := c.policy.rule(a.RuleID)
	if rule == nil || a.Value == nil {
		return fmt.Sprintf("%s breached the rule %s", subject, a.Rule)
	}
	field := fieldName(rule)
	switch o := rule.observer.(type) {
	case *threshold:
		if rule.Field == MAPChange && o.level.below && *a.Value < 0 {
			return fmt.Sprintf("%s lost %s mAP (limit %s)", subject, Amount(-*a.Value), Amount(-o.level.value))
		}
		return o.level.crossed(subject, field, *a.Value)
	case *sustained:
		if o.n == 1 {
			return o.level.crossed(subject, field, *a.Value)
		}
		return fmt.Sprintf("%s has had %s %s %s in %s since %s, most recently %s %s",
			subject, field, o.level.side(), Amount(o.level.value), o.checks(), Clock(orZero(a.Since)), field, Amount(*a.Value))
	case *cusum:
		return fmt.Sprintf("%s has had %s unlike its own past since %s (the evidence W of its checks is at or above the limit h = %s, "+
			"where chance alone brings it once in %s checks or less often), most recently %s %s",
			subject, field, Clock(orZero(a.Since)), Rough(o.h), Thousands(o.arl), field, Amount(*a.Value))
	}
	return fmt.Sprintf("%s breached the rule %s", subject, a.Rule)
}

func (l limit) crossed(subject, field string, value float64) string {
	return fmt.Sprintf("%s had %s %s (limit %s, it must not be %s)", subject, field, Amount(value), Amount(l.value), l.side())
}

// checks says how many of the last checks are enough.
func (o *sustained) checks() string {
	if o.k == o.n {
		return fmt.Sprintf("each of its last %d checks", o.n)
	}
	return fmt.Sprintf("at least %d of its last %d checks", o.k, o.n)
}

func fieldName(r *Rule) string {
	if r.Field == Value {
		return r.method
	}
	return r.Field.String()
}

// subject is what an alert is about: the model and its version, and the stream where there is one, which may be bound to
// another model than the event names.
func (c *Controller) subject(m *model, a *Alert) string {
	name, bound := m.name, ""
	if a.Model != nil {
		if name = *a.Model; name != m.name {
			bound = ", bound to " + m.name
		}
		if a.ModelVersion != nil {
			name += " " + *a.ModelVersion
		}
	}
	if a.Stream == nil {
		return name
	}
	return fmt.Sprintf("stream %s (%s%s)", *a.Stream, name, bound)
}

// where is where the event of an alert stands.
func (c *Controller) where(a *Alert) string {
	return fmt.Sprintf("%s/%d/%d of %s", a.Topic, a.Partition, a.Offset, Clock(a.EventTime))
}

// rule finds a rule of the policy by its id.
func (p *Policy) rule(id string) *Rule {
	for _, line := range p.observe {
		for _, r := range line.rules {
			if r.ID == id {
				return r
			}
		}
	}
	return nil
}

// short is the beginning of an id, enough to find it among a model's.
func short(id string) string { return id[:min(len(id), 8)] }

func orElse(s *string, otherwise string) string {
	if s == nil || *s == "" {
		return otherwise
	}
	return *s
}

func orZero(v *int64) int64 {
	if v == nil {
		return 0
	}
	return *v
}
