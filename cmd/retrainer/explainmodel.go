package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/retrain"
)

func explainModel(ctx context.Context, c *configuration, client *consumer.Client, h *history, name string, out io.Writer) error {
	decisions := h.of(name)
	if c.json {
		if len(decisions) == 0 {
			return fmt.Errorf("no decision on a model %s is kept%s", phrases.Visible(name), suggestions(name, h.names()))
		}
		last := decisions[len(decisions)-1]
		return printJSON(out, last, h.command(last.value.CommandID))
	}
	concerned, feeds, stream := map[string]bool{}, map[string]bool{}, false
	w, err := c.watched(ctx, client, func(v *retrain.SourceView) bool {
		isStream := v.Stream != nil && *v.Stream == name
		stream = stream || isStream
		for _, model := range v.Models {
			concerned[model] = true
			if isStream {
				feeds[model] = true
			}
		}
		return slices.Contains(v.Models, name)
	})
	if err != nil {
		return err
	}
	m := h.models[name]
	if m == nil && len(decisions) == 0 && len(w.sources) == 0 {
		if stream {
			return c.given.noModelButStream(name, slices.Sorted(maps.Keys(feeds)))
		}
		for _, model := range h.names() {
			concerned[model] = true
		}
		return c.given.noModel(name, concerned, w.without())
	}
	p := &page{out: out}
	if m != nil {
		h.printNow(p, &m.value, decisions)
	} else {
		p.line("%s: no model yet", name)
		rows := [][]string{{"why", "no alert has concerned a model of that name, and nobody has made it"}}
		if n := len(decisions); n > 0 {
			rows = append(rows, []string{"last decision", decisions[n-1].value.Explanation})
		}
		p.table("  ", append(rows, []string{"next", "the first alert that concerns it makes it, and is decided at once"}, []string{"to do", h.todo(name)})...)
	}
	if len(decisions) > 0 {
		last := &decisions[len(decisions)-1].value
		printReasons(p, w.known, last.Evidence, last.PolicyRevision)
		h.printDecisions(p, decisions)
	}
	if len(w.sources) > 0 {
		printSources(p, w)
	}
	if n := len(decisions); n > 0 {
		reason := string(decisions[n-1].value.Reason)
		p.meaning(reason, reason)
	}
	p.heading("%s", w.asOf())
	return p.err
}

// noModel says that a name is nobody's, and which was perhaps meant: for certain the one before a version.
func (g hints) noModel(name string, known map[string]bool, without string) error {
	if base, version := retrain.SplitModel(name); known[base] {
		return fmt.Errorf("no model %s: %s is a version; `%s` explains the model", phrases.Visible(name), version, g.command("explain model "+argument(base)))
	}
	return fmt.Errorf("no model %s: nothing was decided on one of that name, and no source that is heard concerns it, as of the last commit (every 5 s at the latest)%s%s",
		phrases.Visible(name), without, suggestions(name, slices.Sorted(maps.Keys(known))))
}

// noModelButStream says what a stream feeds, to one who took its name for a model's.
func (g hints) noModelButStream(name string, models []string) error {
	if len(models) == 0 {
		return fmt.Errorf("no model %s: stream %s is heard and bound to no model; `%s` shows how to bind it", phrases.Visible(name), phrases.Visible(name), g.command("status"))
	}
	return fmt.Errorf("no model %s: stream %s is heard and feeds %s; `%s` shows what it shows",
		phrases.Visible(name), phrases.Visible(name), phrases.Visible(strings.Join(models, ", ")), g.command("explain model "+argument(models[0])))
}

// printNow says what a model does, since when, until when, and what comes then.
func (h *history) printNow(p *page, m *retrain.Model, decisions []*shownDecision) {
	command := h.command(m.CommandID)
	p.line("%s: %s", m.Name, h.doing(m, command))
	rows := [][]string{phrases.Fact("latest version", m.Latest, phrases.Same), phrases.Fact("since", h.since(m, command), retrain.Clock), phrases.Fact("until", m.Until, retrain.Clock),
		{"last decision", phrases.Decided(m.Action, m.Reason)}}
	if n := len(decisions); n > 0 {
		rows = append(rows, []string{"why", why(m, command, decisions[n-1].value.Explanation)})
	}
	if r := h.lastEnd(m.Name); r != nil {
		rows = append(rows, []string{"last training", fmt.Sprintf("%s retrain, command %s, %s", r.Action, r.CommandID[:min(len(r.CommandID), 8)], phrases.Ended(r))})
	}
	rows = append(rows, []string{"alerts", retrain.Thousands(len(m.Alerts)) + " that count"}, []string{"next", h.next(m, command)}, []string{"to do", h.todo(m.Name)})
	p.table("  ", rows...)
	if command != nil {
		p.heading("its command")
		p.table("  ", append([][]string{{"why", command.value.Explanation}}, phrases.CommandFacts(&command.value)...)...)
	}
}

// why is what the last decision said, unless it said of the command that nobody has taken it up, and somebody has since.
func why(m *retrain.Model, command *shownCommand, said string) string {
	if m.Reason != retrain.ReasonInFlight || command == nil || !phrases.Started(m, &command.value) {
		return said
	}
	return fmt.Sprintf("its command (%s) %s, and a model has one at a time: what still counts when it ends is decided again", command.value.Action, phrases.OpenFate(m, &command.value))
}

