package retrain

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAnAlertThatCountsAndIsNotBlockedIsDecided(t *testing.T) {
	judged(t, func(rt *rapid.T, j *ledgerJudge, _ []Output) {
		for _, name := range slices.Sorted(maps.Keys(j.models)) {
			if j.models[name].open || j.cooling(name) {
				continue
			}
			for _, a := range j.alerts {
				if slices.Contains(a.models, name) && j.why(a, name) == "" {
					rt.Fatalf("%s: nothing blocks it and there is no command for %s", name, shown(a.Alert))
				}
			}
		}
	})
}

// TestOnlyWhatCountsIsEvidence: a success answers the alerts before it, a change of policy lets no old alert fire, and what is
// stale or waits for a deployment trains nothing.
func TestOnlyWhatCountsIsEvidence(t *testing.T) {
	judged(t, func(rt *rapid.T, j *ledgerJudge, out []Output) {
		j.checkEvidence(rt, out)
	})
}

func TestNoAlertBreaksACooldown(t *testing.T) {
	judged(t, func(rt *rapid.T, j *ledgerJudge, out []Output) {
		for _, o := range out {
			if d, ok := o.(*Decision); ok && d.Reason == ReasonAlert && j.cooling(d.Model) {
				rt.Fatalf("%s: a command before the cool-down's end: %s", d.Model, shown(d))
			}
		}
	})
}

// sameFold folds two ledgers side by side; what other makes of an entry must lead to the same.
func sameFold(t *testing.T, other func(now int64, e entryAt) entryAt, same func(o Output) Output) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		a, b := NewController(), NewController()
		l, now := &ledger{rt: rt, t: t, now: t0}, int64(0)
		for i := range rapid.IntRange(1, 60).Draw(rt, "entries") {
			e := l.next(a.Deadline())
			now = max(now, e.at)
			want, got := mustStep(t, a, e), mustStep(t, b, other(now, e))
			if len(got) != len(want) || a.Deadline() != b.Deadline() {
				rt.Fatalf("entry %d: %s\nexpected\n%s", i, shown(got), shown(want))
			}
			for k, o := range want {
				if cmd, ok := o.(*Command); ok {
					l.commands = append(l.commands, cmd.CommandID)
				}
				if !reflect.DeepEqual(same(o), same(got[k])) {
					rt.Fatalf("entry %d: %s\nexpected\n%s", i, shown(got[k]), shown(o))
				}
			}
		}
	})
}

func TestALedgerWhoseClockGoesBackIsOneWhoseClockStands(t *testing.T) {
	sameFold(t, func(now int64, e entryAt) entryAt { return entryAt{now, e.entry} }, func(o Output) Output { return o })
}

func TestAnAlertFromTheFutureIsOneOfItsEntrysTime(t *testing.T) {
	sameFold(t, func(now int64, e entryAt) entryAt {
		if a, ok := e.entry.(*Alert); ok && a.EventTime > now {
			there := *a
			there.EventTime = now
			e.entry = &there
		}
		return e
	}, func(o Output) Output { return timeless(unexplained(o)) })
}

// timeless takes the times of evidence out.
func timeless(o Output) Output {
	strip := func(list []Evidence) {
		for i := range list {
			list[i].EventTime = 0
		}
	}
	switch o := o.(type) {
	case *Decision:
		strip(o.Evidence)
	case *Command:
		strip(o.Evidence)
	case *Model:
		strip(o.Alerts)
	}
	return o
}

// TestAChangeOfPolicyLetsNoOldAlertFire changes the policy again and again while nothing comes but time.
func TestAChangeOfPolicyLetsNoOldAlertFire(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c, l, j := NewController(), &ledger{rt: rt, t: t, now: t0}, newLedgerJudge()
		step := func(e entryAt) {
			out := mustStep(t, c, e)
			j.take(rt, e, out)
			j.checkEvidence(rt, out)
		}
		step(l.next(0)) // a policy
		for range rapid.IntRange(1, 6).Draw(rt, "alerts") {
			l.n++
			step(entryAt{l.now, l.alert()})
		}
		for i := range rapid.Int32Range(1, 8).Draw(rt, "policies") {
			step(entryAt{l.now, l.policy(l.revision + i + 1)})
			l.now = max(l.now, c.Deadline())
			step(entryAt{l.now, &Tick{}})
		}
	})
}
