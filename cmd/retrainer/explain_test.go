package main

import (
	"strings"
	"testing"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/retrain"
)

const anHour = int64(3_600_000)

// historyOf is a history with one model, the command that it has or had, and how that ended.
func historyOf(m retrain.Model, c *retrain.Command, r *retrain.Result) *history {
	h := &history{topics: names{"retrain"}, models: map[string]*shownModel{m.Name: {shown: shown[retrain.Model]{value: m}}}}
	h.decisions = []*shownDecision{{shown[retrain.Decision]{value: retrain.Decision{DecisionID: "d1", Model: m.Name, DecidedAt: noon - anHour}}}}
	if c != nil {
		h.commands = []*shownCommand{{shown[retrain.Command]{value: *c}}}
	}
	if r != nil {
		h.results = []*shownResult{{shown[retrain.Result]{value: *r}}}
	}
	return h
}

func TestEachPhaseSaysWhatComesNextAndWhatToDo(t *testing.T) {
	soft, full := []retrain.Evidence{{Action: retrain.SoftRetrain}}, []retrain.Evidence{{Action: retrain.SoftRetrain}, {Action: retrain.FullRetrain}}
	cmd := &retrain.Command{CommandID: "c1", Model: "m", Action: retrain.FullRetrain, Modality: "vision", IssuedAt: noon, StartBy: noon + anHour, MaxRuntimeMs: 8 * anHour}
	ended := &retrain.Result{CommandID: "c1", Model: "m", State: retrain.ResultFailed, FinishedAt: noon + 1000}
	for _, x := range []struct {
		model                    retrain.Model
		result                   *retrain.Result
		since                    int64
		doing, next, todo, avoid string
	}{
		{model: retrain.Model{Phase: retrain.PhaseTraining, CommandID: new("c1"), Until: new(noon + anHour), Alerts: soft}, since: noon,
			doing: "full retrain waits for a trainer", next: "a trainer takes the command up by 2026-03-01 13:00:00 UTC, or it expires",
			todo: "`retrainer worker --exec PROGRAM --modality vision` trains it by a program; a trainer of your own reads retrain.commands and answers in retrain.progress"},
		{model: retrain.Model{Phase: retrain.PhaseTraining, CommandID: new("c1"), Until: new(noon + 9*anHour), Worker: new("gpu-1")}, since: noon,
			doing: "full retrain is being trained by gpu-1 since 2026-03-01 13:00:00 UTC", next: "the trainer reports its end by 2026-03-01 21:00:00 UTC", todo: "nothing while the trainer is at work; `retrainer status` says how far it is"},
		{model: retrain.Model{Phase: retrain.PhaseTraining, CommandID: new("c1"), Until: new(noon + 9*anHour)}, since: noon,
			doing: "full retrain is being trained since 2026-03-01 13:00:00 UTC", next: "the trainer reports its end", todo: "nothing while the trainer is at work; `retrainer status` says how far it is"},
		{model: retrain.Model{Phase: retrain.PhaseCooling, Reason: retrain.ReasonCooldown, Action: retrain.NoAction, Until: new(noon + anHour), Alerts: full}, result: ended, since: noon + 1000,
			doing: "left alone for a while", next: "at 2026-03-01 13:00:00 UTC it is decided again: a full retrain", todo: "does not wait for the cool-down"},
		{model: retrain.Model{Phase: retrain.PhaseCooling, Reason: retrain.ReasonQuiet, Action: retrain.NoAction, Until: new(noon + anHour)}, result: ended, since: noon + 1000,
			doing: "left alone for a while", next: "nothing, unless an alert comes; one that comes before 2026-03-01 13:00:00 UTC waits", todo: "does not wait for the cool-down"},
		{model: retrain.Model{Phase: retrain.PhaseQuiet, Reason: retrain.ReasonUndeployed, Action: retrain.NoAction, Until: new(noon + anHour), Latest: new("v2")}, since: noon - anHour,
			doing: "no retrain yet: a version just trained waits to be deployed", next: "at 2026-03-01 13:00:00 UTC the alerts that still fire count again", todo: "deploy version v2; "},
		{model: retrain.Model{Phase: retrain.PhaseQuiet, Reason: retrain.ReasonStale, Action: retrain.NoAction}, since: noon - anHour,
			doing: "no retrain: the alerts were too old", next: "nothing, unless an alert comes: it is decided at once", todo: "look why events come so late"},
		{model: retrain.Model{Phase: retrain.PhaseQuiet, Reason: retrain.ReasonQuiet, Action: retrain.NoAction}, since: noon - anHour,
			doing: "no retrain: no alert counts", next: "nothing, unless an alert comes", todo: "nothing; `retrainer trigger m --action full --comment WHY` trains all the same"},
	} {
		x.model.Name, x.model.DecisionID = "m", new("d1")
		h := historyOf(x.model, cmd, x.result)
		m := &h.models["m"].value
		command := h.command(m.CommandID)
		doing, next, todo, since := h.doing(m, command), h.next(m, command), h.todo("m"), h.since(m, command)
		if !strings.HasPrefix(doing, x.doing) || !strings.HasPrefix(next, x.next) || !strings.Contains(todo, x.todo) || since == nil || *since != x.since {
			t.Errorf("%s %s: %q, %q, %q, since %s", x.model.Phase, x.model.Reason, doing, next, todo, phrases.OrDate(since))
		}
	}
	if got := historyOf(retrain.Model{Name: "m"}, nil, nil).todo("a b"); got != "`retrainer trigger 'a b' --action full --comment WHY --create` makes the model and trains it all the same" {
		t.Error(got)
	}
}

