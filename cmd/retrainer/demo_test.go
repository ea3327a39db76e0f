package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// storyOf runs the demo as it prints records, and gives those of commands and decisions without times and places, in order.
func storyOf(t *testing.T, seed string) (story []string) {
	t.Helper()
	cmd := exec.Command("retrainer", "demo", "--pace", "0", "--json", "--seed", seed) // TestMain has put it on the path
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("seed %s: %v: %s", seed, err, errs.String())
	}
	for line := range strings.Lines(string(out)) {
		var r struct {
			Schema string
			Value  map[string]any
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Errorf("seed %s: %v: %s", seed, err, line)
		}
		keys := []string{"decision_id", "model", "model_version", "decision_number", "command_number", "action", "reason", "command_id", "blocked_by"}
		switch r.Schema {
		case "io.visutility.Command":
			keys = []string{"command_id", "model", "action", "base_version", "dataset", "trials", "space", "decision_id"}
		case "io.visutility.Decision":
		default:
			continue
		}
		said := r.Schema
		for _, k := range keys {
			text, _ := json.Marshal(r.Value[k])
			said += fmt.Sprintf(" %s=%s", k, text)
		}
		story = append(story, said)
	}
	slices.Sort(story) // between models there is no order
	return story
}

func TestDemoGivesTheSameCommandsAndDecisionsForTheSameSeed(t *testing.T) {
	t.Parallel()
	var stories [3][]string
	var runs sync.WaitGroup
	for i, seed := range []string{"7", "7", "8"} {
		runs.Go(func() { stories[i] = storyOf(t, seed) })
	}
	runs.Wait()
	first, second := stories[0], stories[1]
	if !slices.Equal(first, second) {
		t.Errorf("one run:\n%s\nanother:\n%s", strings.Join(first, "\n"), strings.Join(second, "\n"))
	}
	commands := 0
	for _, s := range first {
		if strings.HasPrefix(s, "io.visutility.Command ") {
			commands++
		}
	}
	if commands != 14 {
		t.Errorf("%d commands, not 14", commands)
	}
	if slices.Equal(first, stories[2]) {
		t.Error("another seed gives the same story")
	}
}

// What the README shows of the demo is what it tells, in that order.
func TestDemoTellsWhatTheREADMEShows(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "\nThe demo has")
	_, rest, _ = strings.Cut(rest, "```text\n")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok || shown == "" {
		t.Fatal("the README shows nothing of the demo")
	}
	out, err := exec.Command("retrainer", "demo", "--pace", "0").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	told, pauses := string(out), 0
	for line := range strings.Lines(told) {
		if fields := strings.Fields(line); len(fields) > 1 && (fields[1] == "s" || fields[0] == "why:") {
			pauses++
		}
	}
	// At pace 1 each is 0.9 s; the story itself takes some twelve.
	if pauses < 30 || pauses > 48 {
		t.Errorf("%d lines with a pause: the demo is to take less than a minute", pauses)
	}
	for line := range strings.Lines(shown) {
		_, behind, ok := strings.Cut(told, strings.TrimSpace(line)+"\n")
		if !ok {
			t.Fatalf("the demo does not tell, or not there: %s%s", line, out)
		}
		told = behind
	}
}
