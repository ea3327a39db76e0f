package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// answerTimeout is how long trigger waits for the decision; tests wait as long as they have patience.
var answerTimeout = 10 * time.Second

func triggerCommand(c *configuration) *cobra.Command {
	var action, comment, who string
	var create bool
	cmd := command(c, "trigger MODEL", "Ask for a retrain of a model now, and say what was decided", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		r := &retrain.Request{RequestID: uuid.NewString(), Verb: retrain.Trigger, Model: args[0], Create: create, Author: who, Comment: comment, At: time.Now().UnixMilli()}
		switch a := retrain.RetrainAction(action); a {
		case retrain.SoftRetrain, retrain.FullRetrain:
			r.Action = &a
		case "":
			return usage("--action is missing: soft (train on from the present version) or full (train from scratch)")
		default:
			return oneOf("action", action, string(retrain.SoftRetrain), string(retrain.FullRetrain))
		}
		if r.Model == "" {
			return usage("the name of the model is empty; `%s` shows those that there are", c.given.command("status"))
		}
		if name, version := retrain.SplitModel(r.Model); create && version != "" {
			return usage("%s ends like a version, and no name of a model does: give the name alone, %s", phrases.Visible(r.Model), phrases.Visible(name))
		}
		if bad := r.Check(); bad != nil {
			return usage("%s", bad.Message)
		}
		return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
			d, err := c.ask(ctx, client, r)
			if err != nil {
				return err
			}
			return c.printAnswer(cmd.OutOrStdout(), d)
		})
	})
	f := cmd.Flags()
	f.StringVar(&action, "action", "", "`ACTION` to ask for: soft (train on from the present version) or full (train from scratch); it must be given")
	f.StringVar(&comment, "comment", "", "`TEXT` that says why: it stands in the decision and the command for ever")
	f.StringVar(&who, "author", author(), "`NAME` of who asks")
	c.wireFlag(f)
	f.BoolVar(&create, "create", false, "make the model if there is none of that name")
	return cmd
}

// ask writes a request and waits for the decision that answers it.
func (c *configuration) ask(ctx context.Context, client *consumer.Client, r *retrain.Request) (*shownDecision, error) {
	n := c.names()
	value, err := handlers.RequestValue(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, errLate)
	defer cancel()
	ids, err := c.schemaIDs(ctx, n.requests())
	if err != nil {
		return nil, c.untold(err)
	}
	decisions, err := client.NewReader(ctx, consumer.ReaderConfig{Topic: n.decisions(), From: consumer.From{End: true}}) // before the request is there
	if err != nil {
		return nil, c.untold(err)
	}
	defer decisions.Close()
	if err := client.NewAppender().Append(ctx, record.Output{Topic: n.requests(), Key: []byte(r.RequestID), Value: ids.Frame(n.requests(), value)}); err != nil {
		return nil, c.untold(err)
	}
	stands := fmt.Sprintf("the request %s stands in %s and is decided when `%s` runs; `%s` shows that, so do not ask again before",
		r.RequestID, n.requests(), c.given.command("serve"), c.given.command("explain model "+argument(r.Model)))
	for {
		rec, err := decisions.Next(ctx)
		switch {
		case errors.Is(err, errLate):
			return nil, fmt.Errorf("nothing was decided within %v: is `%s` running for app %s, and /readyz ready? T%s", answerTimeout, c.given.command("serve"), c.app, stands[1:])
		case ctx.Err() != nil:
			return nil, &interruption{stands}
		case err != nil:
			return nil, err
		}
		d := &shownDecision{}
		if err := d.read(handlers.DecisionCodec, rec); err != nil {
			return nil, err
		}
		if id := d.value.RequestID; id != nil && *id == r.RequestID {
			return d, nil
		}
	}
}

// errLate ends the waiting of ask.
var errLate = errors.New("too late")

// untold is the error of a request that did not come so far as to wait for its decision.
func (c *configuration) untold(err error) error {
	switch {
	case !errors.Is(err, errLate):
		return err
	case !c.wait.reached():
		return fmt.Errorf("no broker at %s answered within %v: nothing was asked; see whether --brokers is right", strings.Join(c.brokers, ", "), answerTimeout)
	}
	return fmt.Errorf("the cluster at %s did not take the request within %v; perhaps it has it: `%s` shows whether one was decided", strings.Join(c.brokers, ", "), answerTimeout, c.given.command("tail "+c.names().decisions()))
}

// printAnswer says what was decided. A refusal is an error.
func (c *configuration) printAnswer(out io.Writer, d *shownDecision) error {
	v := &d.value
	var refused error
	if v.CommandID == nil {
		refused = fmt.Errorf("the request for %s was refused (%s)", phrases.Visible(v.Model), v.Reason)
	}
	if c.json {
		return cmp.Or(writeLine(out, d.text), refused)
	}
	p := &page{out: out}
	p.line("%s: %s", v.Model, phrases.Decided(v.Action, v.Reason))
	rows := [][]string{{"why", v.Explanation}, phrases.Fact("until", v.Until, retrain.Clock), phrases.Fact("blocked by", v.BlockedBy, func(id string) string { return "command " + id }),
		phrases.Fact("command", v.CommandID, phrases.Same), {"decision", v.DecisionID}, phrases.Fact("request", v.RequestID, phrases.Same)}
	if v.CommandID != nil {
		rows = append(rows, []string{"more", c.given.command("explain command " + *v.CommandID)})
	}
	p.table("  ", rows...)
	return cmp.Or(p.err, refused)
}
