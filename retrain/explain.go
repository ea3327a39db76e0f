package retrain

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/visutility/retrainer/internal/nearest"
)

// explain says a decision as a sentence for people: what was seen, with its numbers and limits and where the evidence stands;
// what is done or refused, and until when; what happens next.
func (c *Controller) explain(m *model, s *saying) string {
	switch s.reason {
	case ReasonAlert:
		return c.seen(m, s.evidence) + ": " + c.order(m, s)
	case ReasonRequested:
		return c.explainRequested(m, s)
	case ReasonUnknownModel:
		return fmt.Sprintf("%s, but no model of that name exists, for no alert has concerned one: refused; check the name%s, or ask with create to make the model",
			asked(s.request, m.name), c.didYouMean(m.name))
	case ReasonInFlight:
		return c.explainInFlight(m, s)
	case ReasonCooldown:
		return c.explainCooldown(m, s)
	case ReasonUndeployed:
		return c.explainUndeployed(m, s)
	case ReasonStale:
		return fmt.Sprintf("%s, but that is %s ago and was more than %s ago when it came (max_event_age): no retrain for what is so old; a newer event counts",
			c.seen(m, s.evidence), Span(c.now-s.evidence[0].alert.EventTime), Span(c.policy.MaxEventAge))
	}
	return c.explainQuiet(m)
}

// order says what a command asks for and how long it has.
func (c *Controller) order(m *model, s *saying) string {
	return fmt.Sprintf("%s retrain, command %s; it has %s to be taken up", s.action, short(s.command.CommandID), Span(m.control.Train.StartBy))
}

func (c *Controller) explainRequested(m *model, s *saying) string {
	text := asked(s.request, m.name) + ": " + c.order(m, s)
	if end := c.cooldownEnd(m); end > c.now {
		text += fmt.Sprintf("; a request passes the cool-down, which would last until %s", Clock(end))
	}
	if n := len(s.evidence); n > 0 {
		text += fmt.Sprintf("; with it goes what counts by itself: %s", c.seen(m, s.evidence))
	}
	return text
}

func (c *Controller) explainInFlight(m *model, s *saying) string {
	doing, todo := "is running since "+Clock(orZero(m.open.startedAt)), "end"
	if m.open.startedAt == nil {
		doing, todo = "waits to be taken up since "+Clock(m.open.issuedAt), "be taken up"
	}
	lock := fmt.Sprintf("command %s (%s) %s", short(m.open.id), m.open.action, doing)
	until := fmt.Sprintf("it has until %s to %s", Clock(s.until), todo)
	if s.request != nil {
		return fmt.Sprintf("%s, but %s: refused, for a model has one command at a time; %s; ask again when it has ended", asked(s.request, m.name), lock, until)
	}
	return fmt.Sprintf("%s, while %s: no second retrain while it is open; %s, and what still counts then is decided again", c.seen(m, m.open.news(s.evidence)), lock, until)
}

func (c *Controller) explainCooldown(m *model, s *saying) string {
	how, why := "ended", ""
	if cmd := c.commands[m.endedBy]; cmd != nil { // it is forgotten before a cool-down of more than 30 days ends
		how = string(cmd.state)
	}
	if m.failures > 1 {
		why = fmt.Sprintf(", the %s end in a row without success", ordinal(m.failures))
	}
	return fmt.Sprintf("%s, but %s is left alone until %s: %s after command %s %s at %s%s; no retrain now, it is decided again then",
		c.seen(m, s.evidence), m.name, Clock(s.until), Span(s.until-*m.endedAt), short(m.endedBy), how, Clock(*m.endedAt), why)
}

func (c *Controller) explainUndeployed(m *model, s *saying) string {
	v := s.heldBy
	from := ""
	if v.Parent != nil {
		from = " from " + *v.Parent
	}
	return fmt.Sprintf("%s, but %s, trained%s and registered at %s, waits to be deployed: no retrain until %s (%s for that), unless %s itself is seen to drift",
		c.seen(m, s.evidence), v.Version, from, Clock(v.RegisteredAt), Clock(s.until), Span(m.control.DeployWithin), v.Version)
}

