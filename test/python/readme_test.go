//go:build python

package python

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/visutility/retrainer/internal/docs"
)

func TestTheREADMEShowsTheProgramAsItIs(t *testing.T) {
	program, err := os.ReadFile(filepath.Join(top(t), "examples/python/train.py"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range docs.Mine(t) {
		if !strings.Contains(string(program), b.Text) {
			t.Errorf("%s is no part of train.py:\n%s", b, b.Text)
		}
	}
}

// TestTheREADMEsLoopCloses types what the README says, then what that of the examples says; the packages are installed already.
func TestTheREADMEsLoopCloses(t *testing.T) {
	p := newPipeline(t)
	w := docs.Open(t, p.dir, "VTY_BROKERS="+p.broker, "VTY_LISTEN="+p.broker, "VTY_HTTP="+p.http,
		"PATH="+filepath.Dir(os.Getenv("RETRAINER_PYTHON"))+":"+os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1")
	w.Replace("pip install", "python -m pip install") // which an environment that was moved has too
	w.Do("README.md", "")

	var last struct{ Value value }
	lines := strings.Split(strings.TrimSpace(w.Said("./retrainer tail retrain.results --from start --count 2")), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatalf("%v in %q", err, lines)
	}
	text, err := os.ReadFile(filepath.Join(top(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`accuracy (0\.\d+); the old version has (0\.\d+) there \(base_accuracy\)`).FindStringSubmatch(string(text))
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
	w.Stop("worker") // one or the other, it says
	w.Do("examples/python/README.md", "")
}

// The loop that the README of the events shows writes what `convert river` reads.
func TestTheLoopForRiverWritesWhatConvertReads(t *testing.T) {
	const detector = `
import json
class Detector:
    drift_detected = False
    def update(self, x):
        self.drift_detected = x > 1
samples, detector = [0, 2, 0], Detector()
`
	for _, b := range docs.Mine(t) {
		out, err := exec.Command(os.Getenv("RETRAINER_PYTHON"), "-c", detector+b.Text+"print(json.dumps(log))").CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", b, err, out)
		}
		convert := exec.Command("go", "run", "./examples/events/convert", "river", "-model", "m", "-window", "1h")
		convert.Dir, convert.Stdin = top(t), strings.NewReader(string(out))
		if events, err := convert.CombinedOutput(); err != nil || !strings.Contains(string(events), "drift_detected") {
			t.Errorf("%v from %s\n%s", err, out, events)
		}
	}
}
