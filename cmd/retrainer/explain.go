package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

func explainCommand(c *configuration) *cobra.Command {
	explain := &cobra.Command{Use: "explain", Short: "Say why something was decided: the numbers, the limits and the events behind it", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage("explain needs model, decision or command behind it, and an id")
		}}
	for _, kind := range []struct {
		use, short string
		find       func(h *history, id string) ([]*shownDecision, []*shownCommand, error)
	}{
		{"model NAME", "Explain the last decision on a model", (*history).ofModel},
		{"decision ID", "Explain a decision, by its id or the beginning of it", (*history).ofDecision},
		{"command ID", "Explain a command, by its id or the beginning of it", (*history).ofCommand},
	} {
		explain.AddCommand(command(c, kind.use, kind.short, cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
				h, err := c.history(ctx, client)
				if err != nil {
					return err
				}
				decisions, commands, err := kind.find(h, args[0])
				if err != nil {
					return err
				}
				return c.printExplained(cmd.OutOrStdout(), decisions, commands)
			})
		}))
	}
	return explain
}

type (
	shownDecision struct{ shown[retrain.Decision] }
	shownCommand  struct{ shown[retrain.Command] }
)

// history is all that was decided and is still kept, in order.
type history struct {
	decisions []*shownDecision
	commands  []*shownCommand
}

func (c *configuration) history(ctx context.Context, client *consumer.Client) (*history, error) {
	h, n := &history{}, c.names()
	decisions, commands := schemas.MustCodec[retrain.Decision]("Decision"), schemas.MustCodec[retrain.Command]("Command")
	err := each(ctx, client, n.decisions(), func(r *record.Record) error {
		d := &shownDecision{}
		h.decisions = append(h.decisions, d)
		return d.read(decisions, r)
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, client, n.commands(), func(r *record.Record) error {
		d := &shownCommand{}
		h.commands = append(h.commands, d)
		return d.read(commands, r)
	})
	return h, err
}

// ofModel finds the last decision on a model, and its command.
func (h *history) ofModel(name string) ([]*shownDecision, []*shownCommand, error) {
	known := map[string]bool{}
	var last *shownDecision
	for _, d := range h.decisions {
		known[d.value.Model] = true
		if d.value.Model == name {
			last = d
		}
	}
	if last == nil {
		return nil, nil, fmt.Errorf("no decision on a model %s is kept%s", name, suggestion(name, slices.Sorted(maps.Keys(known))))
	}
	return []*shownDecision{last}, h.commandsOf(last), nil
}

func (h *history) commandsOf(d *shownDecision) []*shownCommand {
	for _, c := range h.commands {
		if d.value.CommandID != nil && c.value.CommandID == *d.value.CommandID {
			return []*shownCommand{c}
		}
	}
	return nil
}

func (h *history) ofDecision(id string) ([]*shownDecision, []*shownCommand, error) {
	d, err := one(h.decisions, "decision", id, func(d *shownDecision) string { return d.value.DecisionID })
	if err != nil {
		return nil, nil, err
	}
	return []*shownDecision{d}, h.commandsOf(d), nil
}

func (h *history) ofCommand(id string) ([]*shownDecision, []*shownCommand, error) {
	c, err := one(h.commands, "command", id, func(c *shownCommand) string { return c.value.CommandID })
	if err != nil {
		return nil, nil, err
	}
	for _, d := range h.decisions {
		if d.value.DecisionID == c.value.DecisionID {
			return []*shownDecision{d}, []*shownCommand{c}, nil
		}
	}
	return nil, []*shownCommand{c}, nil
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
		return found, fmt.Errorf("no %s with the id %q is kept", kind, id)
	case n > 1:
		return found, fmt.Errorf("%q is the beginning of %s: give more of it", id, count(n, kind))
	}
	return found, nil
}

func (c *configuration) printExplained(out io.Writer, decisions []*shownDecision, commands []*shownCommand) error {
	for _, d := range decisions {
		if c.json {
			if err := writeLine(out, d.text); err != nil {
				return err
			}
			continue
		}
		v := d.value
		fmt.Fprintf(out, "%s  decision %s  model %s  %s (%s)  policy revision %d\n%s\n", timeText(v.DecidedAt), v.DecisionID, v.Model, v.Action, v.Reason, v.PolicyRevision, v.Explanation)
		if err := printEvidence(out, "evidence", v.Evidence); err != nil {
			return err
		}
	}
	for _, k := range commands {
		if c.json {
			if err := writeLine(out, k.text); err != nil {
				return err
			}
			continue
		}
		v := k.value
		fmt.Fprintf(out, "%s  command %s  %s retrain of %s from %s, %s by tuner %s; it must be taken up by %s\n", timeText(v.IssuedAt), v.CommandID, v.Action, v.Model,
			orDash(v.BaseVersion), count(len(v.Trials), "trial"), v.Tuner, timeText(v.StartBy))
		if len(decisions) == 0 {
			fmt.Fprintln(out, v.Explanation)
			if err := printEvidence(out, "evidence", v.Evidence); err != nil {
				return err
			}
		}
	}
	return nil
}
