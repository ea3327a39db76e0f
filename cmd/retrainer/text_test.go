package main

import (
	"os/exec"
	"testing"
)

func TestANameIsWrittenAsAShellTakesIt(t *testing.T) {
	for _, name := range []string{"vision/detector", "a b", "it's", "$HOME", "-x", "", "*", "a;b", "ü", "`id`", `"`, `\`} {
		out, err := exec.Command("sh", "-c", "printf %s "+argument(name)).Output()
		if err != nil || string(out) != name {
			t.Errorf("%q is written %s, which is %q (%v)", name, argument(name), out, err)
		}
	}
	if got := argument("vision/detector@v1"); got != "vision/detector@v1" {
		t.Errorf("a plain name is written %s", got)
	}
}

func TestTheNearestNamesAreSuggested(t *testing.T) {
	known := []string{"vision/detector", "vision/detectors", "audio", "vision/detector2", "vision/detektor"}
	for word, want := range map[string]string{
		"vison/detector": "; did you mean vision/detector, vision/detectors or vision/detector2?",
		"audi":           "; did you mean audio?",
		"xyz":            "",
	} {
		if got := suggestions(word, known); got != want {
			t.Errorf("%s%s, expected %s", word, got, want)
		}
	}
	if known[0] != "vision/detector" || known[4] != "vision/detektor" {
		t.Error("the known names were changed")
	}
}

// Topics of an app begin alike: what is near is the rest.
func TestTheNearestTopicsAreSuggested(t *testing.T) {
	known := (&configuration{app: "retrain", drift: []string{"monitoring.drift"}, performance: []string{"monitoring.performance"}}).wishes(false)
	var names []string
	for _, w := range known {
		names = append(names, w.name)
	}
	for topic, want := range map[string]string{
		"retrain.command":    "; did you mean retrain.commands?",
		"retrian.commands":   "; did you mean retrain.commands?",
		"retrain.progres":    "; did you mean retrain.progress?",
		"monitoring.drfit":   "; did you mean monitoring.drift?",
		"retrain.nothing":    "",
		"retrian.nothing":    "",
		"monitoring.nothing": "",
		"retrain.":           "",
		"x":                  "",
	} {
		if got := suggestedTopics(topic, names); got != want {
			t.Errorf("%s%s, expected %s", topic, got, want)
		}
	}
}

func TestAShareIsRoundedDown(t *testing.T) {
	if share(1.5, 3) != "50%" || share(2.9999, 3) != "99%" || share(-1, 3) != "0%" {
		t.Error(share(1.5, 3), share(2.9999, 3), share(-1, 3))
	}
}
