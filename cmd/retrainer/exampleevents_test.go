package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// example is a line of examples/events, of the fields that rules look at.
type example struct {
	StreamID   string    `json:"stream_id"`
	ModelID    string    `json:"model_id"`
	EventID    string    `json:"event_id"`
	Method     string    `json:"method"`
	PValue     *float64  `json:"p_value"`
	MAPChange  *float64  `json:"mAP_change"`
	Value      *float64  `json:"value"`
	SampleSize *int64    `json:"sample_size"`
	Timestamp  time.Time `json:"timestamp"`
}

func (x *example) event(later time.Duration) *retrain.Event {
	number := func(v *float64) (n retrain.Number) {
		if v != nil {
			n = retrain.Number{V: *v, OK: true}
		}
		return n
	}
	text := func(s string) []byte {
		if s == "" {
			return nil
		}
		return []byte(s)
	}
	e := &retrain.Event{Stream: text(x.StreamID), ModelID: text(x.ModelID), EventID: text(x.EventID), Method: text(x.Method),
		PValue: number(x.PValue), MAPChange: number(x.MAPChange), Value: number(x.Value), Timestamp: x.Timestamp.Add(later).UnixMilli()}
	if x.SampleSize != nil {
		e.SampleSize = retrain.Whole{V: *x.SampleSize, OK: true}
	}
	return e
}

// examples are the events of a file, which must be what its topic takes.
func examples(t *testing.T, file string) (events []example, on retrain.On) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "events", file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var x example
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := "DriftEvent"
		if on = retrain.OnDrift; x.MAPChange != nil {
			name, on = "PerformanceEvent", retrain.OnPerformance
		}
		if schema, ok := schemas.ByName(name); !ok {
			t.Fatalf("no schema %s", name)
		} else if _, err := schema.FromJSON(nil, []byte(line)); err != nil {
			t.Errorf("%s: %v in %s", file, err, line)
		}
		if bad := x.event(0).Check(); bad != nil {
			t.Errorf("%s: %v in %s", file, bad, line)
		}
		events = append(events, x)
	}
	return events, on
}

// asThough is a ledger under one policy.
type asThough struct {
	t       *testing.T
	sources *retrain.Sources
	control *retrain.Controller
	offset  int64
	counted map[string]int
	said    []string // what was commanded, and what was decided instead
}

func newAsThough(t *testing.T, p *retrain.Policy, on retrain.On) *asThough {
	a := &asThough{t: t, sources: retrain.NewSources(on), control: retrain.NewController(), counted: map[string]int{}}
	if err := a.sources.Use(p); err != nil {
		t.Fatal(err)
	}
	a.step(0, &retrain.PolicyEntry{Revision: p.Revision, Policy: p.Canonical(), LedgerID: "8d2f6a5e-0000-4000-8000-000000000001"})
	return a
}

func (a *asThough) step(at int64, e retrain.Entry) {
	outputs, err := a.control.Step(at, e, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, o := range outputs {
		switch o := o.(type) {
		case *retrain.Command:
			text := string(o.Action)
			if name := o.Evidence[0].Rule; !strings.HasPrefix(name, "{") {
				text += " by " + name
			}
			a.said = append(a.said, text)
		case *retrain.Decision:
			if o.Reason == "stale" {
				a.said = append(a.said, "nothing, stale")
			}
		}
	}
}

func (a *asThough) send(at int64, e *retrain.Event) {
	alerts, outcome := a.sources.Fold(&retrain.Origin{Topic: "monitoring", Offset: a.offset, Time: at}, e, a.sources.Pass(at, nil))
	a.offset++
	a.counted[outcome.String()]++
	for _, x := range alerts {
		a.step(at, x)
	}
}

// sum is what the README says in a cell.
func (a *asThough) sum() string {
	var outcomes []string
	for _, outcome := range slices.Sorted(maps.Keys(a.counted)) {
		outcomes = append(outcomes, fmt.Sprintf("%d %s", a.counted[outcome], outcome))
	}
	said := slices.Compact(a.said)
	if len(said) > 1 { // what came of it in the end
		said = said[len(said)-1:]
	}
	if len(said) == 0 {
		said = []string{"nothing"}
	}
	return strings.Join(outcomes, ", ") + ": " + said[0]
}

var made = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC) // the -end of every file

func TestWhatThePoliciesSayToTheExampleEventsIsAsTheirREADMESays(t *testing.T) {
	const readme = "examples/events/README.md"
	builtIn, err := retrain.BuiltIn("")
	if err != nil {
		t.Fatal(err)
	}
	var wider *retrain.Policy
	for _, b := range blocks(t, readme) {
		if b.Language == "yaml" {
			f, err := parseYAML("policy.yaml", []byte(b.Text))
			if err != nil {
				t.Fatal(err)
			}
			if wider, err = f.policy(""); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", readme))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../examples/events/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(\\S+\\.jsonl)` \\|.*\\| (.+) \\| (.+) \\|$").FindAllStringSubmatch(string(text), -1)
	if len(rows) != len(files) || wider == nil {
		t.Fatalf("%d rows of %d files, policy %v", len(rows), len(files), wider)
	}
	for _, row := range rows {
		events, on := examples(t, row[1])
		for i, p := range []*retrain.Policy{builtIn, wider} {
			now := made.AddDate(1, 0, 0)
			a := newAsThough(t, p, on)
			for _, x := range events {
				a.send(now.UnixMilli(), x.event(now.Sub(made)))
			}
			if got := a.sum(); got != row[2+i] {
				t.Errorf("%s under policy %d: %s; the README says %s", row[1], p.Revision, got, row[2+i])
			}
		}
	}
}

// A report made every hour is a training by the backstop, as the README says.
func TestADriftReportMadeEveryHourIsATrainingAtThe20th(t *testing.T) {
	p, err := retrain.BuiltIn("")
	if err != nil {
		t.Fatal(err)
	}
	events, on := examples(t, "evidently-drift.jsonl")
	a := newAsThough(t, p, on)
	for hour := range 20 {
		if len(a.said) > 0 {
			t.Fatalf("%v after %d reports", a.said, hour)
		}
		later := time.Duration(hour) * time.Hour
		e := events[0].event(later)
		e.EventID = fmt.Append(nil, "report ", hour)
		a.send(made.Add(later).UnixMilli(), e)
	}
	if got := a.sum(); got != "20 folded: full by backstop" {
		t.Error(got)
	}
}
