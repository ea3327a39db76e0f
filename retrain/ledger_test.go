package retrain

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// restarted is the controller made anew from its checkpoint.
func restarted(t testing.TB, checkpoint map[string][]byte) *Controller {
	t.Helper()
	c := NewController()
	for _, key := range slices.Sorted(maps.Keys(checkpoint)) {
		if err := c.Restore([]byte(key), slices.Clone(checkpoint[key])); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func saved(c *Controller, checkpoint map[string][]byte) map[string][]byte {
	c.Snapshot(false, func(key, value []byte) { put(checkpoint, key, value) })
	return checkpoint
}

// copyOf is the controller as a checkpoint of all keys has it, which leaves it as it is.
func copyOf(t testing.TB, c *Controller) *Controller {
	changed, all := c.changed, map[string][]byte{}
	c.Snapshot(true, func(key, value []byte) { put(all, key, value) })
	c.changed = changed
	return restarted(t, all)
}

func mustStep(t testing.TB, c *Controller, e entryAt) []Output {
	t.Helper()
	out, err := c.Step(e.at, e.entry, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ledgers runs check after every step of random ledgers.
func ledgers(t *testing.T, check func(rt *rapid.T, c *Controller, e entryAt, out []Output)) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		c, l := NewController(), &ledger{rt: rt, t: t, now: t0}
		for range rapid.IntRange(1, 60).Draw(rt, "entries") {
			e := l.next(c.Deadline())
			out := mustStep(t, c, e)
			for _, o := range out {
				if cmd, ok := o.(*Command); ok {
					l.commands = append(l.commands, cmd.CommandID)
				}
			}
			check(rt, c, e, out)
		}
	})
}

func TestAModelHasAtMostOneOpenCommand(t *testing.T) {
	var open map[string]string
	ledgers(t, func(rt *rapid.T, c *Controller, _ entryAt, out []Output) {
		if len(c.models) == 0 {
			open = map[string]string{}
		}
		for _, o := range out {
			switch o := o.(type) {
			case *Command:
				if other := open[o.Model]; other != "" {
					rt.Fatalf("%s got %s while %s is open", o.Model, o.CommandID, other)
				}
				open[o.Model] = o.CommandID
			case *Result:
				if !o.Late && open[o.Model] != o.CommandID {
					rt.Fatalf("%s of %s has a result, but is not open", o.CommandID, o.Model)
				}
				if !o.Late {
					delete(open, o.Model)
				}
			}
		}
		for name, m := range c.models {
			if (m.open != nil) != (open[name] != "") {
				rt.Fatalf("%s: open %v, by the records %q", name, m.open, open[name])
			}
		}
	})
}

func TestDecidingAgainWithNothingChangedSaysNothing(t *testing.T) {
	ledgers(t, func(rt *rapid.T, c *Controller, e entryAt, _ []Output) {
		again := copyOf(t, c)
		if err := again.link(); err != nil {
			rt.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(again.models)) {
			again.touch(again.models[name]) // all of them, whether anything has changed or not
		}
		if out := mustStep(t, again, entryAt{c.now, &Tick{}}); len(out) > 0 && c.policy != nil {
			rt.Fatalf("said again: %s", shown(out))
		}
	})
}

func TestNothingIsDoneBeforeTheDeadlineAndAllAtIt(t *testing.T) {
	ledgers(t, func(rt *rapid.T, c *Controller, _ entryAt, _ []Output) {
		deadline := c.Deadline()
		if deadline == 0 {
			return
		}
		if deadline <= c.now {
			rt.Fatalf("the deadline %d is past, it is %d", deadline, c.now)
		}
		for _, o := range mustStep(t, copyOf(t, c), entryAt{deadline - 1, &Tick{}}) {
			switch o.(type) {
			case *Command, *Result:
				rt.Fatalf("before the deadline: %s", shown(o))
			}
		}
		if out := mustStep(t, copyOf(t, c), entryAt{deadline, &Tick{}}); len(out) == 0 {
			rt.Fatalf("nothing at the deadline")
		}
	})
}

func TestRestoringTheLedgerAnywhereChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steady, other := NewController(), NewController()
		l, checkpoint := &ledger{rt: rt, t: t, now: t0}, map[string][]byte{}
		for i := range rapid.IntRange(1, 60).Draw(rt, "entries") {
			e := l.next(steady.Deadline())
			want, got := mustStep(t, steady, e), mustStep(t, other, e)
			for j, o := range want {
				if cmd, ok := o.(*Command); ok {
					l.commands = append(l.commands, cmd.CommandID)
				}
				if j >= len(got) || !reflect.DeepEqual(unexplained(o), unexplained(got[j])) {
					rt.Fatalf("entry %d: %s\nundisturbed\n%s", i, shown(got), shown(want))
				}
			}
			if len(got) != len(want) || other.Deadline() != steady.Deadline() {
				rt.Fatalf("entry %d: %s, deadline %d\nundisturbed\n%s, deadline %d", i, shown(got), other.Deadline(), shown(want), steady.Deadline())
			}
			if rapid.IntRange(0, 3).Draw(rt, "restart") == 0 {
				checkpoint = saved(other, checkpoint)
				other = restarted(t, maps.Clone(checkpoint))
			}
		}
	})
}

