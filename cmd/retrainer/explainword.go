package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/docs"
	"github.com/visutility/retrainer/retrain"
)

// decisionsDocument is where words are explained, beside the program's source.
const decisionsDocument = "docs/decisions.md"

// explainedWord is what docs/decisions.md says of one word.
type explainedWord struct {
	Word   string `json:"word"`
	Of     string `json:"of"`     // what it is a word of: reasons of a decision, ends of a command ...
	Anchor string `json:"anchor"` // of the heading in the document
	Text   string `json:"text"`
}

var (
	markedLink = regexp.MustCompile(`\[([^][]+)\]\([^()]+\)`)
	emphasis   = regexp.MustCompile(`\*+([^*\n]+)\*+`)
)

// explainedWords are those of the document, in its order.
func explainedWords() (all []explainedWord) {
	of := ""
	for _, part := range strings.Split("\n"+docs.Decisions, "\n#")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		switch level, name, _ := strings.Cut(heading, " "); level {
		case "#":
			of = name
		case "##":
			text = emphasis.ReplaceAllString(markedLink.ReplaceAllString(strings.TrimSpace(text), "$1"), "$1")
			words := strings.Fields(name)
			all = append(all, explainedWord{Word: words[len(words)-1], Of: of, Anchor: strings.Join(words, "-"), Text: text})
		}
	}
	return all
}

func explainWordCommand(c *configuration) *cobra.Command {
	return command(c, "word WORD", "Explain a word of decisions, alerts, results, events and dead letters, such as cooldown: what it means, and what to do", cobra.ExactArgs(1),
		func(cmd *cobra.Command, args []string) error {
			p, known, found := &page{out: cmd.OutOrStdout()}, []string{}, 0
			for _, s := range explainedWords() {
				if !slices.Contains(known, s.Word) {
					known = append(known, s.Word)
				}
				if s.Word != args[0] {
					continue
				}
				found++
				if c.json {
					line, err := json.Marshal(s)
					if err != nil {
						return err
					}
					if err := writeLine(p.out, line); err != nil {
						return err
					}
					continue
				}
				title := "%s (%s; %s#%s)"
				if found == 1 {
					p.line(title, s.Word, strings.ToLower(s.Of), decisionsDocument, s.Anchor)
				} else {
					p.heading(title, s.Word, strings.ToLower(s.Of), decisionsDocument, s.Anchor)
				}
				for line := range strings.Lines(s.Text) {
					p.line("  %s", strings.TrimRight(line, "\n"))
				}
			}
			if found == 0 {
				return fmt.Errorf("%q is no word that is explained%s (all of them: %s)", args[0], suggestions(args[0], known), strings.Join(known, ", "))
			}
			return p.err
		})
}

// meaning says where a word is explained.
func (p *page) meaning(word, anchor string) {
	p.heading("what %s means: retrainer explain word %s (%s#%s)", word, word, decisionsDocument, anchor)
}

// meaningOfEnd is where the end of a command is explained.
func (p *page) meaningOfEnd(state retrain.ResultState) {
	anchor := string(state)
	if state == retrain.ResultSuperseded { // alerts have the word as well
		anchor = "result-" + anchor
	}
	p.meaning(string(state), anchor)
}
