package board

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/retrain"
)

// modelRow is a model in the list.
type modelRow struct {
	Name, Link, Version, Why string
	Phase                    retrain.Phase
	Until, Decided           int64
	Alerts                   int
}

// tally is how many models are in a phase.
type tally struct {
	Phase retrain.Phase
	Count int
	Link  string
	Here  bool
}

type modelsPage struct {
	Query, By, Says, Again string
	Phase                  retrain.Phase
	All                    tally
	Phases                 []tally
	Orders                 []choice
	Rows                   []modelRow
	Piece                  piece
}

// choice is one that a form gives.
type choice struct {
	Value, Says string
	Chosen      bool
}

const rowsOnAPage = 100

// orders are those that a list can have; the first is that of the names.
var orders = []struct {
	by, says string
	compare  func(a, b *entry) int
}{
	{"", "name", func(_, _ *entry) int { return 0 }},
	{"decided", "decided last", func(a, b *entry) int { return cmp.Compare(b.decided(), a.decided()) }},
	{"until", "until when", func(a, b *entry) int {
		return cmp.Or(cmp.Compare(b2i(a.until == 0), b2i(b.until == 0)), cmp.Compare(a.until, b.until))
	}},
	{"alerts", "alerts", func(a, b *entry) int { return cmp.Compare(b.alerts, a.alerts) }},
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// models are those whose names have a text in them, of one phase or all, in an order.
func (b *Board) models(v *visit) (string, any, error) {
	p := &modelsPage{Query: v.text("q"), By: v.text("by"), Phase: retrain.Phase(v.text("phase")), Again: v.text("refresh")}
	found := map[retrain.Phase]int{}
	matching := 0
	err := b.kept.look(v.ctx, func() {
		var all []*entry
		query := strings.ToLower(p.Query)
		escaped := strings.Contains(query, `\`) // copied from this page, where what would not be seen is escaped
		for _, e := range b.kept.byName() {
			if !e.known || !strings.Contains(strings.ToLower(e.name), query) && !(escaped && strings.Contains(strings.ToLower(phrases.Visible(e.name)), query)) {
				continue
			}
			found[e.phase]++
			if matching++; p.Phase == "" || p.Phase == e.phase {
				all = append(all, e)
			}
		}
		for _, o := range orders {
			if o.by == p.By && o.by != "" {
				slices.SortStableFunc(all, o.compare)
			}
			p.Orders = append(p.Orders, choice{o.by, o.says, o.by == p.By})
		}
		p.Piece = v.piece("from", len(all), rowsOnAPage)
		for _, e := range all[p.Piece.From:p.Piece.To] {
			p.Rows = append(p.Rows, e.row())
		}
	})
	p.All = tally{Count: matching, Link: v.here("phase", "", "from", ""), Here: p.Phase == ""}
	for _, phase := range []retrain.Phase{retrain.PhaseTraining, retrain.PhaseCooling, retrain.PhaseQuiet} {
		p.Phases = append(p.Phases, tally{phase, found[phase], v.here("phase", string(phase), "from", ""), p.Phase == phase})
	}
	p.Says = p.says()
	return "Models", p, err
}

func (p *modelsPage) says() string {
	switch n := p.Piece.All; {
	case n > rowsOnAPage:
		return fmt.Sprintf("%s to %s of %s", retrain.Thousands(p.Piece.From+1), retrain.Thousands(p.Piece.To), phrases.Count(n, "model"))
	case n > 0:
		return phrases.Count(n, "model")
	case p.Query != "" || p.Phase != "":
		return "No model is like that."
	}
	return "No models yet: a model exists from the first alert that concerns it."
}

// decided is when the last decision was; 0: none is kept.
func (e *entry) decided() int64 {
	if n := len(e.decisions); n > 0 {
		return e.decisions[n-1].at
	}
	return 0
}

func (e *entry) row() modelRow {
	return modelRow{Name: e.name, Link: modelLink(e.name), Version: e.latest, Phase: e.phase, Until: e.until, Alerts: e.alerts, Decided: e.decided(),
		Why: phrases.Decided(e.action, e.reason)}
}
