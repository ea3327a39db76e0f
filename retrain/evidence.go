package retrain

import (
	"cmp"
	"slices"
	"strings"
)

// evidenceOrder: action, time newest first, stream, model, rule, version, topic, partition; null first.
func evidenceOrder(a, b *keptAlert) int {
	x, y := a.alert, b.alert
	return cmp.Or(
		cmp.Compare(y.Action.severity(), x.Action.severity()), cmp.Compare(b.time, a.time),
		nullFirst(x.Stream, y.Stream), nullFirst(x.Model, y.Model), strings.Compare(x.RuleID, y.RuleID),
		nullFirst(x.ModelVersion, y.ModelVersion), strings.Compare(x.Topic, y.Topic), cmp.Compare(x.Partition, y.Partition),
	)
}

func (m *model) place(a *keptAlert) int {
	i, _ := slices.BinarySearchFunc(m.alerts, a, func(x *concern, a *keptAlert) int { return evidenceOrder(x.keptAlert, a) })
	return i
}

func (m *model) insert(x *concern) { m.alerts = slices.Insert(m.alerts, m.place(x.keptAlert), x) }

func (m *model) remove(x *concern) {
	i := m.place(x.keptAlert)
	m.alerts = slices.Delete(m.alerts, i, i+1)
}

// evidenceOf is what a record says of the alerts: the first in evidence order, as many as have room in so many bytes.
func evidenceOf(alerts []*keptAlert, most int) []Evidence {
	list, size := make([]Evidence, 0, min(len(alerts), 64)), 0
	for _, k := range alerts {
		if size += k.alert.size(); size > most {
			break
		}
		list = append(list, k.alert.Evidence())
	}
	return list
}

// Evidence is what decisions, commands and models say of the alert.
func (a *Alert) Evidence() Evidence {
	return Evidence{
		AlertID: a.AlertID, Stream: a.Stream, Model: a.Model, ModelVersion: a.ModelVersion, On: a.On, RuleID: a.RuleID,
		Rule: a.Rule, Action: a.Action, Field: a.Field, Value: a.Value, Level: a.Level, Since: a.Since, EventID: a.EventID,
		EventTime: a.EventTime, Topic: a.Topic, Partition: a.Partition, Offset: a.Offset,
	}
}

// namesVersion is the version of this very model that an alert names.
func (m *model) namesVersion(a *Alert) *string {
	if a.Model == nil || *a.Model != m.name {
		return nil
	}
	return a.ModelVersion
}

// baseVersion is that of the newest alert that names one, else the registry's newest, else the one that an alert named last.
func (m *model) baseVersion(evidence []*keptAlert) *string {
	var newest *keptAlert
	for _, a := range evidence {
		if m.namesVersion(a.alert) != nil && (newest == nil || a.time > newest.time) {
			newest = a
		}
	}
	switch n := len(m.versions); {
	case newest != nil:
		return newest.alert.ModelVersion
	case n > 0:
		return new(m.versions[n-1].Version)
	}
	return m.named
}

// dataset is the first one that an alert refers to, else the policy's, with the first stream in place of {stream}.
func (t *Train) dataset(evidence []*keptAlert) *string {
	var stream *string
	for _, a := range evidence {
		if a.alert.DataRef != nil {
			return a.alert.DataRef
		}
		if stream == nil {
			stream = a.alert.Stream
		}
	}
	if t.Dataset == nil || !strings.Contains(*t.Dataset, "{stream}") {
		return t.Dataset
	}
	if stream == nil {
		return nil
	}
	return new(strings.ReplaceAll(*t.Dataset, "{stream}", *stream))
}

// driftSince is when the earliest of the alerts' drifts began, not later than now.
func driftSince(evidence []*keptAlert, now int64) *int64 {
	var since *int64
	for _, a := range evidence {
		if s := a.alert.Since; s != nil && (since == nil || *s < *since) {
			since = s
		}
	}
	if since == nil {
		return nil
	}
	return new(min(*since, now))
}
