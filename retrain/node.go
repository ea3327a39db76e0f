package retrain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/visutility/retrainer/internal/nearest"
)

// node is a value of the policy's JSON with its path. Reading one reports what is wrong to problems and goes on with some
// value, so the grammar reads top to bottom without a check on every line, and one reading finds every mistake.
type node struct {
	path     Path
	value    any
	problems *problems
}

// problems are the mistakes found so far. The first ones are kept: whoever corrects those finds the others.
type problems struct {
	kept   PolicyErrors
	n      int
	doubts PolicyErrors // what is right, and perhaps not meant
}

const mostProblems = 100

// errors are all that was found; nil: nothing.
func (p *problems) errors() error {
	if p.n == 0 {
		return nil
	}
	if more := p.n - len(p.kept); more > 0 {
		return append(p.kept, &PolicyError{Problem: fmt.Sprintf("%d more mistakes are not shown; correct these first", more)})
	}
	return p.kept
}

// told stands for a value of which everything was said already, like a missing one: reading it reports nothing more.
type told struct{}

func parseNode(text []byte) (node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	n := node{problems: new(problems)}
	if err := d.Decode(&n.value); err != nil {
		return n, PolicyErrors{{Problem: "not JSON: " + err.Error()}}
	}
	if _, err := d.Token(); err != io.EOF {
		return n, PolicyErrors{{Problem: "more than one JSON value"}}
	}
	return n, nil
}

func (n node) fail(format string, args ...any) {
	n.report(&PolicyError{Problem: fmt.Sprintf(format, args...)})
}

// doubt notes what is right, and perhaps not meant.
func (n node) doubt(format string, args ...any) {
	if len(n.problems.doubts) < mostProblems {
		n.problems.doubts = append(n.problems.doubts, &PolicyError{Path: n.path, Problem: fmt.Sprintf(format, args...)})
	}
}

func (n node) report(e *PolicyError) {
	if n.value == any(told{}) {
		return
	}
	if n.problems.n++; n.problems.n <= mostProblems {
		e.Path = n.path
		n.problems.kept = append(n.problems.kept, e)
	}
}

// needs reports a value of the wrong shape.
func (n node) needs(shape string) { n.fail("%s is needed, not %s", shape, n.given()) }

// problemsSoFar tells, compared with a later one, whether what was read between was right.
func (n node) problemsSoFar() int { return n.problems.n }

func (n node) at(key string, value any) node {
	return node{append(slices.Clip(n.path), key), value, n.problems}
}

// fields are the keys of a mapping, those that are null left out. An unknown key is an error, and stands in for the key that
// was meant, so that this one is not missed too.
type fields struct {
	node
	values map[string]any
}

func (n node) fields(known ...string) fields {
	f := n.mapping()
	written, _ := n.value.(map[string]any) // a mistyped key is one with an empty value, too
	for _, k := range slices.Sorted(maps.Keys(written)) {
		if slices.Contains(known, k) {
			continue
		}
		near := nearest.Word(k, known)
		f.at(k, nil).report(&PolicyError{Problem: "unknown key", Near: near, Known: known})
		delete(f.values, k)
		if near != "" && !f.has(near) {
			f.values[near] = told{}
		}
	}
	return f
}

// mapping is fields with any keys.
func (n node) mapping() fields {
	all, ok := n.value.(map[string]any)
	if !ok {
		n.needs("a mapping")
		n.value = told{}
	}
	f := fields{n, make(map[string]any, len(all))}
	for k, v := range all {
		if v != nil {
			f.values[k] = v
		}
	}
	return f
}

func (f fields) names() []string { return slices.Sorted(maps.Keys(f.values)) }

func (f fields) has(key string) bool { _, ok := f.values[key]; return ok }

// need is a field that must be there; shape says what it would be.
func (f fields) need(key, shape string) node {
	if !f.has(key) {
		f.fail("%s is missing: %s", key, shape)
	}
	return f.get(key)
}

// get is the field as it is; of a missing one nothing is said.
func (f fields) get(key string) node {
	if v, ok := f.values[key]; ok {
		return f.at(key, v)
	}
	return f.at(key, told{})
}

