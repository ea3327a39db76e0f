package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

func explainCommand(c *configuration) *cobra.Command {
	explain := group("explain", "Say why something was decided: the numbers, the limits and the events behind it", "model, decision, command or word behind it, and which one")
	for _, kind := range []struct {
		use, short string
		print      func(ctx context.Context, c *configuration, client *consumer.Client, h *history, id string, out io.Writer) error
	}{
		{"model NAME", "Explain a model: what it does now, why, until when, what happens next, and what its sources show", explainModel},
		{"decision ID", "Explain a decision, by its id or the beginning of it", explainDecision},
		{"command ID", "Explain a command, by its id or the beginning of it", explainOneCommand},
	} {
		explain.AddCommand(command(c, kind.use, kind.short, cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
				c.display.begin("reading", 0)
				h, err := c.history(ctx, client)
				if err != nil {
					return err
				}
				return kind.print(ctx, c, client, h, args[0], cmd.OutOrStdout())
			})
		}))
	}
	explain.AddCommand(explainWordCommand(c))
	return explain
}

type (
	shownDecision struct{ shown[retrain.Decision] }
	shownCommand  struct{ shown[retrain.Command] }
	shownResult   struct{ shown[retrain.Result] }
)

// history is all that was decided and is still kept, in order.
type history struct {
	topics    names
	given     hints
	decisions []*shownDecision
	commands  []*shownCommand
	results   []*shownResult
	models    map[string]*shownModel
}

// history reads it as of one commit of the ledger's task: again, if another came in between. On a ledger that never rests the
// last reading stands.
func (c *configuration) history(ctx context.Context, client *consumer.Client) (h *history, err error) {
	n := c.names()
	for range mostReadings {
		before, _, err := client.ReadPosition(ctx, n.checkpoint(n.ledger()), 0)
		if err != nil {
			return nil, err
		}
		if h, err = c.readHistory(ctx, client); err != nil {
			return nil, err
		}
		after, _, err := client.ReadPosition(ctx, n.checkpoint(n.ledger()), 0)
		if err != nil || after == before {
			return h, err
		}
	}
	return h, nil
}

const mostReadings = 3

func (c *configuration) readHistory(ctx context.Context, client *consumer.Client) (h *history, err error) {
	n := c.names()
	h = &history{topics: n, given: c.given}
	if err := each(ctx, client, n.decisions(), func(r *record.Record) error {
		d := &shownDecision{}
		h.decisions = append(h.decisions, d)
		return d.read(handlers.DecisionCodec, r)
	}); err != nil {
		return nil, err
	}
	if err := each(ctx, client, n.commands(), func(r *record.Record) error {
		d := &shownCommand{}
		h.commands = append(h.commands, d)
		return d.read(handlers.CommandCodec, r)
	}); err != nil {
		return nil, err
	}
	if err := each(ctx, client, n.results(), func(r *record.Record) error {
		d := &shownResult{}
		h.results = append(h.results, d)
		return d.read(handlers.ResultCodec, r)
	}); err != nil {
		return nil, err
	}
	h.models, err = c.models(ctx, client)
	return h, err
}

// of are the decisions on a model, in order.
func (h *history) of(model string) (all []*shownDecision) {
	for _, d := range h.decisions {
		if d.value.Model == model {
			all = append(all, d)
		}
	}
	return all
}

// command is nil where none of the id is kept.
func (h *history) command(id *string) *shownCommand {
	for _, c := range h.commands {
		if id != nil && c.value.CommandID == *id {
			return c
		}
	}
	return nil
}

// result is the last end of a command; nil: none is kept.
func (h *history) result(commandID string) *retrain.Result {
	for _, r := range slices.Backward(h.results) {
		if r.value.CommandID == commandID {
			return &r.value
		}
	}
	return nil
}

// decision is nil where none of the id is kept.
func (h *history) decision(id *string) *shownDecision {
	for _, d := range h.decisions {
		if id != nil && d.value.DecisionID == *id {
			return d
		}
	}
	return nil
}

// names are those of the models that anything is known of.
func (h *history) names() []string {
	known := map[string]bool{}
	for _, d := range h.decisions {
		known[d.value.Model] = true
	}
	for name := range h.models {
		known[name] = true
	}
	return slices.Sorted(maps.Keys(known))
}

// one finds what an id, or the beginning of one, means.
func one[T any](all []T, kind, id string, idOf func(T) string) (found T, err error) {
	n := 0
	for _, x := range all {
		if strings.HasPrefix(idOf(x), strings.ToLower(id)) {
			found = x
			n++
		}
	}
	switch {
	case id == "" || n == 0:
		return found, fmt.Errorf("no %s with the id %q is kept; `retrainer explain model NAME` shows those of a model", kind, id)
	case n > 1:
		return found, fmt.Errorf("%q is the beginning of %s: give more of it", id, phrases.Count(n, kind))
	}
	return found, nil
}

// printJSON writes what is there, a line each.
func printJSON(out io.Writer, d *shownDecision, k *shownCommand) error {
	if d != nil {
		if err := writeLine(out, d.text); err != nil {
			return err
		}
	}
	if k != nil {
		return writeLine(out, k.text)
	}
	return nil
}

// lastEnd is how the newest of a model's commands that have ended did so; nil: none is kept. One that came too late is none.
func (h *history) lastEnd(model string) *retrain.Result {
	for _, r := range slices.Backward(h.results) {
		if r.value.Model == model && r.value.State != retrain.ResultSuperseded {
			return &r.value
		}
	}
	return nil
}
