package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/cmd/retrainer/verify"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
)

func verifyCommand(c *configuration) *cobra.Command {
	return command(c, "verify", "Fold the ledger again and compare with what was decided", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
			return c.verify(ctx, client, c.logTo(c.display.bar), cmd.OutOrStdout())
		})
	})
}

// verification is the ledger and what it gives, cut where nothing changes any more, also while serve is running.
//
// Everything that a commit of the ledger's task wrote stands below the ends that a topic has after its position was read; and
// whatever stands below those ends, once no transaction in it is open, belongs to a commit whose position can be read then. So:
// a position, the ends, a position again. What entries below the first give must be there; what those between the two give
// may be; nothing else.
type verification struct {
	client  *consumer.Client
	ledger  string
	begins  int64 // the ledger's first offset
	certain int64 // entries below it were folded and committed before the ends were asked
	last    int64 // entries that may have a part in what stands below the ends lie below it
	ends    map[string]map[int32]consumer.Range
	readers []*consumer.Reader
	log     zerolog.Logger

	display *display
}

func (c *configuration) verify(ctx context.Context, client *consumer.Client, log zerolog.Logger, out io.Writer) error {
	v, err := c.cut(ctx, client)
	if err != nil {
		return err
	}
	defer v.close()
	v.log, v.display = log, c.display
	n := c.names()
	topics := verify.Topics{}
	for name, t := range map[string]*verify.Topic{n.decisions(): &topics.Decisions, n.commands(): &topics.Commands, n.results(): &topics.Results, n.models(): &topics.Models, n.policy(): &topics.Policies} {
		if *t, err = v.topic(ctx, name); err != nil {
			return err
		}
	}
	check, err := verify.New(ctx, c.app, &topics, v.find)
	if err == nil {
		err = v.fold(ctx, check)
	}
	if err == nil {
		err = check.End(ctx)
	}
	var d *verify.Difference
	switch {
	case errors.As(err, &d):
		return errors.Join(c.printDifference(out, d), fmt.Errorf("the ledger and what stands in %s differ", d.Topic))
	case err != nil:
		return err
	}
	return c.printVerified(out, v, check)
}

// cut reads how far the ledger was folded, and where the topics end.
func (c *configuration) cut(ctx context.Context, client *consumer.Client) (*verification, error) {
	n := c.names()
	v := &verification{client: client, ledger: n.ledger(), ends: map[string]map[int32]consumer.Range{}}
	before, there, err := client.ReadPosition(ctx, n.checkpoint(n.ledger()), 0)
	if err != nil {
		return nil, err
	}
	stands := int64(0)
	for _, topic := range []string{n.decisions(), n.commands(), n.results(), n.models(), n.policy()} {
		if v.ends[topic], err = client.Settled(ctx, topic); err != nil {
			return nil, err
		}
		for _, r := range v.ends[topic] { // order: a sum
			stands += r.To - r.From
		}
	}
	after, thereNow, err := client.ReadPosition(ctx, n.checkpoint(n.ledger()), 0)
	if err != nil {
		return nil, err
	}
	ledger, err := client.Settled(ctx, n.ledger())
	if err != nil {
		return nil, err
	}
	v.begins, v.certain, v.last = ledger[0].From, before.Position, after.Position
	switch {
	case !there && !thereNow && stands > 0:
		return nil, fmt.Errorf("%s does not say how far %s was folded, but there are records that came of it: nothing can be compared; start `%s`, which finds its place again, and then verify",
			n.checkpoint(n.ledger()), n.ledger(), c.given.command("serve"))
	case v.begins > 0:
		return nil, fmt.Errorf("%s begins at offset %d: the entries before are gone, so what was decided cannot be folded again, and nothing was verified; its retention must be -1 (`%s`)",
			n.ledger(), v.begins, c.given.command("topics plan"))
	case ledger[0].To < v.last:
		return nil, fmt.Errorf("%s ends at offset %d, but was folded up to %d: it has lost acknowledged entries, and nothing was verified", n.ledger(), ledger[0].To, v.last)
	}
	return v, nil
}