// or is the field, or else a value of the built-in policy.
func (f fields) or(key string, otherwise any) node {
	if v, ok := f.values[key]; ok {
		return f.at(key, v)
	}
	return f.at(key, otherwise)
}

func (n node) list() []node {
	list, ok := n.value.([]any)
	if !ok {
		n.needs("a list")
	}
	nodes := make([]node, len(list))
	for i, v := range list {
		nodes[i] = node{append(slices.Clip(n.path), i), v, n.problems}
	}
	return nodes
}

// text is a name or a pattern, never empty and as long as an id at most.
func (n node) text() string { return n.longText(maxID) }

// longText is a text of so many bytes at most.
func (n node) longText(most int) string {
	s, ok := n.value.(string)
	switch {
	case !ok:
		n.needs("a text")
	case s == "":
		n.fail("a text is needed, not an empty one")
	case len(s) > most:
		n.fail("a text of %d bytes is too long: at most %d are possible", len(s), most)
	case strings.ContainsFunc(s, isControl):
		n.fail("%s has a control character", shownText(s))
	}
	return s
}

// modelNames is a list of names of models, or of patterns for them with {stream}.
func (n node) modelNames() []string {
	names := []string{}
	for _, x := range n.list() {
		name := x.text()
		if strings.Count(name, "{stream}") > mostStreams {
			x.fail("{stream} stands there more than %d times", mostStreams)
		}
		names = append(names, name)
	}
	return names
}

func (n node) oneOf(allowed ...string) string {
	s, _ := n.value.(string)
	if !slices.Contains(allowed, s) {
		n.report(&PolicyError{Problem: fmt.Sprintf("%s is none of %s", n.given(), strings.Join(allowed, ", ")), Near: nearest.Word(s, allowed)})
	}
	return s
}

func (n node) boolean() bool {
	b, ok := n.value.(bool)
	if !ok {
		n.needs("true or false")
	}
	return b
}

// real is a number; NaN, which compares with nothing, where there is none.
func (n node) real() float64 {
	switch v := n.value.(type) {
	case float64:
		return v
	case json.Number:
		x, err := v.Float64()
		if err == nil {
			return x
		}
		n.fail("%s is too large for a number of 64 bits", n.given())
		return math.NaN()
	}
	n.needs("a number")
	return math.NaN()
}

// finite says whether every number within the value is one of 64 bits.
func (n node) finite() bool {
	before := n.problemsSoFar()
	switch v := n.value.(type) {
	case json.Number:
		n.real()
	case []any:
		for _, x := range n.list() {
			x.finite()
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.at(key, v[key]).finite()
		}
	}
	return n.problemsSoFar() == before
}

// whole is a whole number between least and most, both within 2^53.
func (n node) whole(least, most int64) int64 {
	x := n.real()
	if math.IsNaN(x) {
		return least
	}
	if x != math.Trunc(x) || x < float64(least) || x > float64(most) {
		n.needs(fmt.Sprintf("a whole number from %d to %d", least, most))
		return least
	}
	return int64(x)
}

// duration is a text like 1h30m, or (in the normalised policy) a whole number of milliseconds.
func (n node) duration() int64 {
	switch v := n.value.(type) {
	case int64:
		return v
	case json.Number:
		if ms, err := v.Int64(); err == nil && ms >= 0 && ms <= maxDuration {
			if ms > 0 && ms < second {
				n.doubt("%d is %d milliseconds; write %dh if hours are meant, or else %dms", ms, ms, ms, ms)
			}
			return ms
		}
		n.fail("%s is no duration: write one like 30m or 7d, or a whole number of milliseconds from 0", n.given())
	case string:
		ms, err := parseDuration(v)
		if err != nil {
			n.fail("%s", err)
		}
		return ms
	default:
		n.needs("a duration like 30m or 7d")
	}
	return 0
}

// given says what stands there.
func (n node) given() string {
	switch v := n.value.(type) {
	case nil:
		return "nothing"
	case string:
		return "the text " + shownText(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return cut(fmt.Sprint(n.value), shownAtMost)
}
