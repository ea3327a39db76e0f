package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

func statusCommand(c *configuration) *cobra.Command {
	return command(c, "status [MODEL]", "Show the models: what each is doing, why, and until when; what fires; and what leads to nothing", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
		return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
			c.display.begin("reading", 0)
			models, err := c.models(ctx, client)
			switch {
			case err != nil:
				return err
			case c.json && len(args) == 0:
				return printLines(cmd.OutOrStdout(), models)
			case !c.json:
				if err := c.findTrainings(ctx, client, models); err != nil {
					return err
				}
				if err := c.findEnds(ctx, client, models); err != nil {
					return err
				}
			}
			if len(args) > 0 {
				return c.printModel(ctx, client, cmd.OutOrStdout(), models, args[0])
			}
			w, err := c.watched(ctx, client, func(v *retrain.SourceView) bool { return len(v.Models) == 0 || fires(v) })
			if err != nil {
				return err
			}
			dead, err := c.deadLetters(ctx, client)
			if err != nil {
				return err
			}
			return printStatus(cmd.OutOrStdout(), models, w, dead)
		})
	})
}

type shownModel struct {
	shown[retrain.Model]
	training *training           // its open command; nil: none is known
	ended    retrain.ResultState // how its last training ended; "": none has, or it is not known
}

// phase is the model's phase, for people, with what they should know beside it.
func (m *shownModel) phase() string {
	text := string(m.value.Phase)
	switch {
	case m.training != nil && !m.training.taken:
		text += " (waits for a trainer)"
	case m.training == nil && (m.ended == retrain.ResultFailed || m.ended == retrain.ResultExpired):
		text += fmt.Sprintf(" (last training %s)", m.ended)
	}
	return text
}

// models are the last words on all models.
func (c *configuration) models(ctx context.Context, client *consumer.Client) (map[string]*shownModel, error) {
	models := map[string]*shownModel{}
	err := each(ctx, client, c.names().models(), func(r *record.Record) error {
		if r.Value == nil {
			delete(models, string(r.Key))
			return nil
		}
		m := &shownModel{}
		err := m.read(handlers.ModelCodec, r)
		models[m.value.Name] = m
		return err
	})
	return models, err
}

func printLines(out io.Writer, models map[string]*shownModel) error {
	for _, name := range slices.Sorted(maps.Keys(models)) {
		if err := writeLine(out, models[name].text); err != nil {
			return err
		}
	}
	return nil
}

// mostRows is how many rows of a list are shown.
const mostRows = 40

// printStatus shows everything; dead is what there is to say of dead letters.
func printStatus(out io.Writer, models map[string]*shownModel, w *watched, dead string) error {
	p := &page{out: out}
	if len(models) == 0 {
		p.line("no models yet: a model exists from the first alert that concerns it")
	} else {
		rows := [][]string{{"MODEL", "LATEST", "PHASE", "UNTIL", "ALERTS", "LAST DECISION"}}
		for _, name := range slices.Sorted(maps.Keys(models)) {
			m := &models[name].value
			rows = append(rows, []string{m.Name, phrases.OrDash(m.Latest), models[name].phase(), phrases.OrDate(m.Until), retrain.Thousands(len(m.Alerts)), phrases.Decided(m.Action, m.Reason)})
		}
		p.table("", rows...)
	}
	printTrainings(p, models, time.Now().UnixMilli())
	printFiring(p, models, w)
	printUnbound(p, w)
	if dead != "" {
		p.heading("%s", dead)
	}
	p.heading("%s", w.asOf())
	if len(models) > 0 {
		p.line("more: %s", w.given.command("explain model NAME"))
	}
	return p.err
}

// firing is an alert that fires, and the models for which it counts.
type firing struct {
	retrain.Evidence
	counts []string
	bound  bool
}

func fires(v *retrain.SourceView) bool {
	return slices.ContainsFunc(v.Versions, func(x retrain.VersionView) bool {
		return slices.ContainsFunc(x.Series, func(s retrain.SeriesView) bool { return s.Firing != nil })
	})
}

// allFiring are the alerts that count for models, and those of sources that count for none.
func allFiring(models map[string]*shownModel, w *watched) []*firing {
	known := map[string]*firing{}
	for _, name := range slices.Sorted(maps.Keys(models)) {
		for _, e := range models[name].value.Alerts {
			f := known[e.AlertID]
			if f == nil {
				f = &firing{Evidence: e, bound: true}
				known[e.AlertID] = f
			}
			f.counts = append(f.counts, name)
		}
	}
	for _, s := range w.sources {
		for _, v := range s.Versions {
			for _, x := range v.Series {
				if a := x.Firing; a != nil && known[a.AlertID] == nil {
					known[a.AlertID] = &firing{Evidence: a.Evidence(), bound: len(s.Models) > 0}
				}
			}
		}
	}
	return slices.SortedFunc(maps.Values(known), func(a, b *firing) int {
		return cmp.Or(cmp.Compare(len(b.counts), len(a.counts)), cmp.Compare(b.EventTime, a.EventTime), cmp.Compare(a.AlertID, b.AlertID))
	})
}

