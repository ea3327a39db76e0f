package service

import (
	"os"
	"strings"
	"testing"
)

// The README's lines are the example's, which is run.
func TestTheReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"": true}
	for line := range strings.Lines(string(example)) {
		known[strings.TrimSpace(line)] = true
	}
	_, section, _ := strings.Cut(string(readme), "## In process, without Kafka")
	_, code, found := strings.Cut(section, "```go\n")
	code, _, closed := strings.Cut(code, "```")
	if !found || !closed || strings.Count(code, "\n") < 5 {
		t.Fatal("the README has no such section with Go in it")
	}
	for line := range strings.Lines(code) {
		if !known[strings.TrimSpace(line)] {
			t.Errorf("the README has a line that the example has not: %s", line)
		}
	}
}
