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

// node is a value of the policy's JSON with its path. Reading one reports the first problem of the whole policy to problem
// and goes on with zero values, so the grammar reads top to bottom without a check on every line.
type node struct {
	path    string
	value   any
	problem **PolicyError
}

func parseNode(text []byte) (node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	n := node{problem: new(*PolicyError)}
	if err := d.Decode(&n.value); err != nil {
		return n, &PolicyError{Problem: "not JSON: " + err.Error()}
	}
	if _, err := d.Token(); err != io.EOF {
		return n, &PolicyError{Problem: "more than one JSON value"}
	}
	return n, nil
}

func (n node) fail(format string, args ...any) {
	if *n.problem == nil {
		*n.problem = &PolicyError{Path: n.path, Problem: fmt.Sprintf(format, args...)}
	}
}

func (n node) at(key string, value any) node {
	path := key
	if n.path != "" {
		path = n.path + "." + key
	}
	return node{path, value, n.problem}
}

// fields are the keys of a mapping, those that are null left out. An unknown key is an error.
type fields struct {
	node
	values map[string]any
}

func (n node) fields(known ...string) fields {
	f := n.mapping()
	written, _ := n.value.(map[string]any) // a mistyped key is one with an empty value, too
	for _, k := range slices.Sorted(maps.Keys(written)) {
		if !slices.Contains(known, k) && *n.problem == nil {
			*n.problem = unknownKey(n.at(k, nil).path, k, known)
		}
	}
	return f
}

func unknownKey(path, key string, known []string) *PolicyError {
	e := &PolicyError{Path: path, Problem: "unknown key", Near: nearest.Word(key, known)}
	if e.Near == "" {
		e.Problem += "; known are " + strings.Join(known, ", ")
	}
	return e
}

// mapping is fields with any keys.
func (n node) mapping() fields {
	all, ok := n.value.(map[string]any)
	if !ok {
		n.fail("a mapping is needed")
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

// get is the field as it is; of a missing one every reading fails.
func (f fields) get(key string) node {
	v, ok := f.values[key]
	if !ok {
		f.fail("%s is missing", key)
	}
	return f.at(key, v)
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
		n.fail("a list is needed")
	}
	nodes := make([]node, len(list))
	for i, v := range list {
		nodes[i] = node{fmt.Sprintf("%s[%d]", n.path, i), v, n.problem}
	}
	return nodes
}

func (n node) text() string {
	s, ok := n.value.(string)
	if !ok || s == "" {
		n.fail("a text is needed")
	}
	return s
}

// modelNames is a list of names of models, or of patterns for them with {stream}.
func (n node) modelNames() []string {
	names := []string{}
	for _, x := range n.list() {
		if name := x.text(); name != "" {
			if problem := checkID(name); problem != "" {
				x.fail("%s", problem)
			}
		}
		names = append(names, x.text())
	}
	return names
}

func (n node) oneOf(allowed ...string) string {
	s, _ := n.value.(string)
	if !slices.Contains(allowed, s) {
		n.fail("%s is none of %s", n.shown(), strings.Join(allowed, ", "))
	}
	return s
}

func (n node) boolean() bool {
	b, ok := n.value.(bool)
	if !ok {
		n.fail("true or false is needed")
	}
	return b
}

func (n node) real() float64 {
	switch v := n.value.(type) {
	case float64:
		return v
	case json.Number:
		if x, err := v.Float64(); err == nil {
			return x
		}
	}
	n.fail("a number is needed")
	return 0
}

// whole is a whole number between least and most, both within 2^53.
func (n node) whole(least, most int64) int64 {
	x := n.real()
	if x != math.Trunc(x) || x < float64(least) || x > float64(most) {
		n.fail("a whole number from %d to %d is needed", least, most)
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
			return ms
		}
		n.fail("%s is not a number of milliseconds", v)
	case string:
		ms, err := parseDuration(v)
		if err != nil {
			n.fail("%s", err)
		}
		return ms
	default:
		n.fail("a duration is needed, like 30m or 7d")
	}
	return 0
}

func (n node) shown() string {
	text, err := json.Marshal(n.value)
	if err != nil {
		return "this value"
	}
	return string(text)
}
