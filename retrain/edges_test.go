package retrain

import (
	"fmt"
	"testing"
)

// series of one model of quality, for the edges of the rules.
func quality(t *testing.T, policy string) func(at int64, id string, change float64) []*Alert {
	t.Helper()
	p, err := ParsePolicy([]byte(policy), "")
	if err != nil {
		t.Fatal(err)
	}
	l, offset := newLive(t, OnPerformance, p), int64(0)
	return func(at int64, id string, change float64) []*Alert {
		offset++
		return l.take(happening{origin: Origin{"p", 0, offset, t0 + day},
			event: &Event{ModelID: []byte("m"), EventID: []byte(id), MAPChange: Number{change, true}, Timestamp: at}})
	}
}

func TestAFiringAlertIsSentAgainFromTheDelayOn(t *testing.T) {
	send := quality(t, `{"resend_delay":"10m"}`)
	for _, x := range []struct {
		at   int64
		want int
	}{{0, 1}, {10*minute - 1, 0}, {10 * minute, 1}, {20*minute - 1, 0}, {20 * minute, 1}} {
		if out := send(t0+x.at, fmt.Sprint(x.at), -0.1); len(out) != x.want {
			t.Errorf("after %d ms: %d alerts, expected %d", x.at, len(out), x.want)
		}
	}
}

func TestTheLast4EventsOfTheNewestTimeAreKnownAgain(t *testing.T) {
	p, err := ParsePolicy([]byte(`{}`), "")
	if err != nil {
		t.Fatal(err)
	}
	l, offset := newLive(t, OnPerformance, p), int64(0)
	send := func(id string) Outcome {
		offset++
		_, outcome := l.Fold(&Origin{"p", 0, offset, t0}, &Event{ModelID: []byte("m"), EventID: []byte(id), MAPChange: Number{0, true}, Timestamp: t0}, nil)
		return outcome
	}
	l.Pass(t0, nil)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		if got := send(id); got != Folded {
			t.Errorf("%s: %s", id, got)
		}
	}
	l.save(true)
	l = l.restart(t, false)
	for _, id := range []string{"b", "c", "d", "e"} {
		if got := send(id); got != Duplicate {
			t.Errorf("%s again: %s", id, got)
		}
	}
	if got := send("a"); got != Folded {
		t.Errorf("a again, the fifth before: %s", got)
	}
	if got := send("b"); got != Folded {
		t.Errorf("b again, now the fifth before: %s", got)
	}
}

// dropOf is a firing alert of the built-in rule for quality.
func dropOf(model, version string, at int64) *Alert {
	return &Alert{
		State: Firing, AlertID: fmt.Sprint(model, at), Model: &model, ModelVersion: optional1(version), On: OnPerformance, RuleID: "f3bb9437215d",
		Action: SoftRetrain, Field: "mAP_change", Value: new(-0.12), Level: new(-0.05), Since: &at, EventTime: at, Topic: "p", Offset: at,
	}
}

// begun is a controller under a policy.
func begun(t *testing.T, policy string) *Controller {
	t.Helper()
	p, err := ParsePolicy([]byte(policy), "")
	if err != nil {
		t.Fatal(err)
	}
	c := NewController()
	mustStep(t, c, entryAt{t0, &PolicyEntry{Policy: p.Canonical(), Revision: p.Revision, LedgerID: testLedger}})
	return c
}

func commandIn(t *testing.T, out []Output) *Command {
	t.Helper()
	for _, o := range out {
		if cmd, ok := o.(*Command); ok {
			return cmd
		}
	}
	t.Fatalf("no command in %s", shown(out))
	return nil
}

func TestACommandIsForgotten30DaysAfterItsLastEnd(t *testing.T) {
	c := begun(t, `{}`)
	cmd := commandIn(t, mustStep(t, c, entryAt{t0, dropOf("m", "", t0)}))
	mustStep(t, c, entryAt{t0 + hour, &Tick{}}) // expired
	mustStep(t, c, entryAt{t0 + 20*day, &Progress{CommandID: cmd.CommandID, Kind: Succeeded}})
	mustStep(t, c, entryAt{t0 + 49*day, &Tick{}}) // 49 days after the first end, 29 after the last
	if c.commands[cmd.CommandID] == nil {
		t.Error("forgotten too soon: its last end is its late success")
	}
	saved := copyOf(t, c)
	mustStep(t, saved, entryAt{t0 + 50*day, &Tick{}})
	mustStep(t, c, entryAt{t0 + 50*day, &Tick{}})
	if c.commands[cmd.CommandID] != nil || saved.commands[cmd.CommandID] != nil {
		t.Error("not forgotten 30 days after its last end")
	}
}

func TestAVersionOfItsParentsNameHoldsNothingOfItselfBack(t *testing.T) {
	c := begun(t, `{"defaults":{"cooldown":"0s"}}`)
	cmd := commandIn(t, mustStep(t, c, entryAt{t0, dropOf("m", "v5.4", t0)}))
	mustStep(t, c, entryAt{t0 + minute, &Progress{CommandID: cmd.CommandID, Kind: Succeeded, NewVersion: new("v5.4")}})
	commandIn(t, mustStep(t, c, entryAt{t0 + hour, dropOf("m", "v5.4", t0+hour)})) // v5.4 was trained anew and drifts itself
}

func TestAnAlertIsKeptUntilAllItsModelsAreAnswered(t *testing.T) {
	c := begun(t, `{"bind":[{"stream":"s","models":["a","b"]}],"defaults":{"cooldown":"0s"}}`)
	alert := dropOf("x", "", t0)
	alert.Stream = new("s")
	out := mustStep(t, c, entryAt{t0, alert})
	if len(out) != 6 {
		t.Fatalf("%s", shown(out))
	}
	for i, name := range []string{"a", "b"} {
		mustStep(t, c, entryAt{t0 + minute, &Progress{CommandID: c.models[name].open.id, Kind: Succeeded}})
		if want := 1 - i; len(c.alerts) != want {
			t.Errorf("%s has succeeded: %d alerts are kept, expected %d", name, len(c.alerts), want)
		}
	}
}
