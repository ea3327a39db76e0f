package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
)

func source(stream string, models []string, firing *retrain.Alert) *watchedSource {
	return &watchedSource{SourceView: &retrain.SourceView{Stream: &stream, Models: models, Heard: noon, Judged: true,
		Versions: []retrain.VersionView{{Series: []retrain.SeriesView{{Firing: firing}}}}}, topic: "d", partition: 2}
}

func statusOf(t *testing.T, models map[string]*shownModel, w *watched) string {
	t.Helper()
	w.configuration = new(configuration)
	w.known.active, w.known.entry = record.Revision{Number: 7}, &retrain.PolicyEntry{Revision: 7}
	var b strings.Builder
	if err := printStatus(&b, models, w, ""); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnAlertIsListedOnceWithTheModelsForWhichItCounts(t *testing.T) {
	alert := &retrain.Alert{AlertID: "a1", Stream: new("cam"), Field: "p_value", Value: new(0.5), Action: retrain.FullRetrain, Since: new(noon), EventTime: noon}
	models := map[string]*shownModel{}
	for _, name := range []string{"y", "x"} {
		models[name] = &shownModel{shown: shown[retrain.Model]{value: retrain.Model{Name: name, Alerts: []retrain.Evidence{alert.Evidence()}}}}
	}
	held := &retrain.Alert{AlertID: "a2", Stream: new("held"), Field: "p_value", Value: new(2.0), Level: new(1.0), Action: retrain.SoftRetrain}
	loose := &retrain.Alert{AlertID: "a3", Stream: new("loose"), Field: "p_value", Action: retrain.SoftRetrain}
	text := statusOf(t, models, &watched{sources: []*watchedSource{source("cam", []string{"x", "y"}, alert), source("held", []string{"x"}, held), source("loose", nil, loose)}})
	for _, want := range []string{"its own past  full      2026-03-01 12:00:00 UTC  x, y\n", "p_value 2    above 1       soft      -                        nothing now\n",
		"nothing: bound to no model\n", "  nothing now: a later training answered it"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, text)
		}
	}
	if strings.Count(text, "stream cam ") != 1 {
		t.Error(text)
	}
}

func TestManyStreamsBoundToNothingAreCutWithACount(t *testing.T) {
	w := &watched{all: 1243, unjudged: 3, behind: 30_000, partitions: 1}
	for i := range 1243 {
		w.sources = append(w.sources, source(fmt.Sprintf(`s%04d "x"`, i), nil, nil))
	}
	w.sources = append(w.sources, source(`s0000 "x"`, nil, nil)) // in another partition
	text := statusOf(t, nil, w)
	for _, want := range []string{"\n  and 1,203 more\n", "\n  - {stream: \"s0004 \\\"x\\\"\", models: [MODEL]}\n", "\n  (and 1,238 more; a * in stream stands for any characters)\n",
		"give it revision 8,", "\n1,243 sources watched in 1 partition, under policy revision 7, as of the last commit (every 5 s at the latest); " +
			"no rule of the policy (observe) judges 3 of them; without 30,000 records since the last checkpoint (every 30 s)\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
	if strings.Contains(text, "s0005 \\\"") || strings.Contains(text, "firing") {
		t.Error(text)
	}
}
