package retrain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// performanceRule is a policy of one rule for performance events; its action comes first.
func performanceRule(body string) string {
	return `{"observe":[{"on":"performance","rules":[{"action":"soft",` + body + `}]}]}`
}

const firstRule = "observe[0].rules[0]"

var policyErrors = []struct{ policy, path, problem, near string }{
	{performanceRule(`"thresold":{"of":"mAP_change","below":-0.05}`), firstRule + ".thresold", "unknown key", "threshold"},
	{`{"defaults":{"cooldwn":"1h"}}`, "defaults.cooldwn", "unknown key", "cooldown"},
	{`{"defaults":{"cooldwn":null}}`, "defaults.cooldwn", "unknown key", "cooldown"},
	{`{"observ":[]}`, "observ", "unknown key", "observe"},
	{`{"approvals":{}}`, "approvals", "unknown key", ""},
	{performanceRule(`"threshold":{"of":"mAP_change","below":-0.05,"cleer":0}`), firstRule + ".threshold.cleer", "unknown key", "clear"},
	{performanceRule(`"threshold":{"of":"mAP_change","below":-0.05,"clear":-0.1}`), firstRule + ".threshold.clear", "-0.1 lies beyond the level: it must not be below -0.05", ""},
	{performanceRule(`"threshold":{"of":"mAP_change","below":-0.05,"clear":"x"}`), firstRule + ".threshold.clear", `a number is needed, not the text "x"`, ""},
	{performanceRule(`"threshold":{"of":"mAP_change"}`), firstRule + ".threshold", "one of below, above is needed", ""},
	{performanceRule(`"threshold":{"of":"mAP_change","below":1,"above":2}`), firstRule + ".threshold", "only one of below, above", ""},
	{performanceRule(`"threshold":{"below":1}`), firstRule + ".threshold", "of is missing", ""},
	{performanceRule(`"threshold":{"of":"f1","below":1}`), firstRule + ".threshold.of", `the text "f1" is none of p_value, kl_divergence, mAP_change, value`, ""},
	{performanceRule(`"threshold":{"of":"value","below":1}`), firstRule + ".threshold", "method is missing: of value needs the method whose value is judged", ""},
	{performanceRule(`"sustained":{"of":"p_value","below":1,"k":3,"n":2}`), firstRule + ".sustained.k", "k is greater than n: 3 of 2 cannot be", ""},
	{performanceRule(`"sustained":{"of":"p_value","below":1,"k":3}`), firstRule + ".sustained", "n is missing", ""},
	{performanceRule(`"sustained":{"of":"p_value","below":1,"k":1.5,"n":2}`), firstRule + ".sustained.k", "a whole number", ""},
	{performanceRule(`"cusum":{"of":"p_value","scale":"linear"}`), firstRule + ".cusum", "worse is missing: down or up", ""},
	{performanceRule(`"cusum":{"of":"p_value","scale":"log","worse":"up"}`), firstRule + ".cusum.worse", "worse goes with scale linear only", ""},
	{performanceRule(`"cusum":{"of":"p_value","scale":"p","delta":1e200}`), firstRule + ".cusum.delta", "at most 1000000", ""},
	{performanceRule(`"cusum":{"of":"p_value","scale":"p","arl":1}`), firstRule + ".cusum.arl", "greater than 1", ""},
	{performanceRule(`"cusum":{"of":"p_value","scale":"p","votes":0}`), firstRule + ".cusum.votes", "greater than 0", ""},
	{performanceRule(`"cusum":{"of":"p_value","scale":"p"},"threshold":{}`), firstRule, "only one of", ""},
	{performanceRule(`"name":"x"`), firstRule, "one of threshold, sustained, cusum is needed", ""},
	{`{"observe":[{"on":"performance","rules":[{"threshold":{"of":"mAP_change","below":1}}]}]}`, firstRule, "action is missing", ""},
	{`{"observe":[{"on":"performance","rules":[{"action":"none","threshold":{"of":"mAP_change","below":1}}]}]}`, firstRule + ".action", `the text "none" is none of soft, full`, ""},
	{performanceRule(`"threshold":{"of":"p_value","below":1}},{"name":"again","action":"soft","threshold":{"of":"p_value","below":1.0,"min_checks":1}`), "observe[0].rules[1]", "the same rule twice", ""},
	{`{"observe":{}}`, "observe", "a list is needed", ""},
	{`{"bind":[{"stream":"a"}]}`, "bind[0]", "models is missing", ""},
	{`{"bind":[{"stream":"a","models":["b\nc"]}]}`, "bind[0].models[0]", "control character", ""},
	{`{"bind_default":["a",7]}`, "bind_default[1]", "a text is needed", ""},
	{`{"models":[{"cooldown":"1h"}]}`, "models[0]", "match is missing", ""},
	{`{"models":[{"match":{"modell":"x"}}]}`, "models[0].match.modell", "unknown key", "model"},
	{`{"revision":-1}`, "revision", "a whole number", ""},
	{`{"max_event_age":"1 day"}`, "max_event_age", `"1 day" is not a duration`, ""},
	{`{"max_event_age":-5}`, "max_event_age", "-5 is no duration", ""},
	{`{"max_event_age":"300000000000h"}`, "max_event_age", "too long: at most 104249991 d", ""},
	{`{"max_event_age":true}`, "max_event_age", "a duration like 30m or 7d is needed, not true", ""},
	{`{"defaults":{"train":{"start_by":"10ms"}}}`, "defaults.train.start_by", "at least 1s", ""},
	{`{"defaults":{"train":{"tuner":"tpe"}}}`, "defaults.train.tuner", `the text "tpe" is none of grid, random`, ""},
	{`{"defaults":{"train":{"trials":0}}}`, "defaults.train.trials", "a whole number", ""},
	{`{"defaults":{"train":{"objective":{"metric":"mAP","goal":"max"}}}}`, "defaults.train.objective.goal", "none of minimize, maximize", ""},
	{`{"defaults":{"train":{"space":{"lr":{"double":[1]}}}}}`, "defaults.train.space.lr.double", "[low, high] is needed, not 1 values", ""},
	{`{"defaults":{"train":{"space":{"lr":{"double":[0,1],"log":true}}}}}`, "defaults.train.space.lr.double", "low must be above 0 where log, not 0", ""},
	{`{"defaults":{"train":{"space":{"lr":{"double":[2,1]}}}}}`, "defaults.train.space.lr.double", "low, 2, is above high, 1", ""},
	{`{"defaults":{"train":{"space":{"lr":{"double":[-1e308,1e308]}}}}}`, "defaults.train.space.lr.double", "too far apart", ""},
	{`{"defaults":{"train":{"space":{"lr":{"double":[0,1e999]}}}}}`, "defaults.train.space.lr.double[1]", "1e999 is too large for a number of 64 bits", ""},
	{`{"defaults":{"train":{"space":{"lr":{"categorical":["a",[1,{"b":1e999}]]}}}}}`, "defaults.train.space.lr.categorical[1][1].b", "1e999 is too large", ""},
	{`{"defaults":{"train":{"space":{"a.b\n":{"discrete":[1]}}}}}`, `defaults.train.space."a.b\n"`, "control character", ""},
	{`{"defaults":{"train":{"space":{"":{"discrete":[1]}}}}}`, `defaults.train.space.""`, "must not be empty", ""},
	{`{"defaults":{"train":{"trials":10000}}}`, "defaults.train.trials", "10000 trials over this space take up to 1000300 bytes in a command, at most 131072 are possible", ""},
	{`{"defaults":{"train":{"dataset":"` + strings.Repeat("x", 4097) + `"}}}`, "defaults.train.dataset", "4097 bytes is too long: at most 4096", ""},
	{`{"bind_default":["a{stream}{stream}{stream}{stream}{stream}"]}`, "bind_default[0]", "more than 4 times", ""},
	{performanceRule(`"name":"a\u0007","threshold":{"of":"mAP_change","below":-0.05}`), firstRule + ".name", `"a\a" has a control character`, ""},
	{performanceRule(`"name":"` + strings.Repeat("x", 513) + `","threshold":{"of":"mAP_change","below":-0.05}`), firstRule + ".name", "513 bytes is too long: at most 512", ""},
	{`{"defaults":{"train":{"space":{"lr":{"int":[1.5,2]}}}}}`, "defaults.train.space.lr.int[0]", "a whole number", ""},
	{`{"defaults":{"train":{"space":{"lr":{"discrete":[1,1.0]}}}}}`, "defaults.train.space.lr.discrete[1]", `the value "1" stands there twice`, ""},
	{`{"defaults":{"train":{"space":{"lr":{"categorical":[]}}}}}`, "defaults.train.space.lr.categorical", "at least one", ""},
	{`{"defaults":{"train":{"space":{"lr":{"discrete":[1],"log":false}}}}}`, "defaults.train.space.lr.log", "log goes with", ""},
	{`{"defaults":{"train":{"space":{"lr":{}}}}}`, "defaults.train.space.lr", "one of double, int, categorical, discrete", ""},
	{`{"defaults":{"train":{"space":{"lr":5}}}}`, "defaults.train.space.lr", "a mapping is needed, not 5", ""},
	{`[]`, "", "a mapping is needed, not a list", ""},
	{`{"revision":1`, "", "not JSON", ""},
	{`{} {}`, "", "more than one", ""},
}

