package retrain

import (
	"cmp"
	"slices"
	"strings"
)

// Sources folds the events of one partition into alerts. It is not safe for use by several goroutines.
type Sources struct {
	topic  On // OnPerformance, or OnDrift for the topic of drift and concept drift
	policy *Policy

	time  int64 // the greatest record time so far
	timed bool  // whether there was a record

	index    index
	list     slab[source]
	versions names
	layouts  []*layout // of the policy's observe lines; the first is of sources without rules
	extras   slab[extra]
	quiet    oldest // when each source is looked at for being forgotten

	gone        []string // keys of sources forgotten since the last checkpoint
	timeChanged bool
	restored    []restored // keys of the checkpoint that wait for the policy
	unordered   bool       // sources were restored that quiet does not know yet
	key         []byte     // scratch
	keyOf       func(uint32) string
}

// NewSources folds a topic of performance events, or one of drift and concept drift. A policy must be set before the first
// event.
func NewSources(topic On) *Sources {
	s := &Sources{topic: topic, index: newIndex(), versions: newNames()}
	s.keyOf = func(i uint32) string { return s.list.at(i).key }
	return s
}

// Count is the number of sources that it knows.
func (s *Sources) Count() int { return s.index.count }

// Use sets the policy in force, before the first event. The error is that of a damaged checkpoint.
func (s *Sources) Use(p *Policy) error {
	s.adopt(p, nil)
	waiting := s.restored
	s.restored = nil
	for _, r := range waiting {
		if err := s.restore(r); err != nil {
			return err
		}
	}
	return nil
}

// Switch goes over to a policy of a greater revision: alerts of rules that the policy does not give to their sources any more
// are appended to out as resolved, and their series are forgotten. A policy of another revision changes nothing.
func (s *Sources) Switch(p *Policy, out []*Alert) []*Alert {
	if p.Revision <= s.policy.Revision {
		return out
	}
	return s.adopt(p, out)
}

// adopt lays every source out anew by the policy. A series goes on by its rule's id.
func (s *Sources) adopt(p *Policy, out []*Alert) []*Alert {
	before, first := s.layouts, len(out)
	s.policy, s.layouts = p, []*layout{newLayout(nil)}
	for _, line := range p.observe {
		s.layouts = append(s.layouts, newLayout(line.rules))
	}
	for i := uint32(1); i <= s.list.used; i++ {
		src := s.list.at(i)
		if src.key == "" {
			continue
		}
		old := before[src.line+1]
		src.line = s.lineOf(src)
		for v := range src.versions[:src.count] {
			out = s.moveVersion(&src.versions[v], old, s.layouts[src.line+1], out)
		}
		src.changed = true
	}
	sortAlerts(out[first:])
	return out
}

func (s *Sources) moveVersion(v *heardVersion, from, to *layout, out []*Alert) []*Alert {
	block := to.take()
	for k, rule := range from.rules {
		x := from.series(v.block, k)
		if i := slices.IndexFunc(to.rules, func(r *Rule) bool { return r.ID == rule.ID }); i >= 0 {
			copy(to.series(block, i), x)
		} else {
			out = s.endSeries(x, RuleRemoved, out)
		}
	}
	v.block = block
	return out
}

// Pass takes the time of a record, whatever it carries, and forgets the sources that were not heard for source_ttl: their
// firing alerts are appended to out as resolved. It comes before Fold.
func (s *Sources) Pass(time int64, out []*Alert) []*Alert {
	if s.unordered {
		s.putInOrder()
	}
	if !s.timed || time > s.time {
		s.time, s.timed, s.timeChanged = time, true, true
	}
	first := len(out)
	for {
		i := s.quiet.next(s.time - s.policy.SourceTTL)
		if i == 0 {
			break
		}
		src := s.list.at(i)
		if src.heard > s.quiet.time() {
			s.quiet.later(src.heard)
			continue
		}
		s.quiet.pop()
		out = s.forgetSource(i, SourceGone, out)
	}
	sortAlerts(out[first:])
	return out
}

func (s *Sources) forgetSource(i uint32, by ResolvedBy, out []*Alert) []*Alert {
	src := s.list.at(i)
	for src.count > 0 {
		out = s.dropVersion(src, int(src.count)-1, by, out)
	}
	s.gone = append(s.gone, src.key)
	s.index.remove(i, s.keyOf)
	s.list.drop(i)
	return out
}

// Fold takes an event that Check found nothing wrong with. Alerts that it fires, sends again or resolves are appended to out.
func (s *Sources) Fold(o *Origin, e *Event, out []*Alert) ([]*Alert, Outcome) {
	stream, model, version := e.About()
	s.key = sourceKey(s.key[:0], stream, model)
	i, hash := s.index.find(s.key, s.keyOf)
	if i == 0 {
		i = s.add(hash)
		s.quiet.push(s.time, i)
	}
	src := s.list.at(i)
	src.changed, src.heard = true, s.time
	out = s.hear(src, version, out)
	judged := judging{src: src, origin: o, event: e, time: min(e.Timestamp, o.Time)}
	outcome, l := NotApplicable, s.layouts[src.line+1]
	for k, rule := range l.rules {
		var reached Outcome
		out, reached = s.judge(&judged, rule, l.series(src.versions[0].block, k), out)
		outcome = max(outcome, reached)
	}
	return out, outcome
}

// add makes the source of s.key.
func (s *Sources) add(hash uint64) uint32 {
	i := s.list.take()
	src := s.list.at(i)
	src.key = string(s.key)
	src.line = s.lineOf(src)
	s.index.add(hash, i, s.keyOf)
	return i
}

func (s *Sources) lineOf(src *source) int32 {
	stream, model := src.parts()
	return int32(s.policy.lineFor(s.on(stream != nil), stream, model))
}

func (s *Sources) on(stream bool) On {
	switch {
	case s.topic == OnPerformance:
		return OnPerformance
	case stream:
		return OnDrift
	}
	return OnConceptDrift
}

// sortAlerts puts alerts that end together in order of (stream, model, version, rule_id), null first.
func sortAlerts(alerts []*Alert) {
	if len(alerts) < 2 {
		return
	}
	slices.SortStableFunc(alerts, func(a, b *Alert) int {
		return cmp.Or(nullFirst(a.Stream, b.Stream), nullFirst(a.Model, b.Model),
			nullFirst(a.ModelVersion, b.ModelVersion), strings.Compare(a.RuleID, b.RuleID))
	})
}

func nullFirst(a, b *string) int {
	switch {
	case a == nil || b == nil:
		return cmp.Compare(present(a), present(b))
	}
	return strings.Compare(*a, *b)
}

func present(s *string) int {
	if s == nil {
		return 0
	}
	return 1
}
