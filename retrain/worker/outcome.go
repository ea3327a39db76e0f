package worker

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/visutility/retrainer/retrain"
)

// tryAgain is the exit status of a failure that is worth another try: EX_TEMPFAIL of sysexits.h.
const tryAgain = 75

// A record's error_message is cut at twice of this.
const mostMessage = 16 << 10

// exitStatus is how a process ended.
type exitStatus struct {
	code       int
	signal     int // 0: by itself
	signalName string
	fault      bool // the signal is the program's own fault: a segmentation fault, an abort
}

func (s exitStatus) success() bool { return s.signal == 0 && s.code == 0 }

// told says whether it ended because somebody told it to: by SIGHUP, SIGINT or SIGTERM, or with the status that shells and others
// give after one of these.
func (s exitStatus) told() bool {
	n := s.signal
	if n == 0 {
		n = s.code - 128
	}
	return n == 1 || n == 2 || n == 15
}

// outcome is what an end means. The exit status alone decides between success and failure; only a result that cannot be
// read makes a failure of a success, for its version would be registered without what it says.
func (r *run) outcome(s exitStatus) outcome {
	if s.success() {
		return r.succeeded()
	}
	e := &retrain.TrainingError{Code: fmt.Sprintf("exit_%d", s.code), Retryable: s.code == tryAgain}
	how := fmt.Sprintf("the program ended with status %d", s.code)
	if s.code > 128 && s.code < 128+32 {
		how += fmt.Sprintf(" (a shell says so of a program that was ended by signal %d)", s.code-128)
	}
	if s.signal != 0 {
		// Killed, hung up on, interrupted: by somebody, or by the system for want of memory. Another time it may not be.
		e.Code, e.Retryable = fmt.Sprintf("signal_%d", s.signal), !s.fault
		how = fmt.Sprintf("the program was ended by signal %d (%s)", s.signal, s.signalName)
		if s.signalName == "killed" {
			how += ", by somebody or by the system for want of memory"
		}
	}
	if own := r.ownError(); own != nil {
		e.Code, e.Message = cmp.Or(shorten(own.Code, beginning), e.Code), shorten(own.Message, mostMessage)
	}
	if e.Message == "" {
		e.Message = how + r.lastWords()
	}
	return outcome{err: e}
}

func (r *run) ownError() *failure {
	if r.out.last == nil {
		return nil
	}
	return r.out.last.err
}

func (r *run) lastWords() string {
	if text := r.out.tail.String(); text != "" {
		return "; the end of its standard error:\n" + text
	}
	return "; it wrote nothing to standard error"
}

func (r *run) tooLong() outcome {
	return outcome{err: &retrain.TrainingError{Code: "max_runtime", Message: fmt.Sprintf(
		"the training took longer than the command allows (max_runtime, %d ms) and was stopped", r.training.Command.MaxRuntimeMs)}}
}

func (r *run) succeeded() outcome {
	last := r.out.last
	switch {
	case r.out.unread != "":
		return invalidResult(fmt.Sprintf("the last line of standard output that begins like a JSON object cannot be read: %s: %s", r.out.unread, shorten(r.out.unreadLine, beginning)))
	case last == nil || !last.result():
		r.log.Info().Msg("the program succeeded and gave no result: the version gets its name from the registry, and no metrics")
		return outcome{trained: &retrain.Trained{}}
	case last.unusable:
		return invalidResult("in the last line of standard output " + strings.Join(last.wrong, "; "))
	}
	if e := last.err; e != nil {
		r.log.Warn().Str("error", shorten(e.Message, mostChat)).Msg("the program gave an error, yet ended with status 0, which is success: let it end with another status when it fails")
	}
	trained := last.trained(r.training.Command.Trials)
	if p := r.training.Command.Ended(trained, nil, "", 0); p.Kind == retrain.Failed { // what no record may carry
		return invalidResult(*p.ErrorMessage)
	}
	return outcome{trained: trained}
}

func invalidResult(message string) outcome {
	return outcome{err: &retrain.TrainingError{Code: "invalid_result", Message: message}}
}