func TestAPolicyErrorSaysWhereAndTheNearestKey(t *testing.T) {
	for _, x := range policyErrors {
		_, err := ParsePolicy([]byte(x.policy), "")
		var all PolicyErrors
		if !errors.As(err, &all) || len(all) != 1 {
			t.Errorf("%s: one mistake is expected, not:\n%v", x.policy, err)
			continue
		}
		if bad := all[0]; bad.Path.String() != x.path || !strings.Contains(bad.Problem, x.problem) || bad.Near != x.near {
			t.Errorf("%s:\n%+v\nexpected %s: ...%s... %q", x.policy, bad, x.path, x.problem, x.near)
		}
	}
	if _, err := BuiltIn("tpe"); err == nil || !strings.Contains(err.Error(), "grid, random") {
		t.Errorf("an unknown tuner: %v", err)
	}
}

// manyMistakes are of every kind, and one hides no other.
const manyMistakes = `{
 "revison": -3, "bind": [{"stream": 7, "models": "a"}, "x"], "max_event_age": "1 day",
 "observe": [
  {"on": "drfit", "rules": [{"cusum": {"of": "p_value", "scale": "linear", "worse": "dwon", "warmup": 1}, "action": "ful"}]},
  {"on": "performance", "rules": [
   {"threshold": {"of": "mAP_change", "bellow": -0.05, "clear": -0.1}, "actoin": "soft"},
   {"sustained": {"of": "value", "above": "x", "k": 0, "n": 1.5}, "action": "full", "name": ""},
   {"action": "soft"}]}],
 "models": [{"cooldown": true}],
 "defaults": {"train": {"start_by": 5, "trials": 0, "objective": {"goal": "max"}, "space": {"lr": {"doubel": [2, 1]}, "b": {"int": [9, 1]}}}}}`