func printFiring(p *page, models map[string]*shownModel, w *watched) {
	all := allFiring(models, w)
	if len(all) == 0 {
		return
	}
	idle, rows := false, [][]string{}
	for _, f := range all {
		value, limit := phrases.Judged(&f.Evidence)
		counts := strings.Join(f.counts, ", ")
		switch {
		case !f.bound:
			counts = "nothing: bound to no model"
		case counts == "":
			counts, idle = "nothing now", true
		}
		rows = append(rows, []string{phrases.About(f.Stream, f.Model, f.ModelVersion), value, limit, string(f.Action), phrases.OrDate(f.Since), counts})
	}
	p.heading("firing alerts")
	p.list([]string{"ABOUT", "VALUE", "LIMIT", "ASKS FOR", "SINCE", "COUNTS FOR"}, rows, mostRows, "")
	if idle {
		p.line("  nothing now: a later training answered it, it was too old when it came, or a version just trained waits to be deployed")
	}
}

// bindLines is for how many streams the line that binds them is printed.
const bindLines = 5

func printUnbound(p *page, w *watched) {
	heard, places := map[string]int64{}, map[string]string{}
	for _, s := range w.sources {
		if len(s.Models) > 0 || s.Stream == nil {
			continue
		}
		if at, ok := heard[*s.Stream]; !ok || s.Heard >= at {
			heard[*s.Stream], places[*s.Stream] = s.Heard, fmt.Sprintf("%s/%d", s.topic, s.partition)
		}
	}
	if len(heard) == 0 {
		return
	}
	rows, lines := [][]string{}, []string{}
	for _, stream := range slices.Sorted(maps.Keys(heard)) {
		rows = append(rows, []string{stream, retrain.Clock(heard[stream]), places[stream]})
		if len(lines) < bindLines {
			name, _ := json.Marshal(stream) // a text; JSON's quotes are YAML's too
			lines = append(lines, fmt.Sprintf("  - {stream: %s, models: [MODEL]}", name))
		}
	}
	p.heading("streams bound to nothing: whatever they show, no model is trained for it")
	p.list([]string{"STREAM", "LAST HEARD", "IN"}, rows, mostRows, "")
	p.line("to bind them to models, put such lines into the policy file, give it revision %d, and start `%s`:", w.known.active.Number+1, w.given.command("serve --policy FILE"))
	p.line("  bind:")
	for _, l := range lines {
		p.line("%s", l)
	}
	if more := len(heard) - len(lines); more > 0 {
		p.line("  (and %s more; a * in stream stands for any characters)", retrain.Thousands(more))
	}
}

// printModel shows one model whole, and of one that is none yet what explain says.
func (c *configuration) printModel(ctx context.Context, client *consumer.Client, out io.Writer, models map[string]*shownModel, name string) error {
	m, ok := models[name]
	switch {
	case !ok && !c.json:
		h, err := c.history(ctx, client)
		if err != nil {
			return err
		}
		return explainModel(ctx, c, client, h, name, out)
	case !ok:
		return fmt.Errorf("no model %s: no alert has concerned one of that name yet%s", phrases.Visible(name), suggestions(name, slices.Sorted(maps.Keys(models))))
	}
	if c.json {
		return writeLine(out, m.text)
	}
	v, p := &m.value, &page{out: out}
	p.table("", []string{"model", v.Name}, []string{"latest version", phrases.OrDash(v.Latest)}, []string{"phase", m.phase()}, []string{"until", phrases.OrDate(v.Until)},
		[]string{"last decision", phrases.Decided(v.Action, v.Reason)}, []string{"decision", phrases.OrDash(v.DecisionID)}, []string{"command", phrases.OrDash(v.CommandID)},
		[]string{"worker", phrases.OrDash(v.Worker)}, soFar(m.training), []string{"updated", retrain.Clock(v.UpdatedAt)})
	if len(v.Alerts) > 0 {
		p.heading("alerts that count")
		printEvidence(p, v.Alerts)
	}
	if len(v.Versions) > 0 {
		p.heading("versions, the newest first")
		rows := [][]string{}
		for _, x := range slices.Backward(v.Versions) {
			rows = append(rows, []string{x.Version, phrases.OrDash(x.Parent), retrain.Clock(x.RegisteredAt), phrases.OrDash(x.CommandID), phrases.Figures(x.Metrics)})
		}
		p.list([]string{"VERSION", "FROM", "REGISTERED", "BY COMMAND", "METRICS"}, rows, mostRows, "; --json prints all")
	}
	p.heading("why: %s", c.given.command("explain model "+argument(v.Name)))
	return p.err
}

// soFar is a row on how far a training is; without cells where nothing is known.
func soFar(t *training) []string {
	if t == nil {
		return nil
	}
	return phrases.Fact("so far", t.last, func(retrain.Progress) string { return t.said(time.Now().UnixMilli()) })
}
