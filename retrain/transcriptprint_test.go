package retrain

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// printer prints what comes of a line of a transcript, a line each, with the time: of the record for an event, of the ledger
// for what the controller writes.
type printer struct {
	controller *Controller
	names      map[string]string // commands, as model/number
	lines      []string
	run        run
	trials     bool // are printed
}

// run is a number of events one behind the other with the same outcome, of which nothing came.
type run struct {
	line          int // of its print
	text          string
	first, length int64
}

func (x *printer) print(at int64, format string, args ...any) {
	x.lines = append(x.lines, moment(at)+" "+fmt.Sprintf(format, args...))
}

// moment is a time as the lines have it: without its date if that is 2026-03-01.
func moment(at int64) string {
	t := time.UnixMilli(at).UTC()
	if t.Format(time.DateOnly) == "2026-03-01" {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// deadLetter is an event that cannot be used.
func (x *printer) deadLetter(o *Origin, bad *Invalid) {
	x.print(o.Time, "dead letter %s/%d/%d, %s: %s", o.Topic, o.Partition, o.Offset, bad.Reason, bad.Message)
}

// outcome is how far an event came; those one behind the other of which nothing comes share a line.
func (x *printer) outcome(o *Origin, outcome Outcome, alerts bool) {
	text := fmt.Sprintf("event %s/%d/", o.Topic, o.Partition)
	r := &x.run
	if n := len(x.lines); !alerts && n > 0 && r.line == n && r.text == text+outcome.String() && r.first+r.length == o.Offset {
		r.length++
		start, _, _ := strings.Cut(x.lines[n-1], text)
		x.lines[n-1] = fmt.Sprintf("%s%s%d to %d %s", start, text, r.first, o.Offset, outcome)
		if until := moment(o.Time); !strings.HasPrefix(start, until) {
			x.lines[n-1] += ", until " + until
		}
		return
	}
	x.print(o.Time, "%s%d %s", text, o.Offset, outcome)
	*r = run{len(x.lines), text + outcome.String(), o.Offset, 1}
	if alerts {
		r.line = 0
	}
}

func (x *printer) alert(at int64, a *Alert) {
	state := string(a.State)
	if a.ResolvedBy != nil {
		state += ", " + string(*a.ResolvedBy)
	}
	rule := a.Rule
	if kind, ok := strings.CutPrefix(rule, `{"`); ok {
		rule, _, _ = strings.Cut(kind, `"`)
	}
	x.print(at, "alert %s %s: %s%s, %s %s by %s, since %s", short(a.AlertID), state, a.Action, about(a), a.Field, Amount(*a.Value), rule,
		moment(orZero(a.Since)))
}

// about is the source of an alert and its version.
func about(a *Alert) string {
	text := ""
	for _, part := range []struct {
		name  string
		value *string
	}{{"stream", a.Stream}, {"model", a.Model}, {"version", a.ModelVersion}} {
		if part.value != nil {
			text += fmt.Sprintf(", %s %s", part.name, *part.value)
		}
	}
	return text
}

// output is what the controller writes.
func (x *printer) output(o Output) {
	now := x.controller.now
	switch o := o.(type) {
	case *PolicyEntry:
		x.print(now, "policy revision %d is active", o.Revision)
	case *Decision:
		x.print(now, "decision %d of %s: %s, %s%s", o.DecisionNumber, o.Model, o.Action, o.Reason, x.blocked(o))
		x.explanation(o.Explanation)
	case *Command:
		x.print(now, "command %s (%s): %s%s, alerts %d, to be taken up by %s", x.names[o.CommandID], short(o.CommandID), o.Action, from(o.BaseVersion),
			len(o.Evidence), moment(o.StartBy))
		for _, trial := range o.Trials {
			if x.trials {
				x.lines = append(x.lines, fmt.Sprintf("    trial %d: %s", trial.Number, pairs(trial.Values)))
			}
		}
	case *Result:
		x.print(now, "result of %s: %s%s", x.names[o.CommandID], o.State, resultRest(o))
	case *Model:
		x.print(now, "model %s: %s%s", o.Name, o.Phase, x.modelRest(o))
	}
}

func (x *printer) blocked(d *Decision) string {
	text := ""
	if d.Until != nil {
		text += ", until " + moment(*d.Until)
	}
	if d.BlockedBy != nil {
		text += ", blocked by " + x.names[*d.BlockedBy]
	}
	return text
}

// explanation is the sentence of a decision, in lines of at most 120 characters.
func (x *printer) explanation(text string) {
	line := "   "
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 120 {
			x.lines = append(x.lines, line)
			line = "   "
		}
		line += " " + word
	}
	x.lines = append(x.lines, line)
}

func from(version *string) string {
	if version == nil {
		return ""
	}
	return " from " + *version
}

func resultRest(r *Result) string {
	text := ""
	if r.NewVersion != nil {
		text += fmt.Sprintf(", %s%s", *r.NewVersion, from(r.BaseVersion))
	}
	if r.Late {
		text += ", late"
	}
	if r.ErrorCode != nil {
		text += ", " + *r.ErrorCode
	}
	if len(r.BestParams) > 0 {
		text += ", best with " + pairs(r.BestParams)
	}
	if r.Worker != nil {
		text += ", by " + *r.Worker
	}
	return text
}

func (x *printer) modelRest(m *Model) string {
	text := ""
	if m.CommandID != nil {
		text += " " + x.names[*m.CommandID]
	}
	if m.Worker != nil {
		text += " by " + *m.Worker
	}
	if m.Until != nil {
		text += " until " + moment(*m.Until)
	}
	if n := len(m.Alerts); n > 0 {
		text += fmt.Sprintf(", alerts %d", n)
	}
	if m.Latest != nil {
		text += ", latest " + *m.Latest
		newest := m.Versions[len(m.Versions)-1]
		for _, name := range slices.Sorted(maps.Keys(newest.Metrics)) {
			text += fmt.Sprintf(", %s %s", name, Amount(newest.Metrics[name]))
		}
		if len(newest.BestParams) > 0 {
			text += ", best with " + pairs(newest.BestParams)
		}
	}
	return text
}

func pairs(values map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, name+" "+values[name])
	}
	return strings.Join(list, ", ")
}

// counted are the entries that changed nothing, by why.
func (x *printer) counted(before, after Counts) {
	was, is := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range is.NumField() {
		if is.Field(i).Int() > was.Field(i).Int() {
			why := capital.ReplaceAllString(is.Type().Field(i).Name, " $0")
			x.print(x.controller.now, "counted:%s; nothing else changes", strings.ToLower(why))
		}
	}
}

var capital = regexp.MustCompile("[A-Z]")
