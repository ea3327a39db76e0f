package retrain

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Sentences say what the policy does, a line each: who is bound to whom, what is judged how, what a command asks for.
func (p *Policy) Sentences() []string {
	var lines []string
	for i, b := range p.bind {
		lines = append(lines, fmt.Sprintf("bind[%d]: streams %s feed %s", i, b.stream, namesOr(b.models, "no model")))
	}
	lines = append(lines, "bind_default: a stream that no line of bind matches, and whose events name no model, feeds "+namesOr(p.bindDefault, "no model"))
	for i := range p.observe {
		lines = append(lines, p.observeSentences(i)...)
	}
	for _, on := range []On{OnDrift, OnConceptDrift, OnPerformance} {
		if !slices.ContainsFunc(p.observe, func(o observeLine) bool { return o.on == on }) {
			lines = append(lines, fmt.Sprintf("observe: no line on %s, so its events are heard and never judged", on))
		}
	}
	for i, m := range p.models {
		same := func(other modelLine) bool { return covers(&other.model, &m.model) }
		lines = append(lines, fmt.Sprintf("models[%d]: %s: %s%s", i, m.model, m.Control.sentence(), shadowed("models", slices.IndexFunc(p.models[:i], same))))
	}
	return append(lines, "defaults: every other model: "+p.defaults.sentence(),
		fmt.Sprintf("max_event_age: an alert that is more than %s old when it comes counts no more", Span(p.MaxEventAge)),
		fmt.Sprintf("resend_delay: a firing alert is sent again after %s of event time", Span(p.ResendDelay)),
		fmt.Sprintf("source_ttl: a source that is not heard for more than %s is forgotten", Span(p.SourceTTL)))
}

func (p *Policy) observeSentences(i int) []string {
	o := &p.observe[i]
	earlier := p.observe[:i]
	of := "every source"
	switch {
	case o.stream == nil && o.model == nil && slices.ContainsFunc(earlier, func(other observeLine) bool { return other.on == o.on }):
		of = "every other source"
	case o.stream != nil && o.model != nil:
		of = fmt.Sprintf("streams %s of models %s", *o.stream, *o.model)
	case o.stream != nil:
		of = "streams " + *o.stream
	case o.model != nil:
		of = "models " + *o.model
	}
	same := func(other observeLine) bool {
		return other.on == o.on && covers(other.stream, o.stream) && covers(other.model, o.model)
	}
	head := fmt.Sprintf("observe[%d]: %s of %s%s", i, o.on, of, shadowed("observe", slices.IndexFunc(earlier, same)))
	if len(o.rules) == 0 {
		return []string{head + ": no rule, so it is heard and never judged"}
	}
	lines := []string{head}
	for _, r := range o.rules {
		lines = append(lines, "  "+r.sentence())
	}
	return lines
}

// covers says of two patterns that whatever the second matches, the first does; that it does not say so proves nothing.
func covers(a, b *string) bool {
	return a == nil || b != nil && (*a == "*" || *a == *b)
}

func shadowed(list string, by int) string {
	if by < 0 {
		return ""
	}
	return fmt.Sprintf(" (never asked: %s[%d] matches all of it before)", list, by)
}

// sentence says what the rule asks for, and when.
func (r *Rule) sentence() string {
	name := r.ID
	if r.Name != "" {
		name += " " + r.Name
	}
	text := fmt.Sprintf("%s: %s when %s %s", name, r.Action, fieldName(r), r.observer.sentence())
	if r.method != "" && r.Field != Value {
		text += ", of method " + r.method
	}
	if r.minSampleSize != nil {
		text += fmt.Sprintf(", of samples of %s or more", Thousands(*r.minSampleSize))
	}
	return text
}

func (o *threshold) sentence() string {
	text := fmt.Sprintf("is %s %s", o.level.side(), Amount(o.level.value))
	if o.clear != o.level.value {
		back := "above"
		if !o.level.below {
			back = "below"
		}
		text += fmt.Sprintf(", until it is at %s or %s", Amount(o.clear), back)
	}
	if o.minChecks > 1 {
		text += fmt.Sprintf(", from the %s check on", ordinal(int64(o.minChecks)))
	}
	return text
}

func (o *sustained) sentence() string {
	return fmt.Sprintf("is %s %s in at least %d of the last %d checks", o.level.side(), Amount(o.level.value), o.k, o.n)
}

func (o *cusum) sentence() string {
	scale := o.scale
	if o.worse != "" {
		scale += ", worse " + o.worse
	}
	return fmt.Sprintf("is unlike its own past (cusum on scale %s: it learns from %d checks, at least %s must agree, and chance alone does it once in %s)",
		scale, o.warmup, Thousands(math.Ceil(o.votes)), Thousands(o.arl))
}

// sentence says what a command asks for, and how long it and the time after it last.
func (c *Control) sentence() string {
	t := &c.Train
	names := make([]string, len(t.Space))
	for i, p := range t.Space {
		names[i] = p.Name
	}
	text := fmt.Sprintf("cool-down %s, %s for a new version to be deployed; a command has %s to be taken up and then %s, and at most %d trials by %s over %s",
		Span(c.Cooldown), Span(c.DeployWithin), Span(t.StartBy), Span(t.MaxRuntime), t.Trials, t.Tuner, namesOr(names, "no parameter"))
	if t.Objective != nil {
		text += fmt.Sprintf(", to %s %s", t.Objective.Goal, t.Objective.Metric)
	}
	if t.Dataset != nil {
		text += ", on " + *t.Dataset
	}
	if t.Modality != "" {
		text += ", modality " + t.Modality
	}
	return text
}

// namesOr is a list of names as people write one.
func namesOr(names []string, none string) string {
	switch n := len(names); n {
	case 0:
		return none
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// RuleIDs name every rule by what keeps its state when the policy changes, with its place in the policy.
func (p *Policy) RuleIDs() []RuleID {
	var ids []RuleID
	for i, o := range p.observe {
		for j, r := range o.rules {
			ids = append(ids, RuleID{Path{"observe", i, "rules", j}, r.ID, r.Text})
		}
	}
	return ids
}

// RuleID is a rule's place, its id and what it is called in alerts.
type RuleID struct {
	Path     Path
	ID, Text string
}
