package main

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
)

// folded is a record that the fold says must be there, or one that is.
type folded struct {
	at    string // where it stands
	key   string
	id    string
	value map[string]any
}

// same compares what must be with what is: each id once, in order for each key, equal in every field but the explanations.
func same(what string, want, got []folded, r *report) {
	byID, seen, order := map[string]int{}, map[string]int{}, map[string]int{}
	for i, w := range want {
		byID[w.id] = i
	}
	for _, g := range got {
		i, ok := byID[g.id]
		if !ok {
			r.mismatch("%s at %s (%s) follows from nothing", what, g.at, g.id)
			continue
		}
		if seen[g.id]++; seen[g.id] > 1 {
			r.mismatch("%s at %s (%s) is there for the %d. time", what, g.at, g.id, seen[g.id])
			continue
		}
		if g.key != want[i].key {
			r.mismatch("%s at %s (%s): key %q; it must be %q", what, g.at, g.id, g.key, want[i].key)
		}
		if d := difference("", want[i].value, g.value); d != "" {
			r.mismatch("%s at %s (%s): %s", what, g.at, g.id, d)
		}
		if last, ok := order[want[i].key]; ok && i < last {
			r.mismatch("%s at %s (%s) stands after what follows it", what, g.at, g.id)
		}
		order[want[i].key] = i
	}
	for _, w := range want {
		if seen[w.id] == 0 {
			r.mismatch("%s %s of key %q is missing", what, w.id, w.key)
		}
	}
}

// compacted compares a topic that keeps the last record of each key: what is left of a key are records that must have been,
// in order, and the last of them.
func compacted(what string, want, got []folded, r *report) {
	history, place := map[string][]folded{}, map[string]int{}
	for _, w := range want {
		history[w.key] = append(history[w.key], w)
	}
	for _, g := range got {
		h := history[g.key]
		at := slices.IndexFunc(h[min(place[g.key], len(h)):], func(w folded) bool { return difference("", w.value, g.value) == "" })
		if at < 0 {
			why := "no record of this key follows"
			if place[g.key] < len(h) {
				why = difference("", h[place[g.key]].value, g.value) + " in the next of this key"
			}
			r.mismatch("%s at %s (key %q): %s", what, g.at, g.key, why)
			continue
		}
		place[g.key] += at + 1
	}
	for _, key := range sorted(history) {
		if place[key] < len(history[key]) {
			r.mismatch("%s: the last record of key %q is missing", what, key)
		}
	}
}

// difference is the first field in which two values are not equal; an explanation only has to be there.
func difference(path string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v; it must be %v", path, got, want)
		}
		names := maps.Clone(w)
		maps.Copy(names, g)
		delete(names, "") // the name of the record
		for _, n := range sorted(names) {
			if x, ok := g[n].(string); n == "explanation" && path == "" && ok && x != "" {
				continue
			}
			if d := difference(path+"."+n, w[n], g[n]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %v; it must be %v", path, got, want)
		}
		for i := range w {
			if d := difference(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); d != "" {
				return d
			}
		}
		return ""
	case []byte:
		if g, ok := got.([]byte); ok && bytes.Equal(w, g) {
			return ""
		}
	case float64:
		if g, ok := got.(float64); ok && (w == g || math.IsNaN(w) && math.IsNaN(g)) {
			return ""
		}
	default:
		if reflect.DeepEqual(want, got) {
			return ""
		}
	}
	return fmt.Sprintf("%s is %v; it must be %v", path, got, want)
}
