package main

import (
	"cmp"
	"container/list"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// partition folds one partition of a topic of events: records in order -> alerts, dead letters.
type partition struct {
	kind     string // of its records
	schemas  *schemas
	most     int
	policy   *policy
	switches []turn // all but the first policy
	switched int    // how many of them are behind
	records  int
	started  bool
	time     int64 // greatest record time
	sources  map[sourceKey]*source
	heard    list.List // of *source, the one heard longest ago first
	alerts   []map[string]any
}

// turn is where a partition went over to a policy: the records from an offset on are folded under it.
type turn struct {
	from   int64
	policy *policy
}

// sourceKey is what an event is about: a stream, a model's name, or both; a missing one is nil.
type sourceKey struct{ stream, model any }

func (k sourceKey) compare(other sourceKey) int {
	return cmp.Or(nullFirst(k.stream, other.stream), nullFirst(k.model, other.model))
}

type source struct {
	sourceKey
	heard    int64
	versions []any // the two heard last, the newest last; nil is a version too
	series   map[seriesKey]*series
	place    *list.Element
}

type seriesKey struct {
	version any
	rule    string
}

type series struct {
	observer
	newest int64
	marks  []string
	last   map[string]any // the firing alert as it was sent last
}

// newPartition begins under the first of the turns.
func newPartition(kind string, turns []turn, s *schemas, most int) *partition {
	return &partition{kind: kind, schemas: s, most: most, policy: turns[0].policy, switches: turns[1:], sources: map[sourceKey]*source{}}
}

// fold takes one record; a reason says that it is a dead letter.
func (p *partition) fold(rec *kgo.Record) (reason string) {
	e, reason := p.schemas.event(rec.Value, p.kind, p.most)
	p.take(rec, e, reason)
	return reason
}

// take is what a record does. Of a dead letter, which has a reason, only the time passes.
func (p *partition) take(rec *kgo.Record, e map[string]any, reason string) {
	p.records++
	p.switchUpTo(rec.Offset)
	at := rec.Timestamp.UnixMilli()
	if !p.started || at > p.time {
		p.started, p.time = true, at
	}
	p.forget()
	if reason != "" {
		return
	}
	key := sourceKey{stream: e["stream_id"]}
	var version any
	if id, ok := e["model_id"].(string); ok {
		key.model, version = splitModel(id)
	}
	if v, ok := e["model_version"].(string); ok {
		version = v
	}
	s := p.hear(key)
	about := alertOf{rec: rec, e: e, stream: key.stream, model: key.model, version: p.hearVersion(s, version), on: p.on(key),
		mark: mark(e), time: min(e["timestamp"].(int64), at), revision: p.policy.Revision}
	for _, r := range p.policy.rules(about.on, key.stream, key.model) {
		p.judge(s, r, about)
	}
}

// on is what the rules of a source are on.
func (p *partition) on(k sourceKey) string {
	switch {
	case p.kind == "PerformanceEvent":
		return "performance"
	case k.stream != nil:
		return "drift"
	}
	return "concept_drift"
}

// switchUpTo goes over to the policies under which the record at an offset, and those before it, are folded. Series of rules
// that a policy does not give any more end; the others go on.
func (p *partition) switchUpTo(offset int64) {
	for ; p.switched < len(p.switches) && p.switches[p.switched].from <= offset; p.switched++ {
		p.policy = p.switches[p.switched].policy
		var all []*source
		for _, s := range p.sources {
			all = append(all, s)
		}
		slices.SortFunc(all, func(a, b *source) int { return a.compare(b.sourceKey) })
		for _, s := range all {
			given := p.policy.rules(p.on(s.sourceKey), s.stream, s.model)
			p.resolve(s, "rule_removed", func(k seriesKey) bool {
				return !slices.ContainsFunc(given, func(r *rule) bool { return r.id == k.rule })
			})
		}
	}
}

// forget drops the sources that were heard too long ago; their firing alerts are resolved, in order of the sources.
func (p *partition) forget() {
	var gone []*source
	for e := p.heard.Front(); e != nil && p.time-e.Value.(*source).heard > p.policy.SourceTTL; e = p.heard.Front() {
		gone = append(gone, p.heard.Remove(e).(*source))
	}
	slices.SortFunc(gone, func(a, b *source) int { return a.compare(b.sourceKey) })
	for _, s := range gone {
		delete(p.sources, s.sourceKey)
		p.resolve(s, "source_gone", func(seriesKey) bool { return true })
	}
}

func (p *partition) hear(key sourceKey) *source {
	s := p.sources[key]
	if s == nil {
		s = &source{sourceKey: key, series: map[seriesKey]*series{}}
		s.place = p.heard.PushBack(s)
		p.sources[key] = s
	}
	s.heard = p.time
	p.heard.MoveToBack(s.place)
	return s
}

// hearVersion is the version that the event belongs to; a third one takes the place of the one heard longest ago.
func (p *partition) hearVersion(s *source, version any) any {
	if version == nil && len(s.versions) > 0 {
		return s.versions[len(s.versions)-1]
	}
	s.versions = append(slices.DeleteFunc(s.versions, func(v any) bool { return v == version }), version)
	if len(s.versions) > 2 {
		old := s.versions[0]
		s.versions = s.versions[1:]
		p.resolve(s, "superseded", func(k seriesKey) bool { return k.version == old })
	}
	return version
}

// resolve ends series; a firing alert is sent again as it was last, but for what says that it is over.
func (p *partition) resolve(s *source, by string, which func(seriesKey) bool) {
	var keys []seriesKey
	for k := range s.series {
		if which(k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b seriesKey) int {
		return cmp.Or(nullFirst(a.version, b.version), strings.Compare(a.rule, b.rule))
	})
	for _, k := range keys {
		if last := s.series[k].last; last != nil {
			p.alerts = append(p.alerts, with(last, map[string]any{"state": "resolved", "resolved_by": by, "policy_revision": p.policy.Revision}))
		}
		delete(s.series, k)
	}
}

// judge is one rule's step: not applicable, old, duplicate or folded.
func (p *partition) judge(s *source, r *rule, a alertOf) {
	v, ok := a.e[r.Of].(float64)
	size, sized := a.e["sample_size"].(int64)
	if !ok || r.Method != nil && a.e["method"] != *r.Method || sized && size < r.MinSampleSize || !r.onScale(v) {
		return
	}
	key := seriesKey{a.version, r.id}
	x := s.series[key]
	if x == nil {
		x = &series{observer: r.observer(), newest: a.time}
		s.series[key] = x
	}
	if a.time < x.newest || a.time == x.newest && slices.Contains(x.marks, a.mark) {
		return
	}
	if a.time > x.newest {
		x.newest, x.marks = a.time, nil
	}
	x.marks = append(x.marks, a.mark)
	x.marks = x.marks[max(0, len(x.marks)-4):]
	p.observe(x, r, a, v)
}

// observe: an alarm fires, a breach after resend_delay sends again, a level that does not hold any more ends it.
func (p *partition) observe(x *series, r *rule, a alertOf, v float64) {
	said := x.observer.observe(v, a.time)
	switch {
	case said.alarm:
		x.last = a.alert(r, v, "firing", a.id(r), said.since, nil)
		p.alerts = append(p.alerts, x.last)
	case x.last != nil && !said.level:
		p.alerts = append(p.alerts, a.alert(r, v, "resolved", x.last["alert_id"], x.last["since"], "recovered"))
		x.last = nil
	case x.last != nil && said.beyond && a.time >= x.last["event_time"].(int64)+p.policy.ResendDelay:
		x.last = a.alert(r, v, "firing", x.last["alert_id"], x.last["since"], nil)
		p.alerts = append(p.alerts, x.last)
	}
}

func with(m map[string]any, changes map[string]any) map[string]any {
	c := make(map[string]any, len(m))
	for k, v := range m {
		c[k] = v
	}
	for k, v := range changes {
		c[k] = v
	}
	return c
}

// nullFirst orders texts that may be missing.
func nullFirst(a, b any) int {
	x, okX := a.(string)
	y, okY := b.(string)
	switch {
	case okX == okY:
		return strings.Compare(x, y)
	case okX:
		return 1
	}
	return -1
}
