package retrain

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sentences are those of an example's decisions, by "reason number".
func sentences(t *testing.T, name string) map[string]string {
	t.Helper()
	said, byID := map[string]string{}, map[string]string{}
	var x example
	unmarshal(t, readFile(t, "testdata/rules/"+name+".json"), &x)
	var input []tailed
	unmarshal(t, x.Input, &input)
	c := NewController()
	for _, r := range input {
		for _, o := range mustStep(t, c, entryAt{millis(t, r.Timestamp), entryOf(t, r.Schema, r.Value)}) {
			switch o := o.(type) {
			case *Decision:
				said[fmt.Sprintf("%s %s %d", o.Model, o.Reason, o.DecisionNumber)] = o.Explanation
				byID[o.DecisionID] = o.Explanation
			case *Command:
				if byID[o.DecisionID] != o.Explanation {
					t.Errorf("command %s explains itself otherwise than its decision", o.CommandID)
				}
			}
		}
	}
	return said
}

func TestEveryReasonIsASentenceForPeople(t *testing.T) {
	for _, x := range []struct{ example, decision, sentence string }{
		{"mission", "object_detection alert 1",
			"object_detection v5.4 lost 0.12 mAP (limit 0.05) in the event at monitoring.performance/0/0 of 2026-03-01 00:00:01 UTC: soft retrain, " +
				"command 9f14efb7; it has 1 h to be taken up"},
		{"mission", "object_detection quiet 2",
			"command 9f14efb7 succeeded at 2026-03-01 00:00:03 UTC and trained v5.5: the alerts of object_detection before that are answered: " +
				"no retrain; object_detection is left alone until 2026-03-01 00:00:05 UTC, and a newer event that breaches a rule waits for that"},
		{"mission", "object_detection undeployed 3",
			"object_detection v5.4 lost 0.12 mAP (limit 0.05) in the event at monitoring.performance/0/4 of 2026-03-01 00:12:00 UTC, but v5.5, " +
				"trained from v5.4 and registered at 2026-03-01 00:00:03 UTC, waits to be deployed: no retrain until 2026-03-08 00:00:03 UTC " +
				"(7 d for that), unless v5.5 itself is seen to drift"},
		{"base-version", "a alert 3",
			"stream cam-3 (a) has had p_value below 0.01 in at least 2 of its last 3 checks since 2026-03-01 00:05:59 UTC, most recently p_value 0.001 in the event " +
				"at monitoring.drift/0/4 of 2026-03-01 00:06:00 UTC (and 3 more alerts): full retrain, command e5cfffa5; it has 1 h to be taken up"},
		{"back-off", "a cooldown 4",
			"a lost 0.12 mAP (limit 0.05) in the event at monitoring.performance/0/1 of 2026-03-01 00:01:00 UTC, but a is left alone until " +
				"2026-03-02 15:03:00 UTC: 1 d after command e5cfffa5 failed at 2026-03-01 15:03:00 UTC, the 2nd end in a row without success; " +
				"no retrain now, it is decided again then"},
		{"in-flight", "a in_flight 2",
			"stream cam-1 (a) has had p_value below 0.01 in at least 2 of its last 3 checks since 2026-03-01 00:02:59 UTC, most recently p_value 0.001 in the event at " +
				"monitoring.drift/0/3 of 2026-03-01 00:03:00 UTC, while command 02a8ff0d (soft) waits to be taken up since " +
				"2026-03-01 00:01:00 UTC: no second retrain while it is open; it has until 2026-03-01 01:01:00 UTC to be taken up, and what still counts then is decided again"},
		{"requests", "typo in_flight 4",
			`"ann" asked for a soft retrain of typo (comment "now"), but command 6836b4a9 (full) waits to be taken up since 2026-03-01 00:05:00 UTC: refused, ` +
				"for a model has one command at a time; it has until 2026-03-01 01:05:00 UTC to be taken up; ask again when it has ended"},
		{"requests", "typo unknown_model 1",
			`"ann" asked for a soft retrain of typo (comment "now"), but no model of that name exists, for no alert has concerned one: ` +
				"refused; check the name, or ask with create to make the model"},
		{"back-off-success", "a requested 8",
			`"ann" asked for a soft retrain of a (comment "now"): soft retrain, command cdee2f43; it has 1 h to be taken up; a request passes ` +
				"the cool-down, which would last until 2026-03-02 06:04:00 UTC; with it goes what counts by itself: a lost 0.12 mAP " +
				"(limit 0.05) in the event at monitoring.performance/0/2 of 2026-03-01 10:04:00 UTC"},
		{"stale", "a stale 1",
			"a lost 0.12 mAP (limit 0.05) in the event at monitoring.performance/0/1 of 2026-02-28 23:00:59 UTC, but that is 1 h ago and " +
				"was more than 1 h ago when it came (max_event_age): no retrain for what is so old; a newer event counts"},
	} {
		said := sentences(t, x.example)
		if got := said[x.decision]; got != x.sentence {
			t.Errorf("%s, %s:\n%s\nexpected\n%s\nof %v", x.example, x.decision, got, x.sentence, slices.Sorted(maps.Keys(said)))
		}
	}
}

