package board

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// evidenceRow is an alert behind a decision.
type evidenceRow struct {
	About, Value, Limit, Place, Link, Rule string
	Action                                 retrain.RetrainAction
	Time                                   int64
}

// alertShown is an alert with its signal.
type alertShown struct {
	About, Says, Place, Link string
	Plot                     *plot  // nil: there are no two values that could be drawn
	Missing                  string // why
}

type decisionPage struct {
	D            *retrain.Decision
	Says, Link   string
	Command      [][]string
	End          string
	Evidence     []evidenceRow
	MoreEvidence int
	SignalsSay   string
	Alerts       []alertShown
}

// decision is one decision with its evidence.
func (b *Board) decision(v *visit) (string, any, error) {
	offset, err := strconv.ParseInt(v.text("offset"), 10, 64)
	if err != nil || offset < 0 {
		return "", nil, &problem{http.StatusBadRequest, "Which decision?", "The address names none: offset is its place in the topic of decisions."}
	}
	if v.state.away {
		return "", nil, context.DeadlineExceeded
	}
	d, err := b.decisionAt(v.ctx, offset)
	if err != nil {
		return "", nil, err
	}
	p := &decisionPage{D: d, Says: phrases.Decided(d.Action, d.Reason), Link: modelLink(d.Model)}
	for i := range d.Evidence[:min(len(d.Evidence), rowsOnAPage)] {
		e := &d.Evidence[i]
		value, limit := phrases.Judged(e)
		p.Evidence = append(p.Evidence, evidenceRow{about(e), value, limit, standsAt(e), eventLink(e), cmp.Or(phrases.RuleName(e.Rule), e.RuleID), e.Action, e.EventTime})
	}
	p.MoreEvidence = len(d.Evidence) - len(p.Evidence)
	if d.CommandID != nil {
		if err := b.command(v.ctx, p, *d.CommandID); err != nil {
			return "", nil, err
		}
	}
	p.Alerts = b.alerts(v.ctx, d.Evidence)
	if len(d.Evidence) > len(p.Alerts) {
		p.SignalsSay = fmt.Sprintf("The signals of the first %d:", len(p.Alerts))
	}
	return fmt.Sprintf("Decision %s on %s", retrain.Thousands(d.DecisionNumber), d.Model), p, nil
}

// command fills in what is known of a decision's command.
func (b *Board) command(ctx context.Context, p *decisionPage, id string) error {
	e, err := b.entry(ctx, p.D.Model)
	if err != nil {
		return err
	}
	c, err := b.commandOf(ctx, e, id)
	if err != nil || c == nil {
		return err
	}
	p.Command, p.End = phrases.CommandFacts(c), "open"
	if i := slices.IndexFunc(e.commands, func(c command) bool { return c.id == id }); e.commands[i].end != "" {
		p.End = e.commands[i].end
	}
	return nil
}

// decisionAt reads a decision again.
func (b *Board) decisionAt(ctx context.Context, offset int64) (*retrain.Decision, error) {
	r, err := b.client.at(ctx, b.cfg.Topics.Decisions, place{0, offset})
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, &problem{http.StatusNotFound, "No such decision", "None stands at that place, or it is not kept any more: the topic's retention says how long decisions are."}
	}
	d := new(retrain.Decision)
	return d, handlers.DecisionCodec.Decode(r.Value, d)
}

// alerts reads the signals behind alerts.
func (b *Board) alerts(ctx context.Context, evidence []retrain.Evidence) (all []alertShown) {
	ctx, cancel := context.WithTimeout(ctx, drawFor)
	defer cancel()
	for i := range evidence[:min(len(evidence), plotsOnAPage)] {
		e := &evidence[i]
		value, limit := phrases.Judged(e)
		points, missing := b.signals.of(ctx, e)
		says := fmt.Sprintf("%s, limit: %s; asks for a %s retrain.", value, limit, e.Action)
		shown := alertShown{About: about(e), Says: says, Place: standsAt(e), Link: eventLink(e), Plot: newPlot(points, e), Missing: missing}
		switch {
		case missing != "":
		case len(points) == 0:
			shown.Missing = "Its events are not kept any more."
		case len(points) == 1:
			shown.Missing = "It is the only value of this signal among the events around it."
		}
		all = append(all, shown)
	}
	return all
}

// about is what an alert is about.
func about(e *retrain.Evidence) string {
	return phrases.Visible(phrases.About(e.Stream, e.Model, e.ModelVersion))
}

// standsAt is where the event behind an alert stands.
func standsAt(e *retrain.Evidence) string {
	return phrases.Visible(fmt.Sprintf("%s/%d/%d", e.Topic, e.Partition, e.Offset))
}

type eventPage struct {
	Topic             string
	Partition, Offset int64
	Time              int64
	Lines             []string // none: it cannot be read
}

// event is one record of the event topics. No other topic is shown.
func (b *Board) event(v *visit) (string, any, error) {
	p := &eventPage{Topic: v.text("topic")}
	var err, err2 error
	p.Partition, err = strconv.ParseInt(v.text("partition"), 10, 32)
	p.Offset, err2 = strconv.ParseInt(v.text("offset"), 10, 64)
	if !slices.Contains(b.cfg.Topics.Events, p.Topic) || err != nil || err2 != nil || p.Partition < 0 || p.Offset < 0 {
		return "", nil, &problem{http.StatusNotFound, "No such event", "The address names none: topic is one of those that the service reads events from, partition and offset are numbers."}
	}
	if v.state.away {
		return "", nil, context.DeadlineExceeded
	}
	r, err := b.client.at(v.ctx, p.Topic, place{int32(p.Partition), p.Offset})
	if err != nil {
		return "", nil, err
	}
	if r == nil {
		return "", nil, &problem{http.StatusNotFound, "No such event", "None stands at that place, or it is not kept any more: the topic's retention says how long events are."}
	}
	schema, avro, err := b.cfg.Written(v.ctx, r)
	if err != nil {
		return "", nil, err
	}
	if schema != nil {
		var lines bytes.Buffer
		if text, err := schema.AppendJSON(nil, avro); err == nil && json.Indent(&lines, text, "", "  ") == nil {
			p.Lines = strings.Split(lines.String(), "\n")
		}
	}
	p.Time = r.Time
	return fmt.Sprintf("Event %s/%d/%d", p.Topic, p.Partition, p.Offset), p, nil
}
