package main

import (
	"context"
	"fmt"
	"io"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/retrain"
)

func explainDecision(ctx context.Context, c *configuration, client *consumer.Client, h *history, id string, out io.Writer) error {
	d, err := one(h.decisions, "decision", id, func(d *shownDecision) string { return d.value.DecisionID })
	if err != nil {
		return err
	}
	if c.json {
		return printJSON(out, d, h.command(d.value.CommandID))
	}
	known, err := c.policies(ctx, client)
	if err != nil {
		return err
	}
	p, v := &page{out: out}, &d.value
	p.line("%s: %s", v.Model, phrases.Decided(v.Action, v.Reason))
	p.table("  ", []string{"decided", fmt.Sprintf("%s, as decision %s on this model, under policy revision %d", retrain.Clock(v.DecidedAt), retrain.Thousands(v.DecisionNumber), v.PolicyRevision)},
		phrases.Fact("until", v.Until, retrain.Clock), phrases.Fact("blocked by", v.BlockedBy, func(id string) string { return "command " + id }),
		phrases.Fact("request", v.RequestID, phrases.Same), phrases.Fact("command", v.CommandID, phrases.Same), phrases.Fact("version", v.ModelVersion, phrases.Same), []string{"id", v.DecisionID})
	p.heading("why")
	p.line("  %s", v.Explanation)
	printReasons(p, known, v.Evidence, v.PolicyRevision)
	if all := h.of(v.Model); all[len(all)-1] == d {
		p.heading("what to do: %s", h.todo(v.Model))
	} else {
		p.heading("a later decision stands now: %s", c.given.command("explain model "+argument(v.Model)))
	}
	p.meaning(string(v.Reason), string(v.Reason))
	return p.err
}
