package board

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// decisionRow is a decision in a model's list.
type decisionRow struct {
	Link, Says string
	At, Until  int64
	Action     retrain.RetrainAction
}

// commandRow is a command in a model's list.
type commandRow struct {
	ID, Base, End, New string
	Issued             int64
	Action             retrain.RetrainAction
}

type modelPage struct {
	Name, Why, Explanation, Now string
	Latest                      string
	Phase                       retrain.Phase
	Until                       int64
	Alerts                      []alertShown
	AlertsSay                   string
	Decisions                   []decisionRow
	DecisionsSay                string
	DecisionsPiece              piece
	Commands                    []commandRow
	CommandsSay                 string
	CommandsPiece               piece
	Versions                    []retrain.Version
	VersionsSay                 string
}

// How many of each are shown on a page.
const (
	decisionsOnAPage = 25
	commandsOnAPage  = 10
	versionsOnAPage  = 20
	plotsOnAPage     = 4
)

// model is one model: what it does, what was decided, and the signals behind it.
func (b *Board) model(v *visit) (string, any, error) {
	e, err := b.entry(v.ctx, v.text("name"))
	if err != nil {
		return "", nil, err
	}
	p := &modelPage{Name: e.name, Phase: e.phase, Until: e.until, Latest: e.latest}
	if e.known {
		p.Why = phrases.Decided(e.action, e.reason)
	}
	p.listDecisions(&v.asked, e)
	p.listCommands(&v.asked, e)
	if !v.state.away {
		if err := b.details(v.ctx, p, e); err != nil && !v.withoutCluster(err) {
			return "", nil, err
		}
	}
	return e.name, p, nil
}

// entry is a copy of what is kept of a model.
func (b *Board) entry(ctx context.Context, name string) (e *entry, err error) {
	err = b.kept.look(ctx, func() {
		found := b.kept.models[name]
		if found == nil {
			return
		}
		copied := *found
		gone := b.kept.first[b.cfg.Topics.Decisions][0] // what lies before has been taken by retention
		copied.decisions = slices.DeleteFunc(slices.Clone(found.decisions), func(d decision) bool { return d.offset < gone })
		copied.commands = slices.Clone(found.commands)
		e = &copied
	})
	if err == nil && e == nil {
		return nil, &problem{http.StatusNotFound, "No such model", fmt.Sprintf("Nothing is known of a model %q.", name)}
	}
	return e, err
}

// details reads the records behind the lists.
func (b *Board) details(ctx context.Context, p *modelPage, e *entry) error {
	m, err := b.record(ctx, e)
	if err != nil {
		return err
	}
	p.Versions = newest(m.Versions)
	if n := len(m.Versions); n > len(p.Versions) {
		p.VersionsSay = fmt.Sprintf("The newest %d of %d that are kept", len(p.Versions), n)
	}
	if n := len(e.decisions); n > 0 {
		last, err := b.decisionAt(ctx, e.decisions[n-1].offset)
		if err != nil {
			return err
		}
		p.Explanation = last.Explanation
	}
	if m.CommandID != nil {
		c, err := b.commandOf(ctx, e, *m.CommandID)
		if err != nil {
			return err
		}
		if c != nil {
			p.Now = fmt.Sprintf("%s retrain %s", c.Action, phrases.OpenFate(m, c))
		}
	}
	evidence := m.Alerts
	if p.AlertsSay = counts(len(evidence)) + " for it now"; len(evidence) == 0 {
		if evidence, err = b.lastEvidence(ctx, e); err != nil {
			return err
		}
		p.AlertsSay = "None counts now; these are behind the last decision that had any"
	}
	p.AlertsSay += saysFirst(len(evidence)) + "."
	p.Alerts = b.alerts(ctx, evidence)
	return nil
}

// saysFirst says that not all signals of n alerts are shown; "": they are.
func saysFirst(n int) string {
	if n <= plotsOnAPage {
		return ""
	}
	return fmt.Sprintf("; the first %d are shown, the decision has the rest", plotsOnAPage)
}

func counts(n int) string {
	if n == 1 {
		return "1 alert counts"
	}
	return retrain.Thousands(n) + " alerts count"
}

// record reads a model's record again.
func (b *Board) record(ctx context.Context, e *entry) (*retrain.Model, error) {
	m := new(retrain.Model)
	if !e.known {
		return m, nil
	}
	r, err := b.client.at(ctx, b.cfg.Topics.Models, place{0, e.at})
	if err != nil || r == nil { // compaction was faster: the next request knows its new place
		return m, err
	}
	return m, handlers.ModelCodec.Decode(r.Value, m)
}

// commandOf reads a model's command again; nil: it is not kept.
func (b *Board) commandOf(ctx context.Context, e *entry, id string) (*retrain.Command, error) {
	i := slices.IndexFunc(e.commands, func(c command) bool { return c.id == id })
	if i < 0 {
		return nil, nil
	}
	r, err := b.client.at(ctx, b.cfg.Topics.Commands, e.commands[i].place)
	if err != nil || r == nil {
		return nil, err
	}
	c := new(retrain.Command)
	return c, handlers.CommandCodec.Decode(r.Value, c)
}

// lastEvidence is that of the newest decision that had any, among those of a page.
func (b *Board) lastEvidence(ctx context.Context, e *entry) ([]retrain.Evidence, error) {
	for _, d := range slices.Backward(e.decisions[max(0, len(e.decisions)-decisionsOnAPage):]) {
		if d.reason == retrain.ReasonQuiet || d.reason == retrain.ReasonRequested || d.reason == retrain.ReasonUnknownModel {
			continue
		}
		found, err := b.decisionAt(ctx, d.offset)
		if err != nil {
			return nil, err
		}
		return found.Evidence, nil
	}
	return nil, nil
}

// listDecisions fills in a page of decisions, the newest first.
func (p *modelPage) listDecisions(a *asked, e *entry) {
	n := len(e.decisions)
	p.DecisionsPiece = a.piece("decisions", n, decisionsOnAPage)
	p.DecisionsSay = saysPiece(&p.DecisionsPiece, e.olderDecisions)
	for i := p.DecisionsPiece.From; i < p.DecisionsPiece.To; i++ {
		d := &e.decisions[n-1-i]
		p.Decisions = append(p.Decisions, decisionRow{decisionLink(d.offset), phrases.Decided(d.action, d.reason), d.at, d.until, d.action})
	}
}

// listCommands fills in a page of commands, the newest first.
func (p *modelPage) listCommands(a *asked, e *entry) {
	n := len(e.commands)
	p.CommandsPiece = a.piece("commands", n, commandsOnAPage)
	p.CommandsSay = saysPiece(&p.CommandsPiece, e.olderCommands)
	for i := p.CommandsPiece.From; i < p.CommandsPiece.To; i++ {
		c := &e.commands[n-1-i]
		row := commandRow{c.id, c.base, c.end, c.version, c.issued, c.action}
		if row.End == "" {
			row.End = "open"
		}
		p.Commands = append(p.Commands, row)
	}
}

func saysPiece(p *piece, more bool) string {
	text := "The newest first"
	if p.Before != "" || p.After != "" {
		text += fmt.Sprintf(": %s to %s of %s", retrain.Thousands(p.From+1), retrain.Thousands(p.To), retrain.Thousands(p.All))
	}
	if more {
		text += "; older ones are not kept by this page, retrainer tail has them"
	}
	return text
}

// newest are the last versions, the newest first.
func newest(all []retrain.Version) []retrain.Version {
	all = slices.Clone(all[max(0, len(all)-versionsOnAPage):])
	slices.Reverse(all)
	return all
}
