package retrain

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func fine() *Event {
	return &Event{ModelID: []byte("m/v1"), MAPChange: Number{-0.1, true}, Timestamp: t0}
}

func TestAnEventThatCannotBeUsedIsRefusedForItsFirstReason(t *testing.T) {
	for name, x := range map[string]struct {
		spoil           func(e *Event)
		reason, message string
	}{
		"fine":                     {func(e *Event) {}, "", ""},
		"NaN":                      {func(e *Event) { e.Value = Number{math.NaN(), true} }, "invalid_value", "value is NaN"},
		"infinite":                 {func(e *Event) { e.MAPChange.V = math.Inf(-1) }, "invalid_value", "mAP_change is -Inf"},
		"p above 1":                {func(e *Event) { e.PValue = Number{1.5, true} }, "invalid_value", "p_value is 1.5"},
		"p below 0":                {func(e *Event) { e.PValue = Number{-1e-9, true} }, "invalid_value", "p_value"},
		"negative divergence":      {func(e *Event) { e.KLDivergence = Number{-0.1, true} }, "invalid_value", "kl_divergence is -0.1"},
		"seconds for milliseconds": {func(e *Event) { e.Timestamp = t0 / 1000 }, "invalid_value", "written in seconds"},
		"the last of 1999":         {func(e *Event) { e.Timestamp = earliest - 1 }, "invalid_value", "timestamp"},
		"empty id":                 {func(e *Event) { e.EventID = []byte{} }, "invalid_value", "event_id: an id must not be empty"},
		"long id":                  {func(e *Event) { e.Stream = []byte(strings.Repeat("x", 513)) }, "invalid_value", "stream_id: an id of 513 bytes"},
		"longest id":               {func(e *Event) { e.Stream = []byte(strings.Repeat("x", 512)) }, "", ""},
		"control character":        {func(e *Event) { e.ModelVersion = []byte("v1\n") }, "invalid_value", "model_version: the id \"v1\\n\" has a control"},
		"control character of C1":  {func(e *Event) { e.ModelID = []byte("m\u0085") }, "invalid_value", "model_id"},
		"accents":                  {func(e *Event) { e.ModelID = []byte("Prüfstand-7") }, "", ""},
		"not UTF-8":                {func(e *Event) { e.ModelID = []byte("m\xff") }, "invalid_value", "not UTF-8"},
		"no number":                {func(e *Event) { e.MAPChange.OK = false }, "no_value", "none of"},
		"no source":                {func(e *Event) { e.ModelID = nil }, "no_source", "neither a stream"},
		"no number and no source":  {func(e *Event) { e.ModelID, e.MAPChange.OK = nil, false }, "no_value", ""},
		"bad id and no number":     {func(e *Event) { e.ModelID, e.MAPChange.OK = []byte{}, false }, "invalid_value", ""},
	} {
		e := fine()
		x.spoil(e)
		bad := e.Check()
		if x.reason == "" {
			if bad != nil {
				t.Errorf("%s: %v", name, bad)
			}
			continue
		}
		if bad == nil || bad.Reason != x.reason || !strings.Contains(bad.Message, x.message) {
			t.Errorf("%s: %v, expected %s: ...%s", name, bad, x.reason, x.message)
		}
	}
}

func TestIDsAreCheckedByteForByteTheSameAtAGlance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		id := rapid.SliceOfN(rapid.SampledFrom([]byte("ab~ \x1f\x20\x7e\x7f\x80\x85\xc2\xa0\xff\x00")), 1, 20).Draw(rt, "id")
		if got, want := plain(id), checkID(string(id)) == ""; got != want {
			rt.Fatalf("%q: at a glance %v, by rune %v", id, got, want)
		}
	})
	if !plain(nil) || plain([]byte{}) {
		t.Error("a missing id is fine, an empty one is not")
	}
}

