package retrain

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// space reads a space of the policy's grammar.
func space(t testing.TB, text string) []Parameter {
	t.Helper()
	p, err := ParsePolicy([]byte(`{"defaults":{"train":{"space":`+text+`}}}`), "")
	if err != nil {
		t.Fatal(err)
	}
	return p.defaults.Train.Space
}

func TestGridGivesTheProductLastParameterFastest(t *testing.T) {
	for _, x := range []struct {
		space string
		n     int
		want  string
	}{
		{`{}`, 5, `[{}]`},
		{`{"a":{"int":[1,3]},"b":{"categorical":["x","y"]}}`, 6,
			`[{"a":"1","b":"x"},{"a":"1","b":"y"},{"a":"2","b":"x"},{"a":"2","b":"y"},{"a":"3","b":"x"},{"a":"3","b":"y"}]`},
		{`{"a":{"int":[1,2]}}`, 9, `[{"a":"1"},{"a":"2"}]`}, // repeats dropped
		{`{"a":{"double":[0,1]}}`, 1, `[{"a":"0.5"}]`},      // one point: the middle
		{`{"a":{"double":[0.001,1],"log":true}}`, 4, `[{"a":"0.001"},{"a":"0.01"},{"a":"0.1"},{"a":"1"}]`},
		{`{"a":{"double":[0,1]},"b":{"double":[0,1]}}`, 8, `[{"a":"0","b":"0"},{"a":"0","b":"1"},{"a":"1","b":"0"},{"a":"1","b":"1"}]`},
		{`{"a":{"discrete":[16,0.5,1e21]}}`, 2, `[{"a":"16"},{"a":"0.5"}]`}, // cut
		{`{"a":{"int":[-3,0]}}`, 3, `[{"a":"-3"},{"a":"-2"},{"a":"0"}]`},    // -1.5 is rounded away from zero
	} {
		got, err := json.Marshal(GridSearch{}.Propose(space(t, x.space), x.n, "id"))
		if err != nil || string(got) != x.want {
			t.Errorf("%s, %d: %s, expected %s", x.space, x.n, got, x.want)
		}
	}
}

func TestAHugeGridIsCutWithoutBeingBuilt(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, `,"p%02d":{"categorical":["a","b","c","d","e","f","g","h"]}`, i)
	}
	if rows := (GridSearch{}).Propose(space(t, "{"+b.String()[1:]+"}"), 20, "id"); len(rows) != 20 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestTrialsLieInTheSpaceAndAreTheSameForOneCommand(t *testing.T) {
	params := space(t, `{"lr":{"double":[1e-5,0.01],"log":true},"depth":{"int":[-4,6]},"units":{"int":[1,1000],"log":true},
	 "drop":{"double":[0,0.5]},"loss":{"categorical":["ce","focal"]},"batch":{"discrete":[16,32]}}`)
	rapid.Check(t, func(rt *rapid.T) {
		train := &Train{Tuner: rapid.SampledFrom(TunerNames()).Draw(rt, "tuner"), Trials: rapid.IntRange(1, 50).Draw(rt, "trials"), Space: params}
		id := rapid.String().Draw(rt, "command")
		trials, again := train.trials(id, nil), train.trials(id, nil)
		if len(trials) == 0 || len(trials) > train.Trials {
			rt.Fatalf("%d trials of %d", len(trials), train.Trials)
		}
		for i, trial := range trials {
			if int(trial.Number) != i || !liesIn(params, trial.Values) || !maps.Equal(trial.Values, again[i].Values) {
				rt.Fatalf("trial %d: %v, again %v", i, trial, again[i])
			}
		}
		best := trials[len(trials)-1].Values
		with := train.trials(id, best)
		if !maps.Equal(with[0].Values, best) || len(with) > train.Trials {
			rt.Fatalf("the parent's best %v is not first of %v", best, with)
		}
		for _, trial := range with[1:] {
			if maps.Equal(trial.Values, best) {
				rt.Fatalf("the parent's best stands twice in %v", with)
			}
		}
	})
}

