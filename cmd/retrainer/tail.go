package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
)

func tailCommand(c *configuration) *cobra.Command {
	from := &moment{text: "end", first: "start", last: "end", from: consumer.From{End: true}, offsets: true}
	t := tail{configuration: c}
	cmd := command(c, "tail TOPIC", "Print the records of a topic as JSON lines", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		if err := oneOf("until", t.until, "end", "never"); err != nil {
			return err
		}
		if t.count < 0 {
			return usage("--count %d: a number above 0 is needed", t.count)
		}
		t.read = consumer.ReaderConfig{Topic: args[0], From: from.from, ToEnd: t.until == "end", Uncommitted: t.uncommitted}
		out := cmd.OutOrStdout()
		return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
			if t.read.ToEnd && !newBar(out).terminal { // where records go by, they show how far it is
				c.display.begin("reading "+args[0], 0)
			}
			return t.run(ctx, client, out)
		})
	})
	f := cmd.Flags()
	f.Var(from, "from", "where to begin: start, end, an offset, or a time (RFC 3339)")
	f.StringVar(&t.until, "until", "never", "`WHERE` to stop: end (as it is now) or never")
	f.IntVar(&t.count, "count", 0, "stop after so many records; 0: no limit")
	f.DurationVar(&t.timeout, "timeout", 0, "give up after so long, with exit 1; 0: never")
	f.BoolVar(&t.uncommitted, "uncommitted", false, "print what aborted and open transactions wrote as well, for debugging")
	return cmd
}

type tail struct {
	*configuration
	until       string
	count       int
	timeout     time.Duration
	uncommitted bool
	read        consumer.ReaderConfig
}

func (t *tail) run(ctx context.Context, client *consumer.Client, out io.Writer) error {
	if t.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, t.timeout, errLate)
		defer cancel()
	}
	n, err := t.print(ctx, client, out)
	switch {
	case errors.Is(context.Cause(ctx), errLate) && err != nil && !t.wait.reached():
		return fmt.Errorf("no broker at %s answered within %v: nothing was read; see whether --brokers is right", strings.Join(t.brokers, ", "), t.timeout)
	case errors.Is(err, errLate):
		return fmt.Errorf("nothing more came within %v; %s came before", t.timeout, phrases.Count(n, "record"))
	case err != nil && ctx.Err() != nil:
		return nil // interrupted: whoever watches has seen enough
	}
	return err
}

// print writes records until it is enough, and says how many they were.
func (t *tail) print(ctx context.Context, client *consumer.Client, out io.Writer) (n int, err error) {
	r, err := client.NewReader(ctx, t.read)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	w := bufio.NewWriter(out)
	var line []byte
	for ; t.count == 0 || n < t.count; n++ {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, err
		}
		name, value, err := t.rendered(ctx, rec)
		if err != nil {
			return n, err
		}
		line = appendRecord(line[:0], rec, name, value, rec.Topic == t.names().dlq())
		if _, err := w.Write(line); err != nil {
			return n, err
		}
		if err := w.Flush(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// rendered is a value as JSON and the name of the schema that it was written by; "": it is none that is known, or not of it.
func (t *tail) rendered(ctx context.Context, r *record.Record) (name string, text []byte, err error) {
	s, body, err := t.writtenBy(ctx, r)
	if s == nil || err != nil {
		return "", nil, err
	}
	if text, err = s.AppendJSON(nil, body); err != nil {
		return "", nil, nil
	}
	return s.Name(), text, nil
}
