package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// resultFormat is written into each result.json. A worker that finds a greater one does not guess what it means.
const resultFormat = 1

// result is how a command ended, as it stands in result.json.
type result struct {
	Format     int                  `json:"format"`
	CommandID  string               `json:"command_id"`
	State      retrain.ProgressKind `json:"state"` // succeeded or failed
	NewVersion string               `json:"new_version,omitempty"`
	Metrics    map[string]float64   `json:"metrics,omitempty"`
	BestParams map[string]string    `json:"best_params,omitempty"`
	Error      *failure             `json:"error,omitempty"`
	At         time.Time            `json:"at"`
}

type failure struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Retryable bool   `json:"retryable"`
}

// mostResult is more than results take: what a record may carry of metrics and best_params, and texts.
const mostResult = 1 << 20

// finished is what stands in result.json; !ok: there is none.
func (d directory) finished() (trained *retrain.Trained, err error, ok bool) { //nolint:revive // err is what stands there
	text, err := os.ReadFile(d.file("result.json"))
	if missing(err) {
		return nil, nil, false
	}
	var r result
	if err == nil {
		err = r.read(text, d.commandID)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s cannot be used: %w; the command was run to its end, and is not run again on a guess: "+
			"look into stdout.log beside it, then write the file anew, or move it away to have the command trained again", retrain.ErrIO, d.file("result.json"), err), true
	}
	if f := r.Error; f != nil {
		return nil, &retrain.TrainingError{Code: f.Code, Message: f.Message, Retryable: f.Retryable}, true
	}
	return &retrain.Trained{NewVersion: r.NewVersion, Metrics: r.Metrics, BestParams: r.BestParams}, nil, true
}

func (r *result) read(text []byte, commandID string) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(r); err != nil {
		return fmt.Errorf("it is no JSON object of ours (%w)", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind its JSON object")
	}
	switch {
	case r.Format > resultFormat:
		return fmt.Errorf("its format is %d, this program knows %d: a newer one wrote it", r.Format, resultFormat)
	case r.Format < 1:
		return errors.New("it has no format")
	case r.CommandID != commandID:
		return fmt.Errorf("it is of the command %q", r.CommandID)
	case r.State != retrain.Succeeded && r.State != retrain.Failed:
		return fmt.Errorf("its state is %q, not succeeded or failed", r.State)
	case (r.State == retrain.Failed) != (r.Error != nil):
		return fmt.Errorf("its state is %s, which does not go with its error", r.State)
	}
	return nil
}

// outcome is how a run ended: trained, or err, a *retrain.TrainingError.
type outcome struct {
	trained *retrain.Trained
	err     *retrain.TrainingError
}

func (o outcome) result() (*retrain.Trained, error) {
	if o.err != nil {
		return nil, o.err
	}
	return o.trained, nil
}

// room is a file as long as any result, made before the run: a program that fills the disk does not take away the place
// where its own result shall stand.
func (d directory) room() (*os.File, error) {
	f, err := os.OpenFile(d.file("result.json.new"), os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		if _, err = f.WriteAt(bytes.Repeat([]byte{' '}, mostResult), 0); err == nil {
			err = f.Sync()
		}
		if err == nil {
			return f, nil
		}
		_ = f.Close()
	}
	return nil, d.ioError("has no room for a result", err)
}

// record makes an outcome the command's result.
func (d directory) record(f *os.File, o outcome, at time.Time) error {
	r := result{Format: resultFormat, CommandID: d.commandID, State: retrain.Succeeded, At: at.UTC().Truncate(time.Millisecond)}
	if o.err != nil {
		r.State, r.Error = retrain.Failed, &failure{o.err.Code, o.err.Message, o.err.Retryable}
	} else {
		r.NewVersion, r.Metrics, r.BestParams = o.trained.NewVersion, o.trained.Metrics, o.trained.BestParams
	}
	text, err := json.Marshal(r)
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("%w: %w", retrain.ErrInternal, err)
	}
	text = append(text, '\n')
	err = put(f, d.file("result.json"), text)
	if missing(err) { // the program has cleared its directory, or removed it
		if err = errors.Join(os.MkdirAll(d.path, 0o755), syncDir(filepath.Dir(d.path))); err == nil {
			err = writeFile(d.file("result.json"), text)
		}
	}
	if err != nil {
		return d.ioError("does not take the result", err)
	}
	return nil
}
