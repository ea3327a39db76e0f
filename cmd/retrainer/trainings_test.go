package main

import (
	"bytes"
	"testing"

	"github.com/visutility/retrainer/retrain"
)

// What status says of a training comes from its trainer's last words, and only from as much as it said.
func TestATrainingIsShownByItsTrainersLastWords(t *testing.T) {
	n := func(v int64) *int64 { return &v }
	word := func(kind retrain.ProgressKind, at int64, step, total *int64, metrics map[string]float64) *retrain.Progress {
		return &retrain.Progress{Kind: kind, At: at, Step: step, Total: total, Metrics: metrics}
	}
	began := word(retrain.Started, 1_000, nil, nil, nil)
	both := map[string]float64{"loss": 0.5, "mAP": 0.25}
	for _, c := range []struct {
		name   string
		metric string
		words  []*retrain.Progress
		want   string
	}{
		{"nothing", "", nil, ""},
		{"started", "", []*retrain.Progress{began}, ""},
		{"a step", "", []*retrain.Progress{began, word(retrain.InProgress, 61_000, n(1), nil, nil)}, "step 1"},
		{"a step of some", "", []*retrain.Progress{began, word(retrain.InProgress, 61_000, n(1), n(3), nil)}, "step 1 of 3, about 1 min 50 s left"},
		{"the newest word", "", []*retrain.Progress{began, word(retrain.InProgress, 61_000, n(1), n(3), nil), word(retrain.InProgress, 71_000, n(3), n(3), nil)}, "step 3 of 3, about to end"},
		{"metrics", "", []*retrain.Progress{began, word(retrain.InProgress, 61_000, nil, nil, both)}, "loss 0.5, mAP 0.25"},
		{"the objective's metric", "mAP", []*retrain.Progress{began, word(retrain.InProgress, 61_000, n(1), n(2), both)}, "step 1 of 2, mAP 0.25, about 50 s left"},
		{"another metric than the objective's", "mAP", []*retrain.Progress{began, word(retrain.InProgress, 61_000, nil, nil, map[string]float64{"loss": 0.5})}, "loss 0.5"},
		{"a second worker", "", []*retrain.Progress{began, word(retrain.InProgress, 61_000, n(1), n(3), nil), word(retrain.Started, 70_000, nil, nil, nil)}, ""},
		{"nobody said that it began", "", []*retrain.Progress{word(retrain.InProgress, 61_000, n(1), n(3), nil)}, "step 1 of 3"},
		{"a clock that went backwards", "", []*retrain.Progress{began, word(retrain.InProgress, 500, n(1), n(3), nil)}, "step 1 of 3"},
		{"more steps than there are", "", []*retrain.Progress{began, word(retrain.InProgress, 61_000, n(5), n(3), nil)}, "step 5 of 3"},
	} {
		tr := &training{}
		if c.metric != "" {
			tr.command.Objective = &retrain.Objective{Metric: c.metric}
		}
		for _, w := range c.words {
			tr.hear(w)
		}
		if got := tr.said(71_000); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

// A worker that was killed says nothing more; its command is open until max_runtime has passed.
func TestATrainerThatIsNotHeardOfForLongIsShownAsThat(t *testing.T) {
	tr := &training{}
	if got := tr.said(1_000_000); got != "" {
		t.Errorf("nobody has taken it up: %q", got)
	}
	tr.hear(&retrain.Progress{Kind: retrain.Started, At: 1_000})
	if got := tr.said(120_999); got != "" {
		t.Errorf("it is silent for less than two minutes: %q", got)
	}
	if got := tr.said(121_000); got != "nothing heard for 2 min" {
		t.Errorf("since its start: %q", got)
	}
	tr.hear(&retrain.Progress{Kind: retrain.InProgress, At: 121_000, Step: new(int64(3))})
	if got := tr.said(121_000 + 3600_000); got != "step 3, nothing heard for 1 h" {
		t.Errorf("since its last word: %q", got)
	}
}

// The log goes where it always goes when nobody looks at a terminal.
func TestNoBarIsDrawnWhereNoTerminalIs(t *testing.T) {
	var out bytes.Buffer
	b, step, total := newBar(&out), int64(1), int64(2)
	b.begin(&retrain.Command{Action: retrain.SoftRetrain, Model: "m"})
	b.show(retrain.Report{Step: &step, Total: &total})
	if _, err := b.Write([]byte("a line\n")); err != nil {
		t.Error(err)
	}
	b.end()
	if out.String() != "a line\n" {
		t.Errorf("%q", out.String())
	}
	b.terminal = true
	b.show(retrain.Report{Step: &step, Total: &total})
	if _, err := b.Write([]byte("another\n")); err != nil || !bytes.Contains(out.Bytes(), []byte("soft retrain of m")) || !bytes.Contains(out.Bytes(), []byte("another\n")) {
		t.Errorf("%q, %v", out.String(), err)
	}
	b.end()
}