func TestTheLedgersClockNeverGoesBack(t *testing.T) {
	var last int64
	ledgers(t, func(rt *rapid.T, c *Controller, _ entryAt, out []Output) {
		if len(c.models) == 0 {
			last = 0
		}
		for _, o := range out {
			if d, ok := o.(*Decision); ok {
				if d.DecidedAt < last {
					rt.Fatalf("decided at %d after %d", d.DecidedAt, last)
				}
				last = d.DecidedAt
			}
		}
	})
}

func TestAnEventOf2099SilencesNobody(t *testing.T) {
	c := NewController()
	mustStep(t, c, entryAt{t0, &PolicyEntry{Policy: revision(t, 2, 1).Canonical(), Revision: 1, LedgerID: testLedger}})
	p := revision(t, 0, 2)
	mustStep(t, c, entryAt{t0, &PolicyEntry{Policy: p.Canonical(), Revision: 2}})
	alert := func(at, eventTime int64) []Output {
		return mustStep(t, c, entryAt{at, &Alert{
			State: Firing, AlertID: fmt.Sprint(at), Model: new("m"), On: OnPerformance, RuleID: "f3bb9437215d", Action: SoftRetrain,
			Field: "mAP_change", Value: new(-0.12), Level: new(-0.05), Since: &eventTime, EventTime: eventTime, Topic: "p", Offset: at,
		}})
	}
	out := alert(t0, 4_070_908_800_000)
	cmd := out[1].(*Command)
	if *cmd.DriftSince != t0 {
		t.Errorf("drift since %d, later than the command", *cmd.DriftSince)
	}
	mustStep(t, c, entryAt{t0 + 1000, &Progress{CommandID: cmd.CommandID, Kind: Succeeded}})
	mustStep(t, c, entryAt{t0 + 2000, &Tick{}})
	if out := alert(t0+8*day, t0+8*day); len(out) < 2 {
		t.Errorf("an event on time after it: %s", shown(out))
	}
}

func TestALedgerThatCannotBeReadStops(t *testing.T) {
	good := revision(t, 0, 1).Canonical()
	for name, e := range map[string]*PolicyEntry{
		"no JSON":             {Policy: []byte("{"), LedgerID: testLedger},
		"a key of the future": {Policy: []byte(`{"surge_guard":3}`), LedgerID: testLedger},
		"not in normal form":  {Policy: []byte(`{"revision":1}`), LedgerID: testLedger},
		"no ledger id":        {Policy: good, LedgerID: "mine"},
	} {
		if _, err := NewController().Step(t0, e, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	c := NewController()
	mustStep(t, c, entryAt{t0, &PolicyEntry{Policy: good, LedgerID: testLedger, Revision: 5}})
	mustStep(t, c, entryAt{t0, &PolicyEntry{Policy: []byte("{"), Revision: 5}}) // not greater: not read
	if n := c.Counts().PolicyNotGreater; n != 1 {
		t.Errorf("%d policies counted as not greater", n)
	}
}

func TestADamagedLedgerCheckpointIsAnErrorAndNoPanic(t *testing.T) {
	c := NewController()
	mustStep(t, c, entryAt{t0, &PolicyEntry{Policy: revision(t, 3, 1).Canonical(), Revision: 1, LedgerID: testLedger}})
	out := mustStep(t, c, entryAt{t0, &Alert{State: Firing, AlertID: "x", Model: new("m"), On: OnPerformance, RuleID: "f3bb9437215d",
		Action: SoftRetrain, Value: new(-0.1), EventTime: t0, Topic: "p"}})
	if len(out) != 3 {
		t.Fatalf("%s", shown(out))
	}
	checkpoint := saved(c, map[string][]byte{})
	if len(checkpoint) != 5 {
		t.Fatalf("keys: %q", slices.Sorted(maps.Keys(checkpoint)))
	}
	for _, key := range slices.Sorted(maps.Keys(checkpoint)) {
		for cut := range checkpoint[key] {
			if NewController().Restore([]byte(key), checkpoint[key][:cut]) == nil {
				t.Errorf("%q cut to %d bytes is taken", key, cut)
			}
		}
		lost := maps.Clone(checkpoint)
		delete(lost, key)
		broken := restarted(t, lost)
		if _, err := broken.Step(t0, &Tick{}, nil); err == nil && (key == "model/m" || key == "policy" || key == "ledger") {
			t.Errorf("without %q it goes on", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(checkpoint)) {
		if strings.HasPrefix(key, commandPrefix) {
			checkpoint[commandPrefix+"another"] = checkpoint[key]
		}
	}
	if _, err := restarted(t, checkpoint).Step(t0, &Tick{}, nil); !errors.Is(err, errState) || !strings.Contains(err.Error(), "both open") || !strings.Contains(err.Error(), "delete the checkpoint's topic") {
		t.Errorf("two open commands: %v", err)
	}
	if NewController().Restore([]byte("source/x"), nil) == nil {
		t.Error("a key of another checkpoint is taken")
	}
}

// BenchmarkStorm folds alerts of many models.
func BenchmarkStorm(b *testing.B) {
	p, err := BuiltIn("")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for range b.N {
		c := NewController()
		if _, err := c.Step(t0, &PolicyEntry{Policy: p.Canonical(), LedgerID: testLedger}, nil); err != nil {
			b.Fatal(err)
		}
		for i := range int64(100_000) {
			name := fmt.Sprint("m", i)
			if _, err := c.Step(t0+i, &Alert{State: Firing, AlertID: name, Model: &name, On: OnPerformance, RuleID: "f3bb9437215d",
				Action: SoftRetrain, Value: new(-0.1), EventTime: t0 + i, Topic: "p", Offset: i}, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
}