func TestOneReadingFindsEveryMistake(t *testing.T) {
	_, err := ParsePolicy([]byte(manyMistakes), "")
	const observe = "(known here: of, method, min_sample_size, "
	want := []string{
		"revison: unknown key; did you mean revision? (known here: revision, bind, bind_default, observe, models, defaults, max_event_age, resend_delay, source_ttl)",
		"defaults.train.start_by: a duration of at least 1s is needed, not 5",
		"defaults.train.trials: a whole number from 1 to 10000 is needed, not 0",
		"defaults.train.objective: metric is missing: the name of a metric",
		`defaults.train.objective.goal: the text "max" is none of minimize, maximize`,
		"defaults.train.space.b.int: low, 9, is above high, 1",
		"defaults.train.space.lr.doubel: unknown key; did you mean double? (known here: double, int, categorical, discrete, log)",
		`max_event_age: "1 day" is not a duration; write one like 30m, 1h30m or 7d`,
		"bind[0].stream: a text is needed, not 7",
		`bind[0].models: a list is needed, not the text "a"`,
		`bind[1]: a mapping is needed, not the text "x"`,
		`observe[0].on: the text "drfit" is none of drift, concept_drift, performance; did you mean drift?`,
		`observe[0].rules[0].action: the text "ful" is none of soft, full; did you mean full?`,
		`observe[0].rules[0].cusum.worse: the text "dwon" is none of down, up; did you mean down?`,
		"observe[0].rules[0].cusum.warmup: a whole number from 2 to 2147483647 is needed, not 1",
		"observe[1].rules[0].actoin: unknown key; did you mean action? (known here: name, action, threshold, sustained, cusum)",
		"observe[1].rules[0].threshold.bellow: unknown key; did you mean below? " + observe + "below, above, clear, min_checks)",
		"observe[1].rules[1].name: a text is needed, not an empty one",
		"observe[1].rules[1].sustained: method is missing: of value needs the method whose value is judged",
		`observe[1].rules[1].sustained.above: a number is needed, not the text "x"`,
		"observe[1].rules[1].sustained.k: a whole number from 1 to 100000 is needed, not 0",
		"observe[1].rules[1].sustained.n: a whole number from 1 to 100000 is needed, not 1.5",
		"observe[1].rules[2]: one of threshold, sustained, cusum is needed",
		"models[0]: match is missing: a mapping with model, a pattern for names of models",
		"models[0].cooldown: a duration like 30m or 7d is needed, not true",
	}
	if got := strings.Split(fmt.Sprint(err), "\n"); !slices.Equal(got, want) {
		t.Errorf("%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheFirstHundredMistakesAreShown(t *testing.T) {
	_, err := ParsePolicy([]byte(`{"bind":[`+strings.Repeat("1,", 399)+"1]}"), "")
	var all PolicyErrors
	if !errors.As(err, &all) || len(all) != 101 || all[100].Error() != "policy: 300 more mistakes are not shown; correct these first" {
		t.Errorf("%v", err)
	}
}

// A small text could grow a thousandfold by its defaults, and many choices be compared each with each.
func TestALargePolicyIsRefusedBeforeItIsBuilt(t *testing.T) {
	values := strings.Repeat("x", 100_000)
	for _, x := range []struct{ policy, problem string }{
		{`{"defaults":{"train":{"trials":1,"space":{"a":{"categorical":["` + values + `"]}}}},"models":[` +
			strings.Repeat(`{"match":{"model":"a"}},`, 9_999) + `{"match":{"model":"b"}}]}`, "trials over this space take up to"},
		{`{"defaults":{"train":{"trials":1,"space":{"a":{"categorical":["` + values[:30_000] + `"]}}}},"models":[` +
			strings.Repeat(`{"match":{"model":"a"}},`, 9_999) + `{"match":{"model":"b"}}]}`, "more than 524288 bytes"},
		{`{"bind_default":["` + strings.Repeat(values[:500]+`","`, 1_100) + `a"]}`, "more than 524288 bytes"},
	} {
		if _, err := ParsePolicy([]byte(x.policy), ""); err == nil || !strings.Contains(err.Error(), x.problem) {
			t.Errorf("%.60s...: %v; expected %q", x.policy, err, x.problem)
		}
	}
}