func TestTheParentsBestIsTakenOnlyIfItLiesInTheSpace(t *testing.T) {
	params := space(t, `{"lr":{"double":[0.001,1]},"n":{"int":[1,8]},"c":{"categorical":["x","1"]}}`)
	for _, x := range []struct {
		lr, n, c string
		want     bool
	}{
		{"0.5", "8", "x", true}, {"1e-3", "1", "1", true}, {"1", "8", "x", true}, {"1.0001", "8", "x", false}, {"0.5", "9", "x", false},
		{"0.5", "8.0", "x", false}, {"0.5", "8", "y", false}, {" 0.5", "8", "x", false}, {"+0.5", "8", "x", false}, {".5", "8", "x", false},
		{"0.5", "08", "x", false}, {"1e999", "8", "x", false}, {"NaN", "8", "x", false}, {"", "8", "x", false}, {"\"0.5\"", "8", "x", false},
		{"0.5", "8", "", false}, {"0.5 ", "8", "x", false}, {"5e-1", "8", "x", true}, {"0.5", "1e0", "x", false},
	} {
		if got := liesIn(params, map[string]string{"lr": x.lr, "n": x.n, "c": x.c}); got != x.want {
			t.Errorf("%+v: %v", x, got)
		}
	}
	if liesIn(params, map[string]string{"lr": "0.5", "n": "8"}) || liesIn(params, map[string]string{"lr": "0.5", "n": "8", "c": "x", "d": "1"}) {
		t.Error("one too few or too many is taken")
	}
}

func TestVersionsAreNumbered(t *testing.T) {
	for _, x := range []struct {
		base   string
		action RetrainAction
		taken  string
		want   string
	}{
		{"v5.4", SoftRetrain, "", "v5.5"}, {"v5.4", FullRetrain, "", "v6"}, {"v5.4", SoftRetrain, "v5.5 v5.6", "v5.7"}, {"v6", SoftRetrain, "", "v6.1"}, {"v1.2.3", SoftRetrain, "", "v1.2.4"},
		{"v1.2.3", FullRetrain, "v2", "v3"}, {"", SoftRetrain, "", "v1"}, {"", FullRetrain, "v1", "v2"}, {"prod", SoftRetrain, "", "v1"}, {"v5.9", SoftRetrain, "", "v5.10"},
		{"v99999999999999999999", FullRetrain, "", "v100000000000000000000"}, {"v01", FullRetrain, "", "v2"},
	} {
		m := newModel("m")
		for _, name := range strings.Fields(x.taken) {
			m.versions = append(m.versions, Version{Version: name})
		}
		if got := m.nextVersion(optional1(x.base), x.action); got != x.want {
			t.Errorf("%s of %q, taken %q: %s, expected %s", x.action, x.base, x.taken, got, x.want)
		}
	}
}

func TestBackOffDoublesUpToADay(t *testing.T) {
	for _, x := range []struct{ cooldown, failures, want int64 }{
		{0, 50, 0}, {hour, 0, hour}, {hour, 1, hour}, {hour, 2, 2 * hour}, {hour, 5, 16 * hour}, {hour, 6, day}, {hour, 1000, day},
		{48 * hour, 1, 48 * hour}, {48 * hour, 9, 48 * hour}, {maxDuration, 70, maxDuration}, {1, 30, day}, {1, 20, 1 << 19},
	} {
		if got := (&Control{Cooldown: x.cooldown}).backOff(x.failures); got != x.want {
			t.Errorf("cooldown %d, %d ends: %d, expected %d", x.cooldown, x.failures, got, x.want)
		}
	}
	if math.MaxInt64-maxDuration < t0 {
		t.Error("a time and the longest duration do not fit")
	}
}

func TestAtMost100VersionsAreKeptAndAGivenOneReplacesItsEntry(t *testing.T) {
	m := newModel("m")
	for i := range 150 {
		m.register(&command{id: fmt.Sprint(i), base: m.baseVersion(nil), action: FullRetrain, number: int64(i)}, &Progress{}, int64(i))
	}
	if len(m.versions) != keptVersions || m.versions[0].Version != "v51" || m.versions[99].Version != "v150" {
		t.Errorf("%d versions, from %s", len(m.versions), m.versions[0].Version)
	}
	m.register(&command{id: "again", action: SoftRetrain}, &Progress{NewVersion: new("v60")}, 1000)
	if n := len(m.versions); n != keptVersions || m.versions[n-1].Version != "v60" || *m.versions[n-1].CommandID != "again" {
		t.Errorf("given again: %d versions, the newest %s", n, m.versions[n-1].Version)
	}
}

func TestTunersAreMadeByTheirNames(t *testing.T) {
	for name, want := range map[string]Tuner{"": GridSearch{}, "grid": GridSearch{}, "random": RandomSearch{}} {
		if got, err := NewTuner(name); err != nil || got != want {
			t.Errorf("%q: %T, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"tpe": `tuner "tpe" is unknown; known are grid, random`, "GRID": `tuner "GRID" is unknown; known are grid, random; did you mean grid?`,
	} {
		if got, err := NewTuner(name); got != nil || err == nil || err.Error() != want {
			t.Errorf("%q: %v, expected %s", name, err, want)
		}
	}
}
