package main

import (
	"context"
	"fmt"
	"io"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
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
	p.table("  ", phrases.CommandFacts(v)...)
	if r := h.result(v.CommandID); r != nil {
		if lines := phrases.ErrorLines(r.ErrorMessage); len(lines) > 1 {
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
	if r := h.result(v.CommandID); r != nil {
		p.meaningOfEnd(r.State)
	} else if d := h.decision(&v.DecisionID); d != nil {
		p.meaning(string(d.value.Reason), string(d.value.Reason))
	}
	return p.err
}

// fate says what became of a command.
func (h *history) fate(v *retrain.Command) string {
	if m := h.models[v.Model]; m != nil && m.value.CommandID != nil && *m.value.CommandID == v.CommandID {
		return fmt.Sprintf("%s, until %s at most", phrases.OpenFate(&m.value, v), phrases.OrDate(m.value.Until))
	}
	r := h.result(v.CommandID)
	if r == nil {
		return "ended, but its result is not kept any more"
	}
	return phrases.Ended(r)
}
