package retrain

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// words are the words of one line of a transcript: key, key=value or key=(value with spaces).
type words struct {
	t      testing.TB
	where  string
	values map[string]string
	used   map[string]bool
}

// one reads a line without rows.
func one(t testing.TB, d *datadriven.TestData, f func(a *words)) {
	t.Helper()
	read(t, d.Pos, d.CmdArgs, nil, f)
}

// rows reads a line; where there are rows below it each is a line of its own, and what stands above is common to them.
func rows(t testing.TB, d *datadriven.TestData, f func(a *words)) {
	t.Helper()
	if d.Input == "" {
		read(t, d.Pos, d.CmdArgs, nil, f)
		return
	}
	for _, row := range strings.Split(d.Input, "\n") {
		_, own, err := datadriven.ParseLine("row " + row)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		read(t, d.Pos+": "+row, d.CmdArgs, own, f)
	}
}

// read calls f for the line, once for each value where one key has several: the first at `at`, the others every `every`.
func read(t testing.TB, where string, common, own []datadriven.CmdArg, f func(a *words)) {
	t.Helper()
	a, list, key := &words{t, where, map[string]string{}, map[string]bool{}}, []string{""}, ""
	for _, arg := range slices.Concat(common, own) {
		a.values[arg.Key] = strings.Join(arg.Vals, ", ")
		if len(arg.Vals) > 1 && slices.ContainsFunc(common, func(c datadriven.CmdArg) bool { return c.Key == "every" }) {
			list, key = arg.Vals, arg.Key
		}
	}
	pause, at := time.Duration(0), int64(0)
	if key != "" {
		pause, at = a.duration("every"), a.at("at")
	}
	for i, v := range list {
		if key != "" {
			a.values[key] = v
			a.values["at"] = time.UnixMilli(at + int64(i)*pause.Milliseconds()).UTC().Format(time.DateTime)
		}
		f(a)
	}
	for k := range a.values {
		if !a.used[k] {
			t.Errorf("%s: %s is not known here", where, k)
		}
	}
}

func (a *words) has(key string) bool {
	_, ok := a.values[key]
	a.used[key] = true
	return ok
}

// kind is the one of the keys that is there.
func (a *words) kind(keys ...string) string {
	for _, k := range keys {
		if a.has(k) {
			return k
		}
	}
	a.t.Fatalf("%s: one of %v is needed", a.where, keys)
	return ""
}

func (a *words) text(key string) *string {
	if !a.has(key) {
		return nil
	}
	return new(a.values[key])
}

func (a *words) need(key string) string {
	if !a.has(key) {
		a.t.Fatalf("%s: %s is needed", a.where, key)
	}
	return a.values[key]
}

func (a *words) number(key string, otherwise float64) float64 {
	if !a.has(key) {
		return otherwise
	}
	v, err := strconv.ParseFloat(a.values[key], 64)
	if err != nil {
		a.t.Fatalf("%s: %s: %v", a.where, key, err)
	}
	return v
}

// table is `(name value, name value)`.
func (a *words) table(key string) map[string]string {
	if !a.has(key) {
		return nil
	}
	m := map[string]string{}
	for _, pair := range strings.Split(a.values[key], ", ") {
		name, value, ok := strings.Cut(pair, " ")
		if !ok {
			a.t.Fatalf("%s: %s: %q is no name with a value", a.where, key, pair)
		}
		m[name] = value
	}
	return m
}

func (a *words) duration(key string) time.Duration {
	d, err := time.ParseDuration(a.need(key))
	if err != nil {
		a.t.Fatalf("%s: %v", a.where, err)
	}
	return d
}

// at is a moment: a time of day is one of 2026-03-01.
func (a *words) at(key string) int64 {
	text := a.need(key)
	for _, layout := range []string{"15:04", "15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05", time.DateTime} {
		at, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if !strings.Contains(layout, "2006") {
			return t0 + at.UnixMilli() - time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
		}
		return at.UnixMilli()
	}
	a.t.Fatalf("%s: %s=%s is no time", a.where, key, text)
	return 0
}

// event is an event with the fields of the line. Its producer's clock is right where `time` does not say otherwise.
func (a *words) event(at int64) (*Event, *Invalid) {
	bytes := func(key string) []byte {
		if v := a.text(key); v != nil {
			return []byte(*v)
		}
		return nil
	}
	num := func(key string) Number { return Number{a.number(key, 0), a.has(key)} }
	if a.has("time") {
		at = a.at("time")
	}
	e := &Event{
		Stream: bytes("stream"), ModelID: bytes("model"), ModelVersion: bytes("model_version"), EventID: bytes("event_id"),
		Method: bytes("method"), DataRef: bytes("data_ref"), PValue: num("p_value"), KLDivergence: num("kl_divergence"),
		MAPChange: num("mAP_change"), Value: num("value"), SampleSize: Whole{int64(a.number("sample_size", 0)), a.has("sample_size")},
		Timestamp: at,
	}
	return e, e.Check()
}
