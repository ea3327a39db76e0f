package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/visutility/retrainer/retrain"
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

func TestAShareIsRoundedDown(t *testing.T) {
	if share(1.5, 3) != "50%" || share(2.9999, 3) != "99%" || share(-1, 3) != "0%" {
		t.Error(share(1.5, 3), share(2.9999, 3), share(-1, 3))
	}
}

func TestEveryReasonHasItsWords(t *testing.T) {
	seen := map[string]bool{}
	for _, reason := range []retrain.Reason{retrain.ReasonAlert, retrain.ReasonRequested, retrain.ReasonQuiet, retrain.ReasonStale,
		retrain.ReasonUndeployed, retrain.ReasonInFlight, retrain.ReasonCooldown, retrain.ReasonUnknownModel} {
		action := retrain.NoAction
		if reason == retrain.ReasonAlert || reason == retrain.ReasonRequested {
			action = retrain.SoftRetrain
		}
		text := decided(action, reason)
		words := strings.TrimSuffix(text, fmt.Sprintf(" (%s)", reason))
		if words == text || seen[words] || words == string(action) || action == retrain.SoftRetrain && !strings.HasPrefix(text, "soft retrain: ") {
			t.Errorf("%s: %q", reason, text)
		}
		seen[words] = true
	}
}
