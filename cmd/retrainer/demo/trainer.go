package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
)

// errTakenAway is how a training ends whose machine was taken away.
var errTakenAway = errors.New("the machine was taken away")

// Train is a training program by the contract of `retrainer worker`: the command comes as JSON from in, out gets lines of progress and
// the result. The first training of the model failOnce fails, as long as nothing is known of it in the directory above this one.
func Train(in io.Reader, out io.Writer, failOnce string) error {
	var command struct {
		ID     string `json:"command_id"`
		Model  string `json:"model"`
		Trials []struct {
			Values map[string]string `json:"values"`
		} `json:"trials"`
	}
	if err := json.NewDecoder(in).Decode(&command); err != nil {
		return fmt.Errorf("the command: %w", err)
	}
	best := 0
	score := func(trial int) float64 {
		h := fnv.New32a()
		fmt.Fprintf(h, "%s %d", command.ID, trial)
		return 0.9 + float64(h.Sum32()%1000)/10000
	}
	lines := json.NewEncoder(out)
	for i := range command.Trials {
		if score(i) > score(best) {
			best = i
		}
		if err := lines.Encode(map[string]any{"step": i + 1, "total": len(command.Trials), "metrics": map[string]float64{"mAP": score(i)}}); err != nil {
			return err
		}
	}
	if command.Model == failOnce {
		marker, err := os.OpenFile(filepath.Join("..", "failed-once"), os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			return errors.Join(marker.Close(), lines.Encode(map[string]any{"error": errTakenAway.Error()}), errTakenAway)
		}
	}
	if len(command.Trials) == 0 {
		return lines.Encode(map[string]any{"metrics": map[string]float64{"mAP": score(0)}})
	}
	return lines.Encode(map[string]any{"metrics": map[string]float64{"mAP": score(best)}, "best_params": command.Trials[best].Values})
}
