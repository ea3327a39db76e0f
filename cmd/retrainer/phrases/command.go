package phrases

import (
	"fmt"
	"strings"

	"github.com/visutility/retrainer/retrain"
)

// Ended says how a command ended.
func Ended(r *retrain.Result) string {
	text := fmt.Sprintf("%s at %s", r.State, retrain.Clock(r.FinishedAt))
	switch r.State {
	case retrain.ResultSucceeded:
		text += " and trained version " + OrDash(r.NewVersion)
		if r.Late {
			text += " (after its time)"
		}
		if len(r.Metrics) > 0 {
			text += ": " + Figures(r.Metrics)
		}
	case retrain.ResultSuperseded:
		text = fmt.Sprintf("succeeded at %s, too late: a later command had succeeded before, so its result is not used", retrain.Clock(r.FinishedAt))
	case retrain.ResultExpired:
		if r.StartedAt == nil {
			return text + ": no trainer took it up in time"
		}
		return text + ": it took longer than it may"
	case retrain.ResultFailed:
		if c := OrDash(r.ErrorCode); c != "-" {
			text += ": " + c
		}
		if lines := ErrorLines(r.ErrorMessage); len(lines) > 0 {
			text += ": " + lines[0]
			if n := len(lines); n > 1 { // of a stack the last line says what went wrong
				text += " … " + lines[n-1]
			}
		}
	}
	return text
}

// ErrorLines are the lines of an error's message that are not empty.
func ErrorLines(message *string) (lines []string) {
	if message == nil {
		return nil
	}
	for line := range strings.Lines(*message) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// OpenFate says what an open command waits for.
func OpenFate(m *retrain.Model, v *retrain.Command) string {
	since := ""
	if m.Until != nil {
		since = " since " + retrain.Clock(*m.Until-v.MaxRuntimeMs)
	}
	switch {
	case !Started(m, v):
		return "waits for a trainer"
	case m.Worker != nil:
		return fmt.Sprintf("is being trained by %s%s", *m.Worker, since)
	}
	return "is being trained" + since
}

// Started says whether a trainer has taken up an open command: its time to end counts from then.
func Started(m *retrain.Model, v *retrain.Command) bool {
	return m.Worker != nil || m.Until != nil && *m.Until != v.StartBy
}

// CommandFacts are what a command says, by name.
func CommandFacts(v *retrain.Command) [][]string {
	rows := [][]string{
		{"issued", fmt.Sprintf("%s, under policy revision %d", retrain.Clock(v.IssuedAt), v.PolicyRevision)},
		{"start by", fmt.Sprintf("%s, then at most %s to train", retrain.Clock(v.StartBy), retrain.Span(v.MaxRuntimeMs))},
		Fact("from version", v.BaseVersion, Same), Fact("dataset", v.Dataset, Same), Fact("drift since", v.DriftSince, retrain.Clock),
		{"trials", fmt.Sprintf("%d, by tuner %s", len(v.Trials), v.Tuner)},
	}
	if v.Objective != nil {
		rows = append(rows, []string{"objective", fmt.Sprintf("%s %s", v.Objective.Goal, v.Objective.Metric)})
	}
	return append(rows, []string{"decision", v.DecisionID}, []string{"id", v.CommandID})
}