// topic opens the partitions of a topic, each by itself: none is read further than it is compared.
func (v *verification) topic(ctx context.Context, name string) (verify.Topic, error) {
	t := verify.Topic{Name: name}
	for _, p := range slices.Sorted(maps.Keys(v.ends[name])) {
		piece := v.ends[name][p]
		r, err := v.client.NewRangeReader(ctx, name, map[int32]consumer.Range{p: piece})
		if err != nil {
			return t, err
		}
		v.readers = append(v.readers, r)
		t.Partitions = append(t.Partitions, verify.Partition{Source: r, Cut: piece.From > 0})
	}
	return t, nil
}

func (v *verification) close() {
	for _, r := range v.readers {
		r.Close()
	}
}

// find reads a topic again.
func (v *verification) find(ctx context.Context, topic string, visit func(r *record.Record) bool) error {
	return v.read(ctx, topic, v.ends[topic], func(r *record.Record) (bool, error) { return visit(r), nil })
}

// fold gives the check all entries of the ledger.
func (v *verification) fold(ctx context.Context, check *verify.Check) error {
	v.display.begin("verifying", v.last-v.begins)
	return v.read(ctx, v.ledger, map[int32]consumer.Range{0: {From: v.begins, To: v.last}}, func(r *record.Record) (bool, error) {
		v.display.to(r.Offset - v.begins)
		if !v.display.bar.terminal && check.Entries%saidEvery == 0 && check.Entries > 0 {
			v.log.Info().Int64("offset", r.Offset).Int64("of", v.last).Msg("verifying")
		}
		return true, check.Entry(ctx, r, r.Offset < v.certain)
	})
}

// saidEvery is after how many entries it is said how far the fold has come: some seconds.
const saidEvery = 250_000

func (v *verification) read(ctx context.Context, topic string, pieces map[int32]consumer.Range, do func(r *record.Record) (more bool, err error)) error {
	r, err := v.client.NewRangeReader(ctx, topic, pieces)
	if err != nil {
		return err
	}
	return drain(ctx, r, do)
}

func (c *configuration) printDifference(out io.Writer, d *verify.Difference) error {
	if c.json {
		return writeJSON(out, map[string]any{"equal": false, "difference": d})
	}
	p := &page{out: out}
	p.line("%s", d.Error())
	row := func(name, text string) []string {
		if text == "" {
			return nil
		}
		return []string{name, shortened(text)}
	}
	p.table("  ", row("expected", d.Expected), row("found", d.Found), row("first", d.First), row("key", d.Key), row("by entry", d.Entry))
	return p.err
}

// longestValue is how many bytes of a value are shown.
const longestValue = 500

func shortened(text string) string {
	if len(text) <= longestValue {
		return text
	}
	return fmt.Sprintf("%s... (%s bytes)", text[:longestValue], retrain.Thousands(len(text)))
}

func (c *configuration) printVerified(out io.Writer, v *verification, check *verify.Check) error {
	n := c.names()
	kinds := []struct{ noun, topic string }{{"decision", n.decisions()}, {"command", n.commands()}, {"result", n.results()}, {"model", n.models()}, {"policy revision", n.policy()}}
	if c.json {
		counts := map[string]any{}
		for _, k := range kinds {
			counts[k.topic] = map[string]int{"equal": check.Counts(k.topic).Equal, "gone": check.Counts(k.topic).Gone}
		}
		return writeJSON(out, map[string]any{"equal": true, "entries": check.Entries, "position": v.last, "topics": counts})
	}
	var equal, gone []string
	for _, k := range kinds {
		x := check.Counts(k.topic)
		equal = append(equal, phrases.Count(x.Equal, k.noun))
		if x.Gone > 0 {
			gone = append(gone, fmt.Sprintf("%s of %s", phrases.Count(x.Gone, k.noun), k.topic))
		}
	}
	p := &page{out: out}
	p.line("verified: folded again, the %s of %s below offset %s give what stands in the topics: %s", entries(check.Entries), v.ledger, retrain.Thousands(v.last), strings.Join(equal, ", "))
	if len(gone) > 0 {
		p.line("not verified, for retention has taken them: %s", strings.Join(gone, ", "))
	}
	return p.err
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return retrain.Thousands(n) + " entries"
}
