package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// Every word that a record or a metric may have is explained, and nothing else is.
func TestEachWordOfADecisionHasItsPlaceInTheDocument(t *testing.T) {
	d := recordsDoc{t: t, nested: map[string]map[string]any{}}
	for _, name := range []string{"Alert", "Decision", "Result"} {
		d.record(name)
	}
	symbols := func(enum string) (all []string) {
		for _, s := range d.nested[enum]["symbols"].([]any)[1:] { // unknown is for what a later version adds
			all = append(all, s.(string))
		}
		return all
	}
	counts := handlers.LedgerCounts()
	for of, want := range map[string][]string{
		"Reasons of a decision":    symbols("Reason"),
		"Outcomes of an event":     handlers.EventOutcomes(),
		"Ends of an alert":         symbols("ResolvedBy"),
		"Ends of a command":        symbols("ResultState"),
		"Entries without effect":   counts[:len(counts)-1], // the last one counts open commands
		"Reasons of a dead letter": handlers.DeadLetterReasons(),
	} {
		var got []string
		for _, w := range explainedWords() {
			if w.Of == of {
				got = append(got, w.Word)
			}
			if len(w.Text) < 40 {
				t.Errorf("of %s nothing is said", w.Anchor)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: explained are %v, there are %v", of, got, want)
		}
	}
}

// What explain says at its end leads to a heading.
func TestTheMeaningOfEachWordIsAHeading(t *testing.T) {
	var out bytes.Buffer
	p := &page{out: &out}
	anchors := map[string]bool{}
	for _, w := range explainedWords() {
		if w.Of == "Reasons of a decision" {
			p.meaning(w.Word, w.Word)
		}
		anchors[w.Anchor] = true
	}
	for _, s := range []retrain.ResultState{retrain.ResultSucceeded, retrain.ResultFailed, retrain.ResultExpired, retrain.ResultSuperseded} {
		p.meaningOfEnd(s)
	}
	said := regexp.MustCompile(`\(docs/decisions\.md#([\w-]+)\)\n`).FindAllStringSubmatch(out.String(), -1)
	if len(said) != 12 {
		t.Errorf("%d links in\n%s", len(said), out.String())
	}
	for _, m := range said {
		if !anchors[m[1]] {
			t.Errorf("there is no heading %s", m[1])
		}
	}
}

var (
	shownTime = regexp.MustCompile(`20\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)`)
	shownSpan = regexp.MustCompile(`\b\d+ (ms|s|min)\b`)
)

// masked is what a program printed, whenever it was.
func masked(text string) string {
	return shownSpan.ReplaceAllString(shownTime.ReplaceAllString(text, "TIME"), "SPAN")
}

// documented DOCUMENT PROGRAM ARG...: the program comes to print what stands in the document behind this command, times aside. The command
// stands there as a block of its own.
func documentedCommand(ts *testscript.TestScript, _ bool, args []string) {
	text, err := os.ReadFile(filepath.Join("..", "..", args[0]))
	ts.Check(err)
	command := strings.Join(args[1:], " ")
	_, rest, ok := strings.Cut(string(text), "```sh\n"+command+"\n```\n\n```text\n")
	want, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		ts.Fatalf("%s does not show `%s`", args[0], command)
	}
	waitUntil(ts, func() error {
		if err := ts.Exec(args[1], args[2:]...); err != nil { // of what is not there yet
			return fmt.Errorf("%w\n%s", err, ts.ReadFile("stderr"))
		}
		if got := ts.ReadFile("stdout"); masked(got) != masked(want) {
			return fmt.Errorf("%s shows of `%s`\n%s\nand it prints\n%s", args[0], command, want, got)
		}
		return nil
	})
}