func TestEveryFieldTellsAnEventFromItsRedelivery(t *testing.T) {
	marks := map[uint64]string{}
	for name, change := range map[string]func(e *Event){
		"as it is":         func(e *Event) {},
		"stream":           func(e *Event) { e.Stream = []byte("s") },
		"model":            func(e *Event) { e.ModelID = []byte("m/v2") },
		"version":          func(e *Event) { e.ModelVersion = []byte("v1") },
		"method":           func(e *Event) { e.Method = []byte("v1") },
		"data":             func(e *Event) { e.DataRef = []byte("v1") },
		"number":           func(e *Event) { e.MAPChange.V = -0.2 },
		"another number":   func(e *Event) { e.PValue = Number{-0.1, true} },
		"zero":             func(e *Event) { e.PValue = Number{0, true} },
		"timestamp":        func(e *Event) { e.Timestamp++ },
		"sample size":      func(e *Event) { e.SampleSize = Whole{0, true} },
		"window":           func(e *Event) { e.WindowStart = Whole{1, true} },
		"end of window":    func(e *Event) { e.WindowEnd = Whole{1, true} },
		"a label":          func(e *Event) { e.Labels = MarkLabel(0, []byte("a"), []byte("b")) },
		"another label":    func(e *Event) { e.Labels = MarkLabel(0, []byte("ab"), nil) },
		"event id":         func(e *Event) { e.EventID = []byte("e") },
		"another event id": func(e *Event) { e.EventID = []byte("e-which-is-longer") },
	} {
		e := fine()
		change(e)
		if other, ok := marks[e.mark()]; ok {
			t.Errorf("%s and %s have one mark", name, other)
		}
		marks[e.mark()] = name
	}
	a := MarkLabel(MarkLabel(0, []byte("a"), []byte("1")), []byte("b"), []byte("2"))
	if a != MarkLabel(MarkLabel(0, []byte("b"), []byte("2")), []byte("a"), []byte("1")) {
		t.Error("the order of labels matters")
	}
	e, f := fine(), fine()
	e.EventID, f.EventID, f.MAPChange.V = []byte("e"), []byte("e"), 0
	if e.mark() != f.mark() {
		t.Error("an event_id alone should tell")
	}
	e, f = fine(), fine()
	e.MAPChange.V, f.MAPChange.V = 0, math.Copysign(0, -1)
	if e.mark() != f.mark() {
		t.Error("-0 is 0")
	}
}

// The mark stands in checkpoints: a build that computes it otherwise would take a redelivery for a new event.
func TestTheMarkStaysAsItIs(t *testing.T) {
	e := fine()
	if got := e.mark(); got != markOfFine {
		t.Errorf("the mark of an event is %#x now", got)
	}
	e.EventID = []byte("event-17")
	if got := e.mark(); got != markOfID {
		t.Errorf("the mark of an event_id is %#x now", got)
	}
}

func TestAModelIDIsANameAndPerhapsAVersion(t *testing.T) {
	for id, want := range map[string][2]string{
		"object_detection/v5.4": {"object_detection", "v5.4"}, "a/b/v1": {"a/b", "v1"}, "a": {"a", ""}, "a/v": {"a/v", ""},
		"a/v1.": {"a/v1.", ""}, "a/v.1": {"a/v.1", ""}, "a/v1..2": {"a/v1..2", ""}, "a/v1.2.3": {"a", "v1.2.3"}, "/v1": {"/v1", ""},
		"a/V1": {"a/V1", ""}, "a/v1b": {"a/v1b", ""}, "v1": {"v1", ""}, "//v1": {"/", "v1"}, "a/v1/": {"a/v1/", ""},
	} {
		if name, version := SplitModel(id); name != want[0] || version != want[1] {
			t.Errorf("%q: %q, %q", id, name, version)
		}
	}
}

func TestPatternsMatchRunsAndSingleCharacters(t *testing.T) {
	for _, x := range []struct {
		pattern, text string
		want          bool
	}{
		{"cam-*", "cam-1", true}, {"cam-*", "cam-", true}, {"cam-*", "Cam-1", false}, {"*", "", true}, {"*", "a/b\nc", true}, {"", "", true},
		{"", "a", false}, {"?", "ü", true}, {"?", "", false}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"*b*c", "abbxc", true},
		{"*b*c", "abbx", false}, {"a**b", "ab", true}, {"*.?", "v.1.2", true}, {"[a]", "a", false}, {"[a]", "[a]", true}, {"a*", "a/b", true},
		{"*é", "caféé", true}, {"*aab", "aaaab", true},
	} {
		if got := matches(x.pattern, &x.text); got != x.want {
			t.Errorf("%q on %q: %v", x.pattern, x.text, got)
		}
	}
	if matches("*", nil) {
		t.Error("a missing text matches")
	}
}

const (
	markOfFine = 0xc174469fafc9a1c6
	markOfID   = 0x4b3c3f494220118e
)
