package demo

import (
	"strings"
	"testing"

	"github.com/visutility/retrainer/retrain"
)

// played is a story of one model, and what stands in the topics when all went well.
func played() (*story, *published) {
	id := "c1"
	s := &story{poisoned: 1, expected: map[string][]turn{"wards": {fullByAlert, quiet}, "fraud": nil}}
	return s, &published{
		commands:  []retrain.Command{{CommandID: id, Model: "wards"}},
		decisions: []retrain.Decision{{Model: "wards", Action: retrain.FullRetrain, Reason: retrain.ReasonAlert, CommandID: &id}, {Model: "wards", Action: retrain.NoAction, Reason: retrain.ReasonQuiet}},
		results:   []retrain.Result{{CommandID: id, Model: "wards", State: retrain.ResultSucceeded}},
		letters:   []letter{{place: "drift/0 at 7", reason: "framing"}},
	}
}

func TestWhatIsLostOrDoubledIsFound(t *testing.T) {
	if s, p := played(); s.compare(p) != nil {
		t.Fatal(s.compare(p))
	}
	for _, c := range []struct {
		name, says string
		change     func(p *published)
	}{
		{"a command lost", "stands there 0 times", func(p *published) { p.commands = nil }},
		{"a command doubled", "stands there 2 times", func(p *published) { p.commands = append(p.commands, p.commands[0]) }},
		{"a command of nobody", "1 decisions to act, 2 commands", func(p *published) { p.commands = append(p.commands, retrain.Command{CommandID: "c2"}) }},
		{"a decision lost", "decisions on wards", func(p *published) { p.decisions = p.decisions[:1] }},
		{"a decision doubled", "decisions on wards", func(p *published) { p.decisions = append(p.decisions, p.decisions[1]) }},
		{"a decision on a quiet model", "decisions on fraud", func(p *published) { p.decisions = append(p.decisions, retrain.Decision{Model: "fraud"}) }},
		{"a decision on a model of nobody", "decisions on strange", func(p *published) { p.decisions = append(p.decisions, retrain.Decision{Model: "strange"}) }},
		{"a result lost", "has 0 results", func(p *published) { p.results = nil }},
		{"a result doubled", "has 2 results", func(p *published) { p.results = append(p.results, p.results[0]) }},
		{"a dead letter doubled", "2 dead letters", func(p *published) { p.letters = append(p.letters, p.letters[0]) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p := played()
			c.change(p)
			if err := s.compare(p); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}
