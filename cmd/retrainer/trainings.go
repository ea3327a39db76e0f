package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// training is an open command, and what its trainer said last.
type training struct {
	model   *retrain.Model
	command retrain.Command
	taken   bool              // a trainer has taken it up
	began   int64             // when, by the trainer's clock; 0: it did not say
	last    *retrain.Progress // the newest before the end; nil: none
}

// findTrainings finds the open commands of models, and how far each is.
func (c *configuration) findTrainings(ctx context.Context, client *consumer.Client, models map[string]*shownModel) error {
	open, first := map[string]*training{}, int64(0)
	for _, m := range models {
		if m.value.CommandID != nil && m.value.Phase == retrain.PhaseTraining {
			open[*m.value.CommandID] = &training{model: &m.value}
		}
	}
	if len(open) == 0 {
		return nil
	}
	err := each(ctx, client, c.names().commands(), func(r *record.Record) error {
		var command retrain.Command
		err := readValue(handlers.CommandCodec, r, &command)
		if t := open[command.CommandID]; err == nil && t != nil {
			t.command, t.taken = command, phrases.Started(t.model, &command)
			if models[t.model.Name].training = t; first == 0 || t.command.IssuedAt < first {
				first = t.command.IssuedAt
			}
		}
		return err
	})
	if err != nil || first == 0 {
		return err
	}
	return c.eachProgress(ctx, client, first, func(p *retrain.Progress) {
		if t := open[p.CommandID]; t != nil {
			t.hear(p)
		}
	})
}

// findEnds finds how the last training of each model ended.
func (c *configuration) findEnds(ctx context.Context, client *consumer.Client, models map[string]*shownModel) error {
	return each(ctx, client, c.names().results(), func(r *record.Record) error {
		var end retrain.Result
		err := readValue(handlers.ResultCodec, r, &end)
		if m := models[end.Model]; err == nil && m != nil && end.State != retrain.ResultSuperseded {
			m.ended = end.State
		}
		return err
	})
}

// hear takes a trainer's progress.
func (t *training) hear(p *retrain.Progress) {
	switch p.Kind {
	case retrain.Started:
		t.began, t.last = p.At, nil // of a second worker the first one's steps say nothing
	case retrain.InProgress:
		t.last = p
	}
}

// steps says how many steps are done; "": the trainer did not say.
func (t *training) steps() string {
	switch p := t.last; {
	case p == nil || p.Step == nil:
		return ""
	case p.Total == nil:
		return "step " + retrain.Thousands(*p.Step)
	default:
		return fmt.Sprintf("step %s of %s", retrain.Thousands(*p.Step), retrain.Thousands(*p.Total))
	}
}

// score is the metric that the command is about, else all that the trainer named.
func (t *training) score() string {
	if t.last == nil {
		return ""
	}
	if o := t.command.Objective; o != nil {
		if v, ok := t.last.Metrics[o.Metric]; ok {
			return o.Metric + " " + retrain.Amount(v)
		}
	}
	if len(t.last.Metrics) == 0 {
		return ""
	}
	return phrases.Figures(t.last.Metrics)
}

// left estimates the time that the rest of the steps takes, by those that are done; "": nothing is known.
func (t *training) left(now int64) string {
	p := t.last
	if p == nil || p.Step == nil || p.Total == nil || *p.Step <= 0 || *p.Total < *p.Step || t.began == 0 || p.At < t.began {
		return ""
	}
	each := float64(p.At-t.began) / float64(*p.Step)
	ms := each*float64(*p.Total-*p.Step) - float64(max(now-p.At, 0))
	if ms < 1000 {
		return "about to end"
	}
	return "about " + retrain.Span(int64(ms)) + " left"
}

// silence is how long a trainer may say nothing without that being told: one that was killed says nothing, until max_runtime.
const silence = 2 * time.Minute

// silent says since when the trainer has said nothing, if that is long.
func (t *training) silent(now int64) string {
	heard := t.began
	if t.last != nil {
		heard = t.last.At
	}
	if d := now - heard; heard > 0 && d >= silence.Milliseconds() {
		return "nothing heard for " + retrain.Span(d)
	}
	return ""
}

// said is all that is known of how far it is, in one line.
func (t *training) said(now int64) string {
	var parts []string
	for _, part := range []string{t.steps(), t.score(), t.left(now), t.silent(now)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// printTrainings shows the commands that trainers have taken up.
func printTrainings(p *page, models map[string]*shownModel, now int64) {
	rows := [][]string{}
	for _, name := range slices.Sorted(maps.Keys(models)) {
		t := models[name].training
		if t == nil || !t.taken {
			continue
		}
		began := "-"
		if t.began > 0 {
			began = retrain.Clock(t.began)
		}
		said := t.said(now)
		rows = append(rows, []string{name, string(t.command.Action), phrases.OrDash(t.model.Worker), began, phrases.OrDash(&said)})
	}
	if len(rows) > 0 {
		p.heading("trainings")
		p.list([]string{"MODEL", "ACTION", "WORKER", "SINCE", "SO FAR"}, rows, mostRows, "")
	}
}
