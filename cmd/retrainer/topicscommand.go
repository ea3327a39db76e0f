package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

func topicsCommand(c *configuration) *cobra.Command {
	var replication int16
	topics := group("topics", "Look at, or make, the topics that the program needs", "plan or apply behind it")
	plan := command(c, "plan", "Say what topics apply would do, and what is advised", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
			p, err := c.plan(ctx, client)
			if s := (*consumer.SetupError)(nil); errors.As(err, &s) { // perhaps for want of the rights that plan is to tell
				return errors.Join(err, (&plan{rights: c.rights(), refused: s.Message}).print(cmd.OutOrStdout(), c.json))
			}
			if err != nil {
				return err
			}
			if err := p.print(cmd.OutOrStdout(), c.json); err != nil {
				return err
			}
			if n := len(p.changes); n > 0 {
				return fmt.Errorf("%s to make: `%s` makes them", phrases.Count(n, "change"), c.given.command("topics apply"))
			}
			return nil
		})
	})
	apply := command(c, "apply", "Make the topics that are missing, and put wrong settings right", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
			return c.apply(ctx, client, cmd.OutOrStdout(), replication)
		})
	})
	apply.Flags().Int16Var(&replication, "replication", 0, "replicas of each partition of topics that are made; 0: the broker's default")
	topics.AddCommand(plan, apply)
	return topics
}

// withClient does something definite with a client, and closes it: interrupted before it is done, it has failed.
func (c *configuration) withClient(cmd *cobra.Command, do func(ctx context.Context, client *consumer.Client) error) error {
	c.display = newDisplay(cmd.ErrOrStderr())
	client, err := c.connect(cmd)
	if err != nil {
		return err
	}
	defer client.Close()
	defer c.display.end()
	cmd.SetOut(above{cmd.OutOrStdout(), c.display})
	err = do(cmd.Context(), client)
	if err != nil && cmd.Context().Err() != nil && !errors.As(err, new(*interruption)) {
		return &interruption{cmd.CommandPath() + " was not done"}
	}
	return err
}

// plan is what is to be done on a cluster, and what could be.
type plan struct {
	rights  []grant
	refused string // why nothing more is known: perhaps a right is missing
	changes []change
	advice  []string
}

func (c *configuration) plan(ctx context.Context, client *consumer.Client) (*plan, error) {
	brokers, err := client.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	there, changes, err := compare(ctx, client, c.wishes(false))
	if err != nil {
		return nil, err
	}
	return &plan{rights: c.rights(), changes: changes, advice: c.advice(there, brokers)}, nil
}

// compare gives the topics that are there, and what is to be changed for them to be as wished.
func compare(ctx context.Context, client *consumer.Client, wishes []wish) (there map[string]consumer.Topic, changes []change, err error) {
	all := make([]string, len(wishes))
	for i := range wishes {
		all[i] = wishes[i].name
	}
	if there, err = client.Topics(ctx, all...); err != nil {
		return nil, nil, err
	}
	for i := range wishes {
		changes = append(changes, wishes[i].changes(there)...)
	}
	return there, changes, nil
}

func (p *plan) print(out io.Writer, asJSON bool) error {
	changes := make([]string, len(p.changes))
	for i := range p.changes {
		changes[i] = p.changes[i].sentence
	}
	if asJSON {
		all := map[string]any{"changes": changes, "advice": append([]string{}, p.advice...), "acls": p.rights, "ledger": growth()}
		if p.refused != "" {
			all = map[string]any{"refused": p.refused, "acls": p.rights}
		}
		return writeJSON(out, all)
	}
	if p.refused != "" {
		_, err := io.WriteString(out, rightsText(p.rights))
		return err
	}
	topics := section("To make (topics apply)", changes)
	if len(changes) == 0 {
		topics = section("Topics", []string{"all are there and as they must be"})
	}
	_, err := io.WriteString(out, topics+section("Advised", p.advice)+section("Ledger", []string{growth()})+rightsText(p.rights))
	return err
}

// section is a title with lines below it; nothing without lines.
func section(title string, lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return title + "\n  " + strings.Join(lines, "\n  ") + "\n"
}

// growth estimates what the ledger takes, and says what a retention would cost.
func growth() string {
	text, number := "0123456789abcdef0123456789abcdef", 0.0
	value, err := handlers.AlertCodec.Append(nil, &retrain.Alert{State: retrain.Firing, AlertID: text, Model: &text, ModelVersion: new("v1.2"), On: retrain.OnPerformance,
		RuleID: text[:12], Rule: text, Action: retrain.SoftRetrain, Field: "mAP_change", Value: &number, Level: &number, Since: new(int64), EventID: text, Topic: text})
	if err != nil {
		return err.Error()
	}
	const around = 80 // bytes: 61 of a batch with one record (KIP-98), the rest what the record has beside its value, rounded up
	entry := len(value) + around
	return fmt.Sprintf("an alert takes about %d bytes in it, so 1,000 alerts a day are about %d MiB a year; it is kept for ever, for with a retention the decisions before can no longer be folded again and checked",
		entry, entry*365*1000>>20)
}

// apply does what is to be done, and again what follows from that: replication shows only when a topic is there.
func (c *configuration) apply(ctx context.Context, client *consumer.Client, out io.Writer, replication int16) error {
	done := []string{}
	for range 3 {
		p, err := c.plan(ctx, client)
		if err != nil {
			return err
		}
		if len(p.changes) == 0 {
			return c.printApplied(out, done)
		}
		if err := c.make(ctx, client, p.changes, replication); err != nil {
			return err
		}
		for i := range p.changes {
			done = append(done, p.changes[i].sentence)
			if c.json {
				continue
			}
			if _, err := fmt.Fprintln(out, "done: "+p.changes[i].sentence); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("the cluster took every change, but still does not show them all; `%s` says which", c.given.command("topics plan"))
}

// printApplied says that all is as it must be; with --json also what had to be done for it.
func (c *configuration) printApplied(out io.Writer, done []string) error {
	if c.json {
		return writeJSON(out, map[string]any{"done": done})
	}
	_, err := fmt.Fprintln(out, "all topics are there and as they must be")
	return err
}

// make makes what is missing at once, then changes what is there.
func (c *configuration) make(ctx context.Context, client *consumer.Client, changes []change, replication int16) error {
	var missing []consumer.Topic
	for _, ch := range changes {
		if ch.make {
			missing = append(missing, consumer.Topic{Name: ch.topic, Partitions: ch.widen, Replication: replication, Configs: ch.configs})
		}
	}
	if len(missing) > 0 {
		if err := client.CreateTopics(ctx, missing...); err != nil {
			return err
		}
	}
	for _, ch := range changes {
		var err error
		switch {
		case ch.make:
		case ch.widen > 0:
			err = client.AddPartitions(ctx, ch.topic, ch.widen)
		default:
			err = client.SetConfigs(ctx, ch.topic, ch.configs)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
