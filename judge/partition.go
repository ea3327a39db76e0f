package main

import (
	"cmp"
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// partition folds one partition of the performance topic: records in order -> alerts, dead letters.
type partition struct {
	policy  *policy
	schemas *schemas
	most    int
	started bool
	time    int64 // greatest record time
	sources map[string]*source
	heard   list.List // of *source, the one heard longest ago first
	alerts  []map[string]any
	err     error
}

type source struct {
	model    string
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
	newest int64
	marks  []string
	n      int
	on     bool
	last   map[string]any // the firing alert as it was sent last
}

func newPartition(p *policy, s *schemas, most int) *partition {
	return &partition{policy: p, schemas: s, most: most, sources: map[string]*source{}}
}

// fold takes one record; a reason says that it is a dead letter.
func (p *partition) fold(rec *kgo.Record) (reason string) {
	at := rec.Timestamp.UnixMilli()
	if !p.started || at > p.time {
		p.started, p.time = true, at
	}
	p.forget()
	e, reason := p.event(rec.Value)
	if reason != "" {
		return reason
	}
	id := e["model_id"].(string)
	name, version := splitModel(id)
	if v, ok := e["model_version"].(string); ok {
		version = v
	}
	s := p.hear(name)
	version = p.hearVersion(s, version)
	about := alertOf{rec: rec, e: e, version: version, model: name, time: min(e["timestamp"].(int64), at), revision: p.policy.Revision}
	for _, r := range p.policy.rules("performance", nil, name) {
		if r.threshold == nil {
			p.err = fmt.Errorf("rule %s is no threshold: it is not judged here", r.text)
			return ""
		}
		p.judge(s, r, about)
	}
	return ""
}

// event decodes a record, or says why it cannot be used.
func (p *partition) event(b []byte) (e map[string]any, reason string) {
	if b == nil {
		return nil, "tombstone"
	}
	e, reason = p.schemas.open(b, "io.visutility.PerformanceEvent")
	if reason != "" {
		return nil, reason
	}
	if len(b) > p.most {
		return nil, "oversized"
	}
	none := true
	for _, f := range []string{"mAP_change", "value"} {
		if v, ok := e[f].(float64); ok {
			none = false
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, "invalid_value"
			}
		}
	}
	for _, f := range []string{"model_id", "event_id", "model_version"} {
		if v, ok := e[f].(string); ok && badID(v) {
			return nil, "invalid_value"
		}
	}
	if e["timestamp"].(int64) < time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() {
		return nil, "invalid_value"
	}
	if none {
		return nil, "no_value"
	}
	return e, ""
}

func badID(id string) bool {
	return id == "" || len(id) > 512 || strings.ContainsFunc(id, func(c rune) bool { return c < 32 || c >= 127 && c < 160 })
}

// forget drops the sources that were heard too long ago; their firing alerts are resolved, in order of the models.
func (p *partition) forget() {
	var gone []*source
	for e := p.heard.Front(); e != nil && p.time-e.Value.(*source).heard > p.policy.SourceTTL; e = p.heard.Front() {
		gone = append(gone, p.heard.Remove(e).(*source))
	}
	slices.SortFunc(gone, func(a, b *source) int { return strings.Compare(a.model, b.model) })
	for _, s := range gone {
		delete(p.sources, s.model)
		p.resolve(s, "source_gone", func(seriesKey) bool { return true })
	}
}

func (p *partition) hear(model string) *source {
	s := p.sources[model]
	if s == nil {
		s = &source{model: model, series: map[seriesKey]*series{}}
		s.place = p.heard.PushBack(s)
		p.sources[model] = s
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
	t := r.threshold
	v, ok := a.e[t.Of].(float64)
	size, sized := a.e["sample_size"].(int64)
	if !ok || t.Method != nil && a.e["method"] != *t.Method || sized && size < t.MinSampleSize {
		return
	}
	key := seriesKey{a.version, r.id}
	x := s.series[key]
	if x == nil {
		x = &series{newest: a.time}
		s.series[key] = x
	}
	mark := fmt.Sprintf("fields %v", a.e) // a map is printed in order of its keys
	if id, ok := a.e["event_id"].(string); ok {
		mark = "id " + id
	}
	if a.time < x.newest || a.time == x.newest && slices.Contains(x.marks, mark) {
		return
	}
	if a.time > x.newest {
		x.newest, x.marks = a.time, nil
	}
	x.marks = append(x.marks, mark)
	x.marks = x.marks[max(0, len(x.marks)-4):]
	p.observe(x, r, a, v)
}

// observe is the threshold itself: off -> on fires, a breach after resend_delay sends again, a value at or past clear ends it.
func (p *partition) observe(x *series, r *rule, a alertOf, v float64) {
	t, was := r.threshold, x.on
	var beyond, past bool
	if t.Below != nil {
		beyond, past = v < *t.Below, v >= t.Clear
	} else {
		beyond, past = v > *t.Above, v <= t.Clear
	}
	x.n++
	if beyond {
		x.on = x.n >= t.MinChecks
	} else if past {
		x.on = false
	}
	switch {
	case x.on && !was:
		x.last = a.alert(r, v, "firing", a.id(r), a.time, nil)
		p.alerts = append(p.alerts, x.last)
	case x.last != nil && !x.on:
		p.alerts = append(p.alerts, a.alert(r, v, "resolved", x.last["alert_id"], x.last["since"], "recovered"))
		x.last = nil
	case x.last != nil && beyond && a.time >= x.last["event_time"].(int64)+p.policy.ResendDelay:
		x.last = a.alert(r, v, "firing", x.last["alert_id"], x.last["since"], nil)
		p.alerts = append(p.alerts, x.last)
	}
}

// alertOf is what an alert takes from the event that it is about.
type alertOf struct {
	rec      *kgo.Record
	e        map[string]any
	model    string
	version  any
	time     int64
	revision int64
}

func (a alertOf) alert(r *rule, v float64, state string, id, since, by any) map[string]any {
	level := r.threshold.Below
	if level == nil {
		level = r.threshold.Above
	}
	event := a.e["event_id"]
	if event == nil {
		event = place(a.rec.Topic, a.rec.Partition, a.rec.Offset)
	}
	return map[string]any{
		"state": state, "alert_id": id, "stream": nil, "model": a.model, "model_version": a.version, "on": "performance",
		"rule_id": r.id, "rule": r.text, "action": r.action, "field": r.threshold.Of, "value": v, "level": *level, "since": since,
		"event_id": event, "event_time": a.time, "data_ref": a.e["data_ref"], "policy_revision": a.revision, "resolved_by": by,
		"topic": a.rec.Topic, "partition": int64(a.rec.Partition), "offset": a.rec.Offset,
	}
}

// id: first 16 bytes of SHA-256 over stream, model, version, rule_id, topic, partition, offset, each behind its length.
func (a alertOf) id(r *rule) string {
	h := sha256.New()
	version, _ := a.version.(string)
	for _, part := range []string{"", a.model, version, r.id, a.rec.Topic, fmt.Sprint(a.rec.Partition), fmt.Sprint(a.rec.Offset)} {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part))) // a hash takes everything
		_, _ = h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
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