func TestEachEndOfACommandIsTold(t *testing.T) {
	cmd := &retrain.Command{CommandID: "c1", Model: "m", StartBy: noon}
	for want, r := range map[string]*retrain.Result{
		"ended, but its result is not kept any more":                                          nil,
		"succeeded at 2026-03-01 12:00:00 UTC and trained version v2: f1 0.9, loss 0.25":      {State: retrain.ResultSucceeded, NewVersion: new("v2"), Metrics: map[string]float64{"loss": 0.25, "f1": 0.9}},
		"succeeded at 2026-03-01 12:00:00 UTC and trained version v2 (after its time)":        {State: retrain.ResultSucceeded, NewVersion: new("v2"), Late: true},
		"failed at 2026-03-01 12:00:00 UTC: oom: out of memory":                               {State: retrain.ResultFailed, ErrorCode: new("oom"), ErrorMessage: new("out of memory")},
		"failed at 2026-03-01 12:00:00 UTC: exit_1: it ended with status 1: … KeyError: 'lr'": {State: retrain.ResultFailed, ErrorCode: new("exit_1"), ErrorMessage: new("it ended with status 1:\nTraceback:\n  line 1\nKeyError: 'lr'\n\n")},
		"failed at 2026-03-01 12:00:00 UTC":                                                   {State: retrain.ResultFailed, ErrorMessage: new("")},
		"expired at 2026-03-01 12:00:00 UTC: no trainer took it up in time":                   {State: retrain.ResultExpired, ErrorCode: new("unclaimed")},
		"expired at 2026-03-01 12:00:00 UTC: it took longer than it may":                      {State: retrain.ResultExpired, StartedAt: new(noon), ErrorCode: new("max_runtime")},
		"succeeded at 2026-03-01 12:00:00 UTC, too late: a later command had succeeded bef":   {State: retrain.ResultSuperseded},
	} {
		if r != nil {
			r.CommandID, r.FinishedAt = "c1", noon
		}
		if got := historyOf(retrain.Model{Name: "m"}, cmd, r).fate(cmd); !strings.HasPrefix(got, want) || r == nil && got != want {
			t.Errorf("%s, expected %s", got, want)
		}
	}
	open := historyOf(retrain.Model{Name: "m", CommandID: new("c1"), Until: new(noon)}, cmd, nil)
	if got := open.fate(cmd); got != "waits for a trainer, until 2026-03-01 12:00:00 UTC at most" {
		t.Error(got)
	}
}

func TestAModelWhoseLastTrainingDidNotSucceedSaysWhatToDoAboutIt(t *testing.T) {
	for want, r := range map[string]*retrain.Result{
		"nothing; `retrainer trigger m ":             {State: retrain.ResultSucceeded},
		"see why the training failed; ":              {State: retrain.ResultFailed},
		"see that a trainer runs: `retrainer worker": {State: retrain.ResultExpired},
		"see why it takes so long, or allow it more": {State: retrain.ResultExpired, StartedAt: new(noon)},
	} {
		for _, phase := range []retrain.Phase{retrain.PhaseCooling, retrain.PhaseQuiet} {
			r.Model = "m"
			h := historyOf(retrain.Model{Name: "m", Phase: phase}, nil, r)
			h.results = append(h.results, &shownResult{shown[retrain.Result]{value: retrain.Result{Model: "m", State: retrain.ResultSuperseded}}},
				&shownResult{shown[retrain.Result]{value: retrain.Result{Model: "other", State: retrain.ResultFailed}}})
			if got := h.todo("m"); !strings.HasPrefix(got, want) {
				t.Errorf("%s %s: %s", phase, r.State, got)
			}
		}
	}
}

func TestAnIdIsFoundByItsBeginning(t *testing.T) {
	all := []string{"abc1", "abd2"}
	same := func(s string) string { return s }
	if got, err := one(all, "decision", "ABC", same); got != "abc1" || err != nil {
		t.Error(got, err)
	}
	if _, err := one(all, "decision", "ab", same); err == nil || !strings.Contains(err.Error(), "2 decisions") {
		t.Error(err)
	}
	if _, err := one(all, "decision", "x", same); err == nil {
		t.Error("an id that nobody has was found")
	}
}
