package retrain

import "fmt"

// judging is an event on its way through the rules of its source.
type judging struct {
	src    *source
	origin *Origin
	event  *Event
	time   int64 // no later than that of the record
	mark   uint64
	marked bool
}

// judge takes the event through one series: not_applicable, old, duplicate, or folded.
func (s *Sources) judge(j *judging, rule *Rule, x series, out []*Alert) ([]*Alert, Outcome) {
	value, ok := rule.applies(j.event)
	switch {
	case !ok:
		return out, NotApplicable
	case j.time < x.newest():
		return out, Old
	}
	if !j.marked {
		j.mark, j.marked = j.event.mark(), true
	}
	if j.time == x.newest() && x.seen(j.mark, &s.extras) {
		return out, Duplicate
	}
	x.take(j.time, j.mark, &s.extras)
	v := rule.observer.observe(x.memory(), value, j.time)
	if last := x.firing(&s.extras); last != nil || v.alarm {
		out = s.say(j, rule, x, last, value, v, out)
	}
	return out, Folded
}

// say fires, sends again or resolves the alert of a series, where the observation asks for one of these.
func (s *Sources) say(j *judging, rule *Rule, x series, last *Alert, value float64, v observation, out []*Alert) []*Alert {
	switch {
	case v.alarm:
		a := s.alert(j, rule, value)
		a.State, a.Since = Firing, &v.since
		a.AlertID = alertID(a)
		x.setFiring(a, &s.extras)
		return append(out, a)
	case !v.inBreach:
		a := s.alert(j, rule, value)
		a.State, a.AlertID, a.Since, a.ResolvedBy = Resolved, last.AlertID, last.Since, new(Recovered)
		x.setFiring(nil, &s.extras)
		return append(out, a)
	case v.beyond && j.time >= last.EventTime+s.policy.ResendDelay:
		a := s.alert(j, rule, value)
		a.State, a.AlertID, a.Since = Firing, last.AlertID, last.Since
		x.setFiring(a, &s.extras)
		return append(out, a)
	}
	return out
}

// alert says what the event, the rule and the series say of themselves.
func (s *Sources) alert(j *judging, rule *Rule, value float64) *Alert {
	stream, model := j.src.parts()
	a := &Alert{
		Stream: stream, Model: model, ModelVersion: s.versions.text(j.src.versions[0].name), On: rule.On,
		RuleID: rule.ID, Rule: rule.Text, Action: rule.Action, Field: rule.Field.String(), Value: &value, Level: rule.Level,
		EventTime: j.time, DataRef: copied(j.event.DataRef), PolicyRevision: s.policy.Revision,
		Topic: j.origin.Topic, Partition: j.origin.Partition, Offset: j.origin.Offset,
	}
	if j.event.EventID != nil {
		a.EventID = string(j.event.EventID)
	} else {
		a.EventID = fmt.Sprintf("%s/%d/%d", a.Topic, a.Partition, a.Offset)
	}
	return a
}

func copied(text []byte) *string {
	if text == nil {
		return nil
	}
	return new(string(text))
}
