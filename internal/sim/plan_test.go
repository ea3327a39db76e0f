package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAPlanIsReadBackAsItWasPrinted(t *testing.T) {
	for seed := range uint64(20) {
		p := NewPlan(seed, []string{"a", "b"}, 3, 4, 20)
		got, err := ParsePlan(p.String())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, got); d != "" {
			t.Errorf("seed %d: %s", seed, d)
		}
		if d := cmp.Diff(p, NewPlan(seed, []string{"a", "b"}, 3, 4, 20)); d != "" {
			t.Errorf("seed %d drawn twice: %s", seed, d)
		}
	}
}

func TestABadPlanIsRefusedWithItsLine(t *testing.T) {
	for _, s := range []string{"a.1 late", "a.1#x late", "a.1#2 explode", "a.1#2 late delay=3", "a.1#2 late speed=3s", "a.1#2"} {
		_, err := ParsePlan("a.1#1 before\n" + s)
		if err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestShrinkLeavesJustTheFaultsThatMatter(t *testing.T) {
	p := NewPlan(7, []string{"a", "b", "c"}, 2, 5, 20)
	needed := func(q Plan, i int) bool {
		for _, f := range q {
			if f.Host == p[i].Host && f.Index == p[i].Index {
				return true
			}
		}
		return false
	}
	tried := 0
	got := p.Shrink(func(q Plan) bool { tried++; return needed(q, 3) && needed(q, 20) })
	if d := cmp.Diff(Plan{p[3], p[20]}, got); d != "" || tried > 200 {
		t.Errorf("after %d tries of %d faults: %s", tried, len(p), d)
	}
}

func TestNoPlanLosesOrDoublesARecord(t *testing.T) {
	for seed := range uint64(40) {
		p := NewPlan(seed, []string{"toy"}, 4, 3, 12)
		if xs, err := toyLife(none)(t, p.Judge()); err != nil {
			t.Errorf("seed %d: %v\nplan:\n%v\n%v", seed, err, p, xs)
		}
	}
}

func TestAPlanFindsAPlantedBugAndShrinksToOneFault(t *testing.T) {
	fails := func(p Plan) bool { _, err := toyLife(resend)(t, p.Judge()); return err != nil }
	for seed := range uint64(60) {
		p := NewPlan(seed, []string{"toy"}, 4, 3, 12)
		if !fails(p) {
			continue
		}
		if got := p.Shrink(fails); len(got) != 1 || got[0].Act != Lose && got[0].Act != Stray && got[0].Answer <= 1*time.Second && got[0].Delay <= time.Second {
			t.Errorf("seed %d shrank to\n%v", seed, got)
		}
		return
	}
	t.Error("not found in 60 seeds")
}
