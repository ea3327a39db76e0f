//go:build python

package python

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// section is the text behind a heading of the README, with its blocks by language.
func section(t *testing.T, heading string) (text string, blocks map[string][]string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(top(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("README.md has no section %s", heading)
	}
	text, _, _ = strings.Cut(rest, "\n## ")
	blocks = map[string][]string{}
	for _, m := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		blocks[m[1]] = append(blocks[m[1]], m[2])
	}
	return text, blocks
}

func TestTheREADMEShowsTheProgramAsItIs(t *testing.T) {
	program, err := os.ReadFile(filepath.Join(top(t), "examples/python/train.py"))
	if err != nil {
		t.Fatal(err)
	}
	_, blocks := section(t, "Train")
	if len(blocks["python"]) != 1 || !strings.Contains(string(program), blocks["python"][0]) {
		t.Errorf("the program in README.md is no part of train.py: %q", blocks["python"])
	}
}

// TestTheREADMEsLoopCloses runs what the README says, line by line; the packages are installed already.
func TestTheREADMEsLoopCloses(t *testing.T) {
	text, blocks := section(t, "Train")
	if len(blocks["sh"]) != 2 {
		t.Fatalf("README.md has %d blocks of commands in this section, not two", len(blocks["sh"]))
	}
	lines := strings.Split(strings.TrimSpace(blocks["sh"][0]), "\n")
	if len(lines) != 3 || lines[0] != "pip install -r examples/python/requirements.txt" || !strings.HasPrefix(lines[1], "./retrainer dev ") {
		t.Fatalf("this test does not know the first block of commands any more: %q", lines)
	}
	p := newPipeline(t)
	p.dev.line = lines[1]
	p.run()
	worker := p.process("worker", lines[2])
	worker.start()

	out := p.sh("set -e\n" + blocks["sh"][1])
	var last struct{ Value value }
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, `{"topic":"retrain.results"`) {
			if err := json.Unmarshal([]byte(line), &last); err != nil {
				t.Fatal(err)
			}
		}
	}
	said := regexp.MustCompile(`accuracy (0\.\d+); the old version has (0\.\d+) there \(base_accuracy\)`).FindStringSubmatch(text)
	if said == nil {
		t.Fatal("README.md does not say any more what comes out")
	}
	for i, metric := range []string{"accuracy", "base_accuracy"} {
		want, err := strconv.ParseFloat(said[i+1], 64)
		if got := last.Value.Metrics[metric]; err != nil || math.Abs(got-want) > 0.03 {
			t.Errorf("%s is %v; README.md says %v (%v)", metric, got, want, err)
		}
	}
	p.quiet(2)
	worker.stop()
	p.dev.stop()
}
