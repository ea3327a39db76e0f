package retrain

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestTheBuiltInPolicyHasTheRuleIDsOfTheSpecification(t *testing.T) {
	p, err := BuiltIn("")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range p.rules() {
		ids = append(ids, r.ID)
	}
	if want := []string{"32c67b85433d", "908cc6a8e3f5", "8171724a953b", "c3156e1d3f18", "f3bb9437215d"}; !slices.Equal(ids, want) {
		t.Errorf("%v, expected %v", ids, want)
	}
	if p.Revision != 0 || p.MaxEventAge != day || p.SourceTTL != 30*day || p.ResendDelay != 10*minute {
		t.Errorf("%+v", p)
	}
}

func TestAPolicyOfOneKeyKeepsEveryOtherDefault(t *testing.T) {
	p, err := ParsePolicy([]byte(`{"defaults": {"cooldown": "2s"}}`), "")
	if err != nil {
		t.Fatal(err)
	}
	if p.Revision != 1 || p.control("any").Cooldown != 2000 || len(p.rules()) != 5 || p.control("any").Train.Tuner != "grid" {
		t.Errorf("%s", p.Canonical())
	}
	if p, err = ParsePolicy([]byte(`{"defaults": null, "observe": null}`), "random"); err != nil || p.control("any").Train.Tuner != "random" {
		t.Errorf("%v: null is a key left out, and the default tuner is that of the caller", err)
	}
}

func TestTrainIsMergedKeyByKeyAndModelsTakeTheFirstLine(t *testing.T) {
	p, err := ParsePolicy([]byte(`{
	 "defaults": {"cooldown": "1h", "train": {"modality": "vision", "trials": 3, "space": {"a": {"int": [1, 9]}}}},
	 "models": [{"match": {"model": "x*"}, "train": {"trials": 5}}, {"match": {"model": "*"}, "cooldown": "2h", "train": {"space": {"b": {"categorical": ["u", 1, true]}}}}]}`), "")
	if err != nil {
		t.Fatal(err)
	}
	x, other := p.control("xy"), p.control("y")
	if x.Cooldown != hour || x.Train.Trials != 5 || x.Train.Modality != "vision" || x.Train.Space[0].Name != "a" {
		t.Errorf("first line: %+v", x)
	}
	if other.Cooldown != 2*hour || other.Train.Trials != 3 || !slices.Equal(other.Train.Space[0].Values, []string{"u", "1", "true"}) {
		t.Errorf("second line: %+v", other)
	}
	if len(p.defaults.Train.Space) != 1 || p.defaults.Train.Trials != 3 {
		t.Errorf("the defaults were changed: %+v", p.defaults)
	}
}

func TestNormalisingTwiceChangesNothing(t *testing.T) {
	for i := range policyTexts {
		p := revision(t, i, 1)
		again, err := ReadPolicy(p.Canonical())
		if err != nil || !bytes.Equal(again.Canonical(), p.Canonical()) {
			t.Errorf("policy %d: %v\n%s\n%s", i, err, p.Canonical(), again.Canonical())
		}
		for j, r := range p.rules() {
			if again.rules()[j].ID != r.ID {
				t.Errorf("rule %d of policy %d has another id", j, i)
			}
		}
	}
}

func TestOnlyTheNormalFormIsReadFromTheLedger(t *testing.T) {
	p := revision(t, 0, 1)
	for _, spoil := range [][2]string{{`,"warmup":4`, ""}, {`"revision":1`, `"revision":1,"budget":3`}, {"1800000", `"30m"`}, {`"tuner":"grid"`, `"tuner":"tpe"`}} {
		text := strings.Replace(string(p.Canonical()), spoil[0], spoil[1], 1)
		if text == string(p.Canonical()) {
			t.Fatalf("%q is not in it", spoil[0])
		}
		if _, err := ReadPolicy([]byte(text)); err == nil {
			t.Errorf("%q for %q is taken", spoil[1], spoil[0])
		}
	}
}

func TestDurationsAreGosAndDays(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "0s": 0, "1s": 1000, "1.5s": 1500, ".5h": 1_800_000, "1h30m": 5_400_000, "7d": 7 * day, "1d12h": 36 * hour, "+1m": 60_000,
		"2000us": 2, "1000000ns": 1, "1000µs": 1, "1.d": day, "104249991d": 104249991 * day,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; expected %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "+", "1", "s", "-1s", "1 s", "1us", "1.0001ms", "1x", "1..5s", ".s", "1h-1m", "1e3s", "104249992d", strings.Repeat("9", 50) + "s"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is taken as %d", text, got)
		}
	}
}

func TestCanonicalJSONIsThatOfTheRFC(t *testing.T) {
	for _, x := range []struct {
		value any
		want  string
	}{
		{1e21, "1e+21"}, {1e20, "100000000000000000000"}, {1e-6, "0.000001"}, {1e-7, "1e-7"}, {5e-324, "5e-324"}, {math.Copysign(0, -1), "0"},
		{1.7976931348623157e308, "1.7976931348623157e+308"}, {333333333.33333329, "333333333.3333333"}, {4.5, "4.5"}, {2e-3, "0.002"},
		{1680000.0, "1680000"}, {9007199254740992.0, "9007199254740992"}, {-1e-10, "-1e-10"},
		{"\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/", "\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\""}, {"<>&\u2028\u007f", "\"<>&\u2028\u007f\""},
		{map[string]any{"\u20ac": nil, "\r": true, "\ufb33": false, "1": "", "\U0001F600": []any{}, "\u0080": map[string]any{}, "\u00f6": 1.0},
			"{\"\\r\":true,\"1\":\"\",\"\u0080\":{},\"\u00f6\":1,\"\u20ac\":null,\"\U0001F600\":[],\"\ufb33\":false}"},
	} {
		if got := string(canonical(nil, x.value)); got != x.want {
			t.Errorf("%v: %s, expected %s", x.value, got, x.want)
		}
	}
}

func TestModelsOfAnAlertAreBoundByStreamThenNamedThenDefault(t *testing.T) {
	p, err := ParsePolicy([]byte(`{"bind":[{"stream":"cam-*","models":["v/{stream}","d"]},{"stream":"cam-1","models":["d","a"]}],"bind_default":["{stream}","all"]}`), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		stream, model string
		want          []string
	}{
		{"cam-1", "m", []string{"a", "d", "v/cam-1"}}, {"cam-2", "", []string{"d", "v/cam-2"}}, {"x", "m", []string{"m"}},
		{"x", "", []string{"all", "x"}}, {"", "m", []string{"m"}},
	} {
		if got := p.modelsOf(optional1(x.stream), optional1(x.model)); !slices.Equal(got, x.want) {
			t.Errorf("%q %q: %q, expected %q", x.stream, x.model, got, x.want)
		}
	}
}

// rules are those of all observe lines, in the policy's order.
func (p *Policy) rules() []*Rule {
	var rules []*Rule
	for _, line := range p.observe {
		rules = append(rules, line.rules...)
	}
	return rules
}