func TestAnAlarmOfCusumIsExplainedByItsOwnPast(t *testing.T) {
	p, err := BuiltIn("")
	if err != nil {
		t.Fatal(err)
	}
	c := NewController()
	if _, err := c.Step(0, &PolicyEntry{Policy: p.Canonical(), LedgerID: testLedger}, nil); err != nil {
		t.Fatal(err)
	}
	out, err := c.Step(40_000_000, &Alert{
		State: Firing, AlertID: "a1", Stream: new("cam-7"), On: OnDrift, RuleID: "32c67b85433d", Action: FullRetrain, Field: "p_value",
		Value: new(0.00042), Since: new(int64(18_000_000)), EventID: "e", EventTime: 39_000_000, Topic: "monitoring.drift", Partition: 3, Offset: 118,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "stream cam-7 (cam-7) has had p_value unlike its own past since 1970-01-01 05:00:00 UTC (the evidence W of its checks is at or above the limit h = 14.3, " +
		"where chance alone brings it once in 1,680,000 checks or less often), most recently p_value 0.00042 in the event at monitoring.drift/3/118 of 1970-01-01 10:50:00 UTC: full retrain, command "
	if got := out[0].(*Decision).Explanation; !strings.HasPrefix(got, want) {
		t.Errorf("%s\nexpected\n%s", got, want)
	}
}

func TestARefusalNamesTheModelsNearestToTheNameAsked(t *testing.T) {
	c := NewController()
	p, err := BuiltIn("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Step(0, &PolicyEntry{Policy: p.Canonical(), LedgerID: testLedger}, nil); err != nil {
		t.Fatal(err)
	}
	ask := func(model string, create bool) string {
		out, err := c.Step(1000, &Request{RequestID: "r", Verb: Trigger, Model: model, Action: new(SoftRetrain), Create: create, Author: "ann\x1b[2J\n"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out[0].(*Decision).Explanation
	}
	const asked = `"ann\x1b[2J" asked for a soft retrain of %s, but no model of that name exists, for no alert has concerned one: refused; check the name%s, or ask with create to make the model`
	ask("vision/detector", true)
	if got, want := ask("vison/detectr", false), fmt.Sprintf(asked, "vison/detectr", " (did you mean vision/detector?)"); got != want {
		t.Errorf("%s\nexpected\n%s", got, want)
	}
	ask("vision/detector2", true)
	if got, want := ask("vison/detectr", false), fmt.Sprintf(asked, "vison/detectr", " (did you mean vision/detector or vision/detector2?)"); got != want {
		t.Errorf("%s\nexpected\n%s", got, want)
	}
	if got, want := ask("x", false), fmt.Sprintf(asked, "x", ""); got != want { // a refused name is nobody's suggestion
		t.Errorf("%s\nexpected\n%s", got, want)
	}
}

const testLedger = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

func TestEveryExplanationNamesItsModelItsCommandAndUntilWhen(t *testing.T) {
	ledgers(t, func(rt *rapid.T, _ *Controller, _ entryAt, out []Output) {
		for _, o := range out {
			d, ok := o.(*Decision)
			if !ok {
				continue
			}
			wanted := []string{d.Model}
			if d.Until != nil {
				wanted = append(wanted, time.UnixMilli(*d.Until).UTC().Format(time.DateTime))
			}
			if d.CommandID != nil {
				wanted = append(wanted, (*d.CommandID)[:8])
			}
			if n := len(d.Evidence); n > 0 && d.Reason != ReasonInFlight {
				e := d.Evidence[0]
				wanted = append(wanted, fmt.Sprintf("%s/%d/%d", e.Topic, e.Partition, e.Offset))
			}
			for _, text := range wanted {
				if !strings.Contains(d.Explanation, text) || strings.Contains(d.Explanation, "%!") {
					rt.Fatalf("%s is not in %q", text, d.Explanation)
				}
			}
		}
	})
}
