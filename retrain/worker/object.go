package worker

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/visutility/retrainer/retrain"
)

// object is a line of output that is a JSON object and has at least one of the fields that mean something here. A field
// that is null counts as left out; fields that are not known are nobody's business.
type object struct {
	step, total *int64
	metrics     map[string]float64
	newVersion  *string
	bestParams  map[string]value
	improved    *bool
	err         *failure
	wrong       []string // what is of the wrong type, in order of the fields
	unusable    bool     // and one of these belongs to a result
}

// value is one of best_params, by its text. A number has the spelling that it has in the line.
type value struct {
	text   string
	number bool
}

// result says whether the line, as the last one, is the result.
func (o *object) result() bool { return o.held() || o.metrics != nil || o.unusable }

// held says whether the line waits to be the result: it is more than progress.
func (o *object) held() bool {
	return o.newVersion != nil || o.bestParams != nil || o.improved != nil || o.err != nil
}

func (o *object) progress() bool { return o.step != nil || o.total != nil || len(o.metrics) > 0 }

// looksLikeObject says of a line whether somebody meant it as a JSON object: a line `{checkpoint} saved` is text.
func looksLikeObject(line []byte) bool {
	rest, found := bytes.CutPrefix(line, []byte("{"))
	rest = bytes.TrimLeft(rest, " \t")
	return found && (len(rest) == 0 || bytes.IndexByte([]byte(`"'}`), rest[0]) >= 0)
}

// parse reads a line. !mine: it is text, or an object with nothing in it that is known here. problem: it was meant as an object, but
// cannot be read.
func parse(line []byte) (o *object, problem string, mine bool) {
	line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
	if !looksLikeObject(line) {
		return nil, "", false
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, notJSON(line, err), true
	}
	o = new(object)
	for _, f := range []struct {
		name   string
		result bool
		read   func(json.RawMessage) string
	}{
		{"step", false, func(m json.RawMessage) string { return whole(m, &o.step) }},
		{"total", false, func(m json.RawMessage) string { return whole(m, &o.total) }},
		{"metrics", true, o.readMetrics},
		{"new_version", true, o.readVersion},
		{"best_params", true, o.readParams},
		{"improved", true, func(m json.RawMessage) string { return typed(m, &o.improved, "true or false") }},
		{"error", true, o.readError},
	} {
		raw, there := fields[f.name]
		if !there {
			continue
		}
		mine = true
		if string(raw) == "null" {
			continue
		}
		if wrong := f.read(raw); wrong != "" {
			o.wrong = append(o.wrong, f.name+wrong)
			o.unusable = o.unusable || f.result
		}
	}
	if !mine {
		return nil, "", false
	}
	return o, "", true
}

// notJSON says what is wrong with a line, as its author thinks of it.
func notJSON(line []byte, err error) string {
	text := string(line)
	switch {
	case strings.Contains(text, "NaN"), strings.Contains(text, "Infinity"):
		return "NaN and Infinity are not JSON, though Python's json.dumps writes them: leave such a metric out, or write null"
	case len(strings.Trim(text, "{ \t")) == 0, !strings.HasSuffix(text, "}"):
		return "the object does not end on its line: write it on one line, without indent"
	case strings.HasPrefix(strings.TrimLeft(text[1:], " \t"), "'"):
		return "names stand in double quotes in JSON: print(json.dumps(...)), not print(...)"
	}
	return err.Error()
}

// kind names a JSON value as people do.
func kind(m json.RawMessage) string {
	switch m[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a truth value"
	case 'n':
		return "null"
	}
	return "a number"
}

func wrongType(m json.RawMessage, want string) string {
	return fmt.Sprintf(" is %s (%s), not %s", kind(m), shorten(string(m), 60), want)
}

// typed reads a JSON value of one type.
func typed[T any](m json.RawMessage, to **T, want string) string {
	v := new(T)
	if json.Unmarshal(m, v) != nil {
		return wrongType(m, want)
	}
	*to = v
	return ""
}

// whole reads a whole number; 3.0 is one too.
func whole(m json.RawMessage, to **int64) string {
	f, err := strconv.ParseFloat(string(m), 64)
	n, exact := strconv.ParseInt(string(m), 10, 64)
	switch {
	case exact == nil:
	case err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53:
		n = int64(f)
	default:
		return wrongType(m, "a whole number")
	}
	*to = &n
	return ""
}

func (o *object) readMetrics(m json.RawMessage) string {
	var raw map[string]json.RawMessage
	if json.Unmarshal(m, &raw) != nil {
		return wrongType(m, "an object of numbers")
	}
	o.metrics = map[string]float64{}
	wrong := ""
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		v := raw[name]
		if string(v) == "null" { // so other JSON libraries write NaN
			continue
		}
		f, err := strconv.ParseFloat(string(v), 64)
		switch {
		case kind(v) != "a number":
			wrong = cmp.Or(wrong, "."+name+wrongType(v, "a number"))
		case err != nil:
			wrong = cmp.Or(wrong, fmt.Sprintf(".%s is %s, which is beyond what a double holds", name, shorten(string(v), 60)))
		default:
			o.metrics[name] = f
		}
	}
	return wrong
}

func (o *object) readVersion(m json.RawMessage) string {
	wrong := typed(m, &o.newVersion, "a text")
	if o.newVersion != nil && *o.newVersion == "" {
		o.newVersion = nil
	}
	return wrong
}

func (o *object) readParams(m json.RawMessage) string {
	var raw map[string]json.RawMessage
	if json.Unmarshal(m, &raw) != nil {
		return wrongType(m, "an object")
	}
	o.bestParams = map[string]value{}
	wrong := ""
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		v := raw[name]
		switch kind(v) {
		case "a number":
			o.bestParams[name] = value{string(v), true}
		case "a truth value":
			o.bestParams[name] = value{string(v), false}
		case "a text":
			var text string
			if err := json.Unmarshal(v, &text); err == nil {
				o.bestParams[name] = value{text, false}
			}
		default:
			wrong = cmp.Or(wrong, "."+name+wrongType(v, "a number, a text, true or false"))
		}
	}
	return wrong
}

func (o *object) readError(m json.RawMessage) string {
	var text string
	if json.Unmarshal(m, &text) == nil {
		o.err = &failure{Message: text}
		return ""
	}
	var f struct{ Code, Message *string }
	if json.Unmarshal(m, &f) != nil || f.Code == nil && f.Message == nil {
		return wrongType(m, `a text or {"code", "message"}`)
	}
	o.err = new(failure)
	if f.Code != nil {
		o.err.Code, o.err.Message = *f.Code, *f.Code
	}
	if f.Message != nil {
		o.err.Message = *f.Message
	}
	return ""
}

// trained is what the line says as a result. A number that equals one of the trials' becomes that one's text: 10.0 is the "10"
// that the program was given.
func (o *object) trained(trials []retrain.Trial) *retrain.Trained {
	t := &retrain.Trained{Metrics: o.metrics}
	if o.newVersion != nil {
		t.NewVersion = *o.newVersion
	}
	if o.bestParams != nil {
		t.BestParams = map[string]string{}
	}
	for name, v := range o.bestParams {
		t.BestParams[name] = v.as(name, trials)
	}
	return t
}

func (v value) as(name string, trials []retrain.Trial) string {
	text := v.text
	for _, trial := range trials {
		given := trial.Values[name]
		if given == v.text {
			return given
		}
		if v.number && sameNumber(given, v.text) {
			text = given
		}
	}
	return text
}

func sameNumber(a, b string) bool {
	x, err := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err == nil && err2 == nil && x == y
}
