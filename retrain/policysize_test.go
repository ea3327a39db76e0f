package retrain

import (
	"fmt"
	"strings"
	"testing"
)

// repeated is a list of so many things in JSON.
func repeated(n int, thing func(i int) string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = thing(i)
	}
	return "[" + strings.Join(list, ",") + "]"
}

func TestAPolicyThatLetsARecordOutgrowItsTopicIsAnError(t *testing.T) {
	rule := func(kind string) func(i int) string {
		return func(i int) string {
			return fmt.Sprintf(`{"name":"%d","action":"soft",%s}`, i, strings.ReplaceAll(kind, "I", fmt.Sprint(i+1)))
		}
	}
	observe := func(rules string) string { return `{"observe":[{"on":"performance","rules":` + rules + `}]}` }
	name := func(text string) func(int) string {
		return func(i int) string { return fmt.Sprintf(`"%s%d"`, text, i) }
	}
	bind := func(names string) string {
		return `{"bind":[{"stream":"a","models":["x"]},{"stream":"*","models":` + names + `}]}`
	}
	for _, x := range []struct{ what, policy, problem string }{
		{"rules", observe(repeated(60, rule(`"threshold":{"of":"mAP_change","below":-I}`))), ""},
		{"many rules", observe(repeated(90, rule(`"threshold":{"of":"mAP_change","below":-I}`))), "observe[0].rules: a source that these 90 rules judge may need"},
		{"large rings", observe(repeated(20, rule(`"sustained":{"of":"mAP_change","below":-1,"k":I,"n":99999}`))), ""},
		{"too large rings", observe(repeated(30, rule(`"sustained":{"of":"mAP_change","below":-1,"k":I,"n":99999}`))), "observe[0].rules: a source that these 30 rules judge may need"},
		{"10,000 models", bind(repeated(10_000, name("vision/detector-"))), ""},
		{"many models", bind(repeated(9000, name(strings.Repeat("m", 50)))), "whose names have"},
		{"many models named by their stream", bind(repeated(1100, name("{stream}/"))), "whose names have"},
		{"one name in many lines", `{"bind":` + repeated(5000, func(i int) string { return fmt.Sprintf(`{"stream":"cam-%d-*","models":["vision/{stream}"]}`, i) }) + `}`, ""},
	} {
		_, err := ParsePolicy([]byte(x.policy), "")
		if (err == nil) != (x.problem == "") || err != nil && !strings.Contains(err.Error(), x.problem) {
			t.Errorf("%s: %v", x.what, err)
		}
	}
}

func TestWhatASourceTakesIsNeverMoreThanItsBound(t *testing.T) {
	p, err := ParsePolicy([]byte(`{"observe":[{"on":"drift","rules":[{"threshold":{"of":"p_value","below":0.01},"action":"full"},
	 {"sustained":{"of":"p_value","below":0.02,"k":1,"n":1000},"action":"full"}]}]}`), "")
	if err != nil {
		t.Fatal(err)
	}
	l := newLive(t, OnDrift, p)
	text := func(prefix string, n int) []byte { return []byte(prefix + strings.Repeat("x", n-len(prefix))) }
	for i := range 8 {
		at := t0 + int64(i/4)*second
		l.take(happening{origin: Origin{strings.Repeat("t", 249), 1 << 30, 1<<62 + int64(i), at}, event: &Event{Stream: text("s", maxID), ModelID: text("m", maxID),
			ModelVersion: text(fmt.Sprint("v", i/2%2), maxID), EventID: text(fmt.Sprint(i), maxID), DataRef: text("", maxKeptRef), PValue: Number{0.001, true}, Timestamp: at}})
	}
	l.save(true)
	bound := sourceSize(p.observe[0].rules)
	for key, value := range l.checkpoint {
		if strings.HasPrefix(key, sourcePrefix) && (len(value) > bound || len(value) < bound*9/10) {
			t.Errorf("%d bytes, the bound is %d", len(value), bound)
		}
	}
}
