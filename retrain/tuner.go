package retrain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/visutility/retrainer/internal/nearest"
)

// Tuner proposes the trials of a command: for each of at most n trials a value of every parameter of the space, by name. It is
// pure: the same space, n and command give the same trials.
type Tuner interface {
	Propose(space []Parameter, n int, commandID string) []map[string]string
}

// tuners are known by their names, the default one first. Never changed.
var tuners = []struct {
	name string
	Tuner
}{{"grid", GridSearch{}}, {"random", RandomSearch{}}}

var defaultTuner = tuners[0].name

// NewTuner is the tuner of that name; "" is grid. Nothing in this package reads the environment: VTY_TUNER is for the caller to
// hand over.
func NewTuner(name string) (Tuner, error) {
	if name == "" {
		name = defaultTuner
	}
	for _, t := range tuners {
		if t.name == name {
			return t.Tuner, nil
		}
	}
	text := fmt.Sprintf("tuner %s is unknown; known are %s", shownText(name), strings.Join(TunerNames(), ", "))
	if near := nearest.Word(strings.ToLower(name), TunerNames()); near != "" {
		text += "; did you mean " + near + "?"
	}
	return nil, errors.New(text)
}

// TunerNames are the names that a policy may give.
func TunerNames() []string {
	names := make([]string, len(tuners))
	for i, t := range tuners {
		names[i] = t.name
	}
	return names
}

// trials are those of a command: the parent's best parameters first where they lie in the space, then the tuner's.
func (t *Train) trials(commandID string, best map[string]string) []Trial {
	tuner, err := NewTuner(t.Tuner)
	if err != nil {
		panic(err) // a policy has none but known ones
	}
	rows := tuner.Propose(t.Space, t.Trials, commandID)
	if len(best) > 0 && liesIn(t.Space, best) {
		rest := rows
		rows = []map[string]string{best}
		for _, row := range rest {
			if !maps.Equal(row, best) {
				rows = append(rows, row)
			}
		}
		rows = rows[:min(len(rows), t.Trials)]
	}
	trials := make([]Trial, len(rows))
	for i, row := range rows {
		trials[i] = Trial{int32(i), row}
	}
	return trials
}

// liesIn says whether there is a value in range for every parameter, and no other.
func liesIn(space []Parameter, best map[string]string) bool {
	if len(best) != len(space) {
		return false
	}
	for _, p := range space {
		if text, ok := best[p.Name]; !ok || !p.has(text) {
			return false
		}
	}
	return true
}

func (p *Parameter) has(text string) bool {
	if p.Low == nil {
		for _, v := range p.Values {
			if v == text {
				return true
			}
		}
		return false
	}
	// JSON's numbers and nothing else: no space, no plus, no leading zero; none that outgrows a command.
	if len(text) > maxBestValue || !json.Valid([]byte(text)) || !strings.ContainsAny(text[:1], "-0123456789") || bytes.ContainsAny([]byte(text), " \t\r\n") ||
		p.Type == Int && strings.ContainsAny(text, ".eE") {
		return false
	}
	x := parseFloat(text)
	return *p.Low <= x && x <= *p.High
}

// parseFloat reads a number that was checked; one too large is infinite.
func parseFloat(text string) float64 {
	x, _ := strconv.ParseFloat(text, 64)
	return x
}
