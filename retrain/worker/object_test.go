package worker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/visutility/retrainer/retrain"
)

func (o *object) String() string {
	var s []string
	add := func(name string, there bool, v any) {
		if there {
			s = append(s, fmt.Sprint(name, "=", v))
		}
	}
	deref := func(p *int64) int64 {
		if p == nil {
			return 0
		}
		return *p
	}
	add("step", o.step != nil, deref(o.step))
	add("total", o.total != nil, deref(o.total))
	add("metrics", o.metrics != nil, o.metrics)
	if o.newVersion != nil {
		add("version", true, *o.newVersion)
	}
	add("params", o.bestParams != nil, o.trained(nil).BestParams)
	if o.improved != nil {
		add("improved", true, *o.improved)
	}
	if o.err != nil {
		add("error", true, *o.err)
	}
	for _, w := range o.wrong {
		add("wrong", true, w)
	}
	return strings.Join(s, "; ")
}

func TestALineIsProgressResultTextOrAMistakeThatIsTold(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`{"step":1,"total":3.0,"metrics":{"loss":1e-3,"auc":null}}`, "step=1; total=3; metrics=map[loss:0.001]"},
		{`  {"new_version":"v6"} ` + "\r", "version=v6"},
		{"\ufeff" + `{"new_version":"v6"}`, "version=v6"},
		{`{"best_params":{"lr":1e-05,"n":10,"opt":"adam","deep":true}}`, "params=map[deep:true lr:1e-05 n:10 opt:adam]"},
		{`{"improved":false,"other":[1]}`, "improved=false"},
		{`{"error":"no data"}`, "error={ no data false}"},
		{`{"error":{"code":"no_data"}}`, "error={no_data no_data false}"},
		{`{"error":{"code":"x","message":"no data"}}`, "error={x no data false}"},
		{`{"error":null,"new_version":""}`, ""},
		{`{"error":{}}`, `wrong=error is an object ({}), not a text or {"code", "message"}`},
		{`{"step":1.5,"total":1e300}`, "wrong=step is a number (1.5), not a whole number; wrong=total is a number (1e300), not a whole number"},
		{`{"metrics":[0.5]}`, "wrong=metrics is a list ([0.5]), not an object of numbers"},
		{`{"metrics":{"a":1,"b":true,"c":1e999}}`, "metrics=map[a:1]; wrong=metrics.b is a truth value (true), not a number"},
		{`{"metrics":{"c":1e999}}`, "metrics=map[]; wrong=metrics.c is 1e999, which is beyond what a double holds"},
		{`{"best_params":{"a":null}}`, "params=map[]; wrong=best_params.a is null (null), not a number, a text, true or false"},
		{`{"best_params":["a"]}`, `wrong=best_params is a list (["a"]), not an object`},
		{`{"improved":"yes"}`, `wrong=improved is a text ("yes"), not true or false`},
		{`training...`, "text"}, {`{}`, "text"}, {`[{"step":1}]`, "text"}, {`{"level":"info"}`, "text"}, {`{checkpoint} saved`, "text"}, {`"{"`, "text"}, {``, "text"},
		{`{'step': 1}`, "cannot be read: names stand in double quotes"},
		{`{`, "cannot be read: the object does not end on its line"},
		{`{"new_version": "v6",`, "cannot be read: the object does not end on its line"},
		{`{"metrics":{"auc":-Infinity}}`, "cannot be read: NaN and Infinity are not JSON"},
		{`{"step":1}{"step":2}`, "cannot be read: invalid character '{' after top-level value"},
	} {
		o, problem, mine := parse([]byte(c.line))
		got := "text"
		switch {
		case problem != "":
			got = "cannot be read: " + problem
		case mine:
			got = o.String()
		}
		if got != c.want && (problem == "" || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s\n gives %s\n want  %s", c.line, got, c.want)
		}
	}
}

