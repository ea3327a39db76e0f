package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/retrain"
)

func explainOneCommand(ctx context.Context, c *configuration, client *consumer.Client, h *history, id string, out io.Writer) error {
	k, err := one(h.commands, "command", id, func(c *shownCommand) string { return c.value.CommandID })
	if err != nil {
		return err
	}
	v := &k.value
	if c.json {
		return printJSON(out, h.decision(&v.DecisionID), k)
	}
	known, err := c.policies(ctx, client)
	if err != nil {
		return err
	}
	p := &page{out: out}
	p.line("%s: %s retrain, %s", v.Model, v.Action, h.fate(v))
	p.table("  ", commandFacts(v)...)
	if r := h.result(v.CommandID); r != nil {
		if lines := errorLines(r.ErrorMessage); len(lines) > 1 {
			p.heading("its error")
			for _, line := range lines {
				p.line("  %s", line)
			}
		}
	}
	p.heading("why")
	p.line("  %s", v.Explanation)
	printReasons(p, known, v.Evidence, v.PolicyRevision)
	p.heading("what the model does now: %s", c.given.command("explain model "+argument(v.Model)))
	return p.err
}

func commandFacts(v *retrain.Command) [][]string {
	rows := [][]string{
		{"issued", fmt.Sprintf("%s, under policy revision %d", retrain.Clock(v.IssuedAt), v.PolicyRevision)},
		{"start by", fmt.Sprintf("%s, then at most %s to train", retrain.Clock(v.StartBy), retrain.Span(v.MaxRuntimeMs))},
		fact("from version", v.BaseVersion, same), fact("dataset", v.Dataset, same), fact("drift since", v.DriftSince, retrain.Clock),
		{"trials", fmt.Sprintf("%d, by tuner %s", len(v.Trials), v.Tuner)},
	}
	if v.Objective != nil {
		rows = append(rows, []string{"objective", fmt.Sprintf("%s %s", v.Objective.Goal, v.Objective.Metric)})
	}
	return append(rows, []string{"decision", v.DecisionID}, []string{"id", v.CommandID})
}

// fate says what became of a command.
func (h *history) fate(v *retrain.Command) string {
	if m := h.models[v.Model]; m != nil && m.value.CommandID != nil && *m.value.CommandID == v.CommandID {
		return fmt.Sprintf("%s, until %s at most", openFate(&m.value, v), orDate(m.value.Until))
	}
	r := h.result(v.CommandID)
	if r == nil {
		return "ended, but its result is not kept any more"
	}
	return ended(r)
}

// ended says how a command ended.
func ended(r *retrain.Result) string {
	text := fmt.Sprintf("%s at %s", r.State, retrain.Clock(r.FinishedAt))
	switch r.State {
	case retrain.ResultSucceeded:
		text += " and trained version " + orDash(r.NewVersion)
		if r.Late {
			text += " (after its time)"
		}
		if len(r.Metrics) > 0 {
			text += ": " + figures(r.Metrics)
		}
	case retrain.ResultSuperseded:
		text = fmt.Sprintf("succeeded at %s, too late: a later command had succeeded before, so its result is not used", retrain.Clock(r.FinishedAt))
	case retrain.ResultExpired:
		if r.StartedAt == nil {
			return text + ": no trainer took it up in time"
		}
		return text + ": it took longer than it may"
	case retrain.ResultFailed:
		if c := orDash(r.ErrorCode); c != "-" {
			text += ": " + c
		}
		if lines := errorLines(r.ErrorMessage); len(lines) > 0 {
			text += ": " + lines[0]
			if n := len(lines); n > 1 { // of a stack the last line says what went wrong
				text += " … " + lines[n-1]
			}
		}
	}
	return text
}

// errorLines are the lines of an error's message that are not empty.
func errorLines(message *string) (lines []string) {
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

// openFate says what an open command waits for.
func openFate(m *retrain.Model, v *retrain.Command) string {
	since := ""
	if m.Until != nil {
		since = " since " + retrain.Clock(*m.Until-v.MaxRuntimeMs)
	}
	switch {
	case !started(m, v):
		return "waits for a trainer"
	case m.Worker != nil:
		return fmt.Sprintf("is being trained by %s%s", *m.Worker, since)
	}
	return "is being trained" + since
}

// started says whether a trainer has taken up an open command: its time to end counts from then.
func started(m *retrain.Model, v *retrain.Command) bool {
	return m.Worker != nil || m.Until != nil && *m.Until != v.StartBy
}