// explainQuiet says what has ended in this step, so that no alert counts any more.
func (c *Controller) explainQuiet(m *model) string {
	next := "a newer event that breaches a rule is decided at once"
	if end := c.cooldownEnd(m); end > c.now {
		next = fmt.Sprintf("%s is left alone until %s, and a newer event that breaches a rule waits for that", m.name, Clock(end))
	}
	return c.whatEnded(m) + ": no retrain; " + next
}

func (c *Controller) whatEnded(m *model) string {
	if m.result != nil {
		return endedCommand(m.result)
	}
	switch e := c.entry.(type) {
	case *Alert:
		switch concerned := slices.Contains(c.concerned(e), m.name); {
		case concerned && e.State == Resolved:
			return fmt.Sprintf("the last alert of %s is over, for %s", m.name, c.resolved(e))
		case concerned:
			return fmt.Sprintf("%s, but a success came after that", c.seen(m, []*keptAlert{{alert: e}}))
		}
	case *PolicyEntry:
		return fmt.Sprintf("by policy revision %d no alert of %s counts any more", c.policy.Revision, m.name)
	}
	return fmt.Sprintf("no alert of %s counts any more", m.name)
}

func endedCommand(r *Result) string {
	why := ""
	switch {
	case r.State == ResultSucceeded:
		return fmt.Sprintf("command %s succeeded at %s and trained %s: the alerts of %s before that are answered",
			short(r.CommandID), Clock(r.FinishedAt), *r.NewVersion, r.Model)
	case r.State == ResultExpired && r.StartedAt == nil:
		why = ", for nobody took it up"
	case r.State == ResultExpired:
		why = ", for it did not end in time"
	}
	return fmt.Sprintf("command %s %s at %s%s, and no alert of %s counts", short(r.CommandID), r.State, Clock(r.FinishedAt), why, r.Model)
}

// resolved says how an alert ended.
func (c *Controller) resolved(a *Alert) string {
	switch by := a.ResolvedBy; {
	case by == nil:
		return "resolved"
	case *by == Superseded:
		return "a third version took the place of " + orElse(a.ModelVersion, "the events without one")
	case *by == SourceGone:
		return "nothing was heard of the source any more"
	case *by == RuleRemoved:
		return "the policy has the rule no more"
	case a.Value == nil:
		return "recovered"
	}
	return fmt.Sprintf("%s is back at %s in the event at %s", a.Field, Amount(*a.Value), c.where(a))
}

// asked says who asked for what. Author and comment are what somebody typed: quoted, and nothing in them reaches a terminal.
func asked(r *Request, name string) string {
	who := "someone"
	if author := strings.TrimSpace(r.Author); author != "" {
		who = strconv.Quote(author)
	}
	text := fmt.Sprintf("%s asked for a %s retrain of %s", who, *r.Action, name)
	if comment := strings.TrimSpace(r.Comment); comment != "" {
		text += fmt.Sprintf(" (comment %q)", comment)
	}
	return text
}

// didYouMean names the models whose names are nearest to one that no model has.
func (c *Controller) didYouMean(name string) string {
	var known []string
	for _, other := range slices.Sorted(maps.Keys(c.models)) {
		if c.models[other].exists {
			known = append(known, other)
		}
	}
	near := nearest.Words(name, known, mostNear)
	if base, version := SplitModel(name); version != "" && slices.Contains(known, base) { // an event's id, typed for the name
		near = append([]string{base}, slices.DeleteFunc(near, func(n string) bool { return n == base })...)
		near = near[:min(len(near), mostNear)]
	}
	if len(near) == 0 {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", strings.Join(near, " or "))
}

// mostNear is how many names are suggested.
const mostNear = 3