func TestBestParamsAreTheTextsOfTheTrialsThatTheyEqual(t *testing.T) {
	trials := []retrain.Trial{{Values: map[string]string{"lr": "1e-05", "n": "10", "k": "2.0"}}, {Number: 1, Values: map[string]string{"lr": "0.5", "n": "20", "k": "2"}}}
	for _, c := range []struct{ name, given, want string }{
		{"lr", `0.00001`, "1e-05"}, {"lr", `5e-1`, "0.5"}, {"lr", `0.25`, "0.25"}, {"lr", `"0.50"`, "0.50"},
		{"n", `10.0`, "10"}, {"n", `20`, "20"}, {"k", `2`, "2"}, {"k", `2.00`, "2"}, {"other", `1.0`, "1.0"}, {"n", `true`, "true"},
	} {
		o, _, _ := parse([]byte(`{"best_params":{"` + c.name + `":` + c.given + `}}`))
		if got := o.trained(trials).BestParams[c.name]; got != c.want {
			t.Errorf("%s %s becomes %s, want %s", c.name, c.given, got, c.want)
		}
	}
}

// What a program reads from the command's trials and passes back as a number comes back as the text that it was.
func TestWhatAProgramPassesBackIsWhatItWasGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }).Draw(t, "value")
		given := strconv.FormatFloat(f, 'g', -1, 64)
		passed, err := json.Marshal(map[string]any{"best_params": map[string]any{"x": f}})
		if err != nil {
			t.Fatal(err)
		}
		o, problem, _ := parse(passed)
		if problem != "" {
			t.Fatal(problem)
		}
		if got := o.trained([]retrain.Trial{{Values: map[string]string{"x": given}}}).BestParams["x"]; got != given {
			t.Fatalf("%s came back as %s", given, got)
		}
	})
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{`{"step":1,"total":3,"metrics":{"a":0.5}}`, `{"new_version":"v6","best_params":{"a":1,"b":"x"},"improved":true}`, `{"error":{"code":"x"}}`, `{"metrics":{"a":NaN}}`, "{", "{}", "\ufeff{ \"step\":null}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		o, problem, mine := parse(line)
		if mine != (o != nil || problem != "") || o != nil && problem != "" {
			t.Fatalf("%q: %v, %q, %v", line, o, problem, mine)
		}
		if o == nil {
			return
		}
		if !json.Valid(bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))) {
			t.Fatalf("%q is no JSON", line)
		}
		for name, v := range o.metrics {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%q: %v", name, v)
			}
		}
		o.trained(nil)
	})
}

// FuzzLines: however a stream is cut into pieces, it has the same lines, and none longer than the limit.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nbb\r\n\nccc"), byte(2), byte(2))
	f.Add([]byte("long line without an end"), byte(3), byte(8))
	f.Fuzz(func(t *testing.T, text []byte, piece, most byte) {
		var got []string
		l := lines{most: int(most), take: func(line []byte, length int64) {
			if length == 0 || len(line) > max(int(most), beginning) || int64(len(line)) < length && length <= int64(most) {
				t.Fatalf("%d bytes of %d, at most %d", len(line), length, most)
			}
			got = append(got, fmt.Sprint(length, string(line[:min(len(line), int(most), beginning)])))
		}}
		for chunk := range slices.Chunk(text, int(piece)+1) {
			l.write(chunk)
		}
		l.end()
		var want []string
		for _, line := range strings.FieldsFunc(string(text), func(c rune) bool { return c == '\n' || c == '\r' }) {
			want = append(want, fmt.Sprint(len(line), line[:min(len(line), int(most), beginning)]))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q\n got %q\nwant %q", text, got, want)
		}
	})
}

func TestTheEndOfStandardErrorIsWholeLinesFitToBeRead(t *testing.T) {
	var x tail
	for i := range 10_000 {
		x.add(fmt.Appendf(nil, "line %d \x1b[0m\xff", i))
	}
	text := x.String()
	if !strings.HasPrefix(text, "line 98") || !strings.HasSuffix(text, "line 9999 [0m\ufffd") || len(text) > 2*mostTail || !utf8.ValidString(text) {
		t.Errorf("kept is %q", text)
	}
	x = nil
	x.add(bytes.Repeat([]byte("x"), 1<<20))
	if text := x.String(); len(text) > mostTail || len(text) < mostTail/2 {
		t.Errorf("of a long line %d bytes are kept", len(text))
	}
}
