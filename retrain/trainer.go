package retrain

import (
	"errors"
	"fmt"
)

// Training is one command in a trainer's hands.
type Training struct {
	Command *Command          // shared with others: a trainer does not change it
	Report  func(step Report) // called by the trainer now and then, from one goroutine at a time; never nil
}

// Report says how far a training is: so many steps of Total, in the trainer's own unit (epochs, trials, batches). What is not
// known is left out.
type Report struct {
	Step, Total *int64
	Metrics     map[string]float64
}

// Trained is what came of a training that succeeded. Each may be left out.
type Trained struct {
	NewVersion string             // like v5.5; "": the registry numbers it
	Metrics    map[string]float64 // finite numbers
	BestParams map[string]string  // Values of the best of the command's trials: the next command from this version begins with them
}

// The kinds of errors of trainers and registries, for errors.Is. A trainer wraps one:
//
//	fmt.Errorf("%w: no GPU is free", ErrTrainerUnavailable)
//
// They are the error codes trainer_unavailable, registry and io of a result, which are worth another try, and internal, which is
// not. An error of no kind is internal.
var (
	ErrTrainerUnavailable = errors.New("trainer unavailable")
	ErrRegistry           = errors.New("registry error")
	ErrIO                 = errors.New("io error")
	ErrInternal           = errors.New("internal")
)

// TrainingError says that a training ran and failed.
type TrainingError struct {
	Code      string // short, for programs: exit_1, signal_9, max_runtime
	Message   string // for people
	Retryable bool   // the same command may succeed if it is tried again
}

func (e *TrainingError) Error() string { return e.Message }

// failureOf is what a result says of an error: that of a training as it is, else by its kind.
func failureOf(err error) *TrainingError {
	var failed *TrainingError
	switch {
	case errors.As(err, &failed):
		return failed
	case errors.Is(err, ErrTrainerUnavailable):
		return &TrainingError{"trainer_unavailable", err.Error(), true}
	case errors.Is(err, ErrRegistry):
		return &TrainingError{"registry", err.Error(), true}
	case errors.Is(err, ErrIO):
		return &TrainingError{"io", err.Error(), true}
	}
	return &TrainingError{"internal", err.Error(), false}
}

// Started is the progress that says that a worker has begun. at is ms since 1970, as in all of these.
func (c *Command) Started(worker string, at int64) *Progress {
	return &Progress{CommandID: c.CommandID, Kind: Started, Worker: &worker, At: at}
}

// Reported is the progress that says how far it is.
func (c *Command) Reported(r Report, worker string, at int64) *Progress {
	return &Progress{CommandID: c.CommandID, Kind: InProgress, Worker: &worker, At: at, Step: r.Step, Total: r.Total, Metrics: r.Metrics}
}

// Ended is the last progress: what was trained, or why nothing was. What a trainer says and no record may carry makes it
// failed, with invalid_result.
func (c *Command) Ended(trained *Trained, err error, worker string, at int64) *Progress {
	p := &Progress{CommandID: c.CommandID, Kind: Succeeded, Worker: &worker, At: at}
	if err == nil && trained == nil {
		err = fmt.Errorf("%w: the trainer gave neither a result nor an error", ErrInternal)
	}
	if err == nil {
		p.Metrics, p.BestParams = trained.Metrics, trained.BestParams
		if trained.NewVersion != "" {
			p.NewVersion = &trained.NewVersion
		}
		invalid := p.Check()
		if invalid == nil {
			return p
		}
		err = &TrainingError{"invalid_result", "the result of the training cannot be used: " + invalid.Message, false}
	}
	f := failureOf(err)
	return &Progress{CommandID: c.CommandID, Kind: Failed, Worker: &worker, At: at, ErrorCode: &f.Code, ErrorMessage: &f.Message, Retryable: &f.Retryable}
}