func (h *history) doing(m *retrain.Model, command *shownCommand) string {
	switch {
	case m.Phase == retrain.PhaseTraining && command != nil:
		return fmt.Sprintf("%s retrain %s", command.value.Action, phrases.OpenFate(m, &command.value))
	case m.Phase == retrain.PhaseTraining:
		return "a command is open"
	case m.Phase == retrain.PhaseCooling:
		return "left alone for a while after its last command (cool-down)"
	}
	return phrases.Decided(m.Action, m.Reason)
}

// since is when what the model does now began.
func (h *history) since(m *retrain.Model, command *shownCommand) *int64 {
	switch m.Phase {
	case retrain.PhaseTraining:
		if command != nil {
			return &command.value.IssuedAt
		}
	case retrain.PhaseCooling:
		if r := h.lastEnd(m.Name); r != nil {
			return &r.FinishedAt
		}
	default:
		if d := h.decision(m.DecisionID); d != nil {
			return &d.value.DecidedAt
		}
	}
	return nil
}

// next says what happens if nobody does anything.
func (h *history) next(m *retrain.Model, command *shownCommand) string {
	counting := len(m.Alerts) > 0
	switch {
	case m.Phase == retrain.PhaseTraining && command != nil && !phrases.Started(m, &command.value):
		return fmt.Sprintf("a trainer takes the command up by %s, or it expires; then comes the cool-down, and what still counts is decided again", phrases.OrDate(m.Until))
	case m.Phase == retrain.PhaseTraining:
		return fmt.Sprintf("the trainer reports its end by %s, or the command expires; a success answers the alerts before it that ask for no more, anything else leaves them", phrases.OrDate(m.Until))
	case m.Phase == retrain.PhaseCooling && counting:
		return fmt.Sprintf("at %s it is decided again: a %s retrain, unless the alerts are over by then", phrases.OrDate(m.Until), mostSevere(m.Alerts))
	case m.Phase == retrain.PhaseCooling:
		return fmt.Sprintf("nothing, unless an alert comes; one that comes before %s waits until then", phrases.OrDate(m.Until))
	case m.Reason == retrain.ReasonUndeployed:
		return fmt.Sprintf("at %s the alerts that still fire count again; drift of the new version itself counts at once", phrases.OrDate(m.Until))
	}
	return "nothing, unless an alert comes: it is decided at once"
}

func mostSevere(alerts []retrain.Evidence) retrain.RetrainAction {
	for _, e := range alerts {
		if e.Action == retrain.FullRetrain {
			return retrain.FullRetrain
		}
	}
	return retrain.SoftRetrain
}

// todo says what a person can do about a model.
func (h *history) todo(name string) string {
	trigger := fmt.Sprintf("`%s`", h.given.command("trigger "+argument(name)+" --action full --comment WHY"))
	m := h.models[name]
	if m == nil {
		return strings.TrimSuffix(trigger, "`") + " --create` makes the model and trains it all the same"
	}
	v := &m.value
	switch command := h.command(v.CommandID); {
	case v.Phase == retrain.PhaseTraining && command != nil && !phrases.Started(v, &command.value):
		return fmt.Sprintf("`%s` trains it by a program; a trainer of your own reads %s and answers in %s",
			h.given.command("worker --exec PROGRAM"+choosing(command.value.Modality)), h.topics.commands(), h.topics.progress())
	case v.Phase == retrain.PhaseTraining:
		return fmt.Sprintf("nothing while the trainer is at work; `%s` says how far it is", h.given.command("status"))
	case v.Phase == retrain.PhaseCooling:
		return h.remedy(name) + "; " + trigger + " does not wait for the cool-down"
	case v.Reason == retrain.ReasonUndeployed:
		return fmt.Sprintf("deploy version %s; %s trains once more all the same", phrases.OrDash(v.Latest), trigger)
	case v.Reason == retrain.ReasonStale:
		return "look why events come so late; " + trigger + " trains all the same"
	}
	return h.remedy(name) + "; " + trigger + " trains all the same"
}

// remedy is what a person can do about how a model's last training ended.
func (h *history) remedy(name string) string {
	r := h.lastEnd(name)
	switch {
	case r == nil || r.State == retrain.ResultSucceeded:
		return "nothing"
	case r.State == retrain.ResultExpired && r.StartedAt == nil:
		return fmt.Sprintf("see that a trainer runs: `%s`", h.given.command("worker --exec PROGRAM"))
	case r.State == retrain.ResultExpired:
		return "see why it takes so long, or allow it more (train.max_runtime of the policy)"
	}
	return "see why the training failed; its whole output is in the worker's folder of the command"
}

// choosing is the flag of a worker for one modality alone.
func choosing(modality string) string {
	if modality == "" {
		return ""
	}
	return " --modality " + argument(modality)
}

// mostDecisions is how many decisions of a model are listed.
const mostDecisions = 5

// printDecisions lists what was decided, and what was refused until when, the newest first.
func (h *history) printDecisions(p *page, all []*shownDecision) {
	rows := [][]string{}
	for _, d := range slices.Backward(all) {
		v := &d.value
		rows = append(rows, []string{retrain.Clock(v.DecidedAt), phrases.OrDate(v.Until), v.DecisionID[:min(len(v.DecisionID), 8)], phrases.Decided(v.Action, v.Reason)})
	}
	p.heading("decisions, the newest first (one of them: %s)", h.given.command("explain decision ID"))
	p.list([]string{"DECIDED", "UNTIL", "ID", "WHAT"}, rows, mostDecisions, fmt.Sprintf("; `%s` has all", h.given.command("tail "+h.topics.decisions()+" --from start --until end")))
}
