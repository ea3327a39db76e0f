package retrain

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// entryAt is an entry with its append time.
type entryAt struct {
	at    int64
	entry Entry
}

// ledger draws entries while it folds them, so that progress is of commands that there are.
type ledger struct {
	rt       *rapid.T
	t        testing.TB
	now      int64
	n        int64
	revision int32
	commands []string
	rules    map[On][]*Rule
	few      bool // sources: all of one model
}

var ledgerSources = []struct {
	stream, model string
	on            On
}{{"cam-1", "a", OnDrift}, {"", "a", OnPerformance}, {"cam-1", "", OnDrift}, {"cam-9", "", OnDrift}, {"", "a", OnPerformance}, {"", "b", OnPerformance}, {"x", "", OnDrift}}

// Pauses between entries: mostly short ones, so that commands end by progress as often as by their deadline.
var (
	pauses     = []int64{0, 0, 1, second / 2, second, 3 * second, 2 * minute, -2 * second}
	longPauses = []int64{30 * minute, 30 * minute, hour, 7 * hour, -hour, 31 * day}
)

// next draws an entry; deadline is that of the controller.
func (l *ledger) next(deadline int64) entryAt {
	l.n++
	pause := rapid.SampledFrom(pauses)
	if rapid.IntRange(0, 9).Draw(l.rt, "long") == 0 {
		pause = rapid.SampledFrom(longPauses)
	}
	l.now += pause.Draw(l.rt, "pause")
	e := entryAt{at: l.now}
	switch kind := rapid.IntRange(0, 19).Draw(l.rt, "kind"); {
	case l.n == 1 || kind == 0:
		l.revision += rapid.Int32Range(-1, 1).Draw(l.rt, "step")
		if l.n == 1 {
			l.revision, l.few = 3, rapid.Bool().Draw(l.rt, "few")
		}
		e.entry = l.policy(l.revision)
	case kind < 10:
		e.entry = l.alert()
	case kind < 17 && len(l.commands) > 0:
		e.entry = l.progress()
	case kind < 18:
		e.entry = l.request()
	default:
		e.entry = &Tick{}
		if deadline > l.now && rapid.Bool().Draw(l.rt, "due") {
			l.now, e.at = deadline, deadline
		}
	}
	return e
}

func (l *ledger) policy(number int32) *PolicyEntry {
	return &PolicyEntry{
		Revision: number, LedgerID: testLedger, Author: "test",
		Policy: revision(l.t, rapid.IntRange(0, len(policyTexts)-1).Draw(l.rt, "policy"), number).Canonical(),
	}
}

func optional1(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (l *ledger) alert() *Alert {
	sources := ledgerSources
	if l.few {
		sources = sources[:2]
	}
	source := rapid.SampledFrom(sources).Draw(l.rt, "source")
	if l.rules == nil {
		l.rules = map[On][]*Rule{}
		for i := range policyTexts {
			for _, r := range revision(l.t, i, 1).rules() {
				l.rules[r.On] = append(l.rules[r.On], r)
			}
		}
	}
	rules := l.rules[source.on]
	rule := rapid.SampledFrom(rules).Draw(l.rt, "rule")
	at := l.now + rapid.SampledFrom([]int64{0, 0, 0, -second, -20 * minute, -30 * hour, 5 * minute, 27000 * day}).Draw(l.rt, "event time")
	a := &Alert{
		State: Firing, AlertID: fmt.Sprintf("%032x", rapid.SampledFrom([]int64{l.n, l.n, l.n % 5}).Draw(l.rt, "id")),
		Stream: optional1(source.stream), Model: optional1(source.model), On: source.on, RuleID: rule.ID, Rule: rule.Text,
		Action: rule.Action, Field: rule.Field.String(), Value: new(-0.12), Level: rule.Level,
		Since: new(at - rapid.SampledFrom([]int64{0, hour}).Draw(l.rt, "since")), EventID: "e", EventTime: at,
		Topic: "monitoring", Partition: rapid.Int32Range(0, 1).Draw(l.rt, "partition"), Offset: l.n,
	}
	a.ModelVersion = optional1(rapid.SampledFrom([]string{"", "v5.4", "v5.4", "v5.5", "v6"}).Draw(l.rt, "version"))
	if rapid.IntRange(0, 3).Draw(l.rt, "resolved") == 0 {
		a.State, a.ResolvedBy = Resolved, new(rapid.SampledFrom([]ResolvedBy{Recovered, Superseded, SourceGone, RuleRemoved}).Draw(l.rt, "by"))
	}
	return a
}

func (l *ledger) progress() *Progress {
	last := l.commands[max(0, len(l.commands)-3):]
	return &Progress{
		CommandID: rapid.SampledFrom(last).Draw(l.rt, "command"), Worker: optional1(rapid.SampledFrom([]string{"", "w1", "w2"}).Draw(l.rt, "worker")),
		Kind:       rapid.SampledFrom([]ProgressKind{Started, InProgress, Succeeded, Succeeded, Failed, Failed, "unknown"}).Draw(l.rt, "progress"),
		NewVersion: optional1(rapid.SampledFrom([]string{"", "", "v9"}).Draw(l.rt, "new version")),
		BestParams: map[string]string{"lr": "0.001", "batch_size": "32"}, At: l.now,
	}
}

func (l *ledger) request() *Request {
	return &Request{
		RequestID: fmt.Sprint("r", l.n), Verb: Trigger, Model: rapid.SampledFrom([]string{"a", "b", "cam-1", "new"}).Draw(l.rt, "model"),
		Action: new(rapid.SampledFrom([]RetrainAction{SoftRetrain, FullRetrain}).Draw(l.rt, "action")), Create: rapid.Bool().Draw(l.rt, "create"), Author: "me", At: l.now,
	}
}
