package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/visutility/retrainer/consumer/wire"
)

// waiting tells whoever started a command what it waits for: at once, and again now and then.
type waiting struct {
	mu       sync.Mutex
	ctx      context.Context // of the command: nothing is told once it was interrupted
	out      io.Writer
	json     bool // what is said are objects, a line each
	brokers  string
	said     time.Time
	answered bool // the cluster has answered at least once
}

// sayAgain is how long nothing more is said of what is still waited for.
const sayAgain = 10 * time.Second

func (w *waiting) begin(ctx context.Context, out io.Writer, asJSON bool, brokers []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.out, w.json, w.brokers = ctx, out, asJSON, strings.Join(brokers, ", ")
}

// tell is told what a client waits for; nil: it was answered.
func (w *waiting) tell(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var unanswered *wire.RequestError
	switch {
	case err == nil:
		w.answered = true
	case w.ctx.Err() != nil, time.Since(w.said) < sayAgain:
	case w.answered || !errors.As(err, &unanswered):
		w.say("waiting for the cluster at %s: %s; tried until it answers, ^C ends it", w.brokers, cause(err))
	default:
		w.say("waiting for a broker at %s: none has answered yet (%s); tried until one does, ^C ends it", w.brokers, cause(err))
	}
}

// tellRegistry tells that a schema registry is waited for.
func (w *waiting) tellRegistry(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() == nil && time.Since(w.said) >= sayAgain {
		w.say("waiting for the schema registry: %v; tried until it answers, ^C ends it", err)
	}
}

func (w *waiting) say(format string, a ...any) {
	w.said = time.Now()
	w.write("waiting", fmt.Sprintf(format, a...))
}

// write writes a sentence, or an object of one.
func (w *waiting) write(kind, text string) {
	if w.json {
		_ = writeJSON(w.out, map[string]string{kind: text}) // what is said beside the work stops nothing
		return
	}
	fmt.Fprintf(w.out, "retrainer: %s\n", text)
}

// warn tells of a mistake that stops nothing.
func (w *waiting) warn(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.json {
		why = "warning: " + why
	}
	w.write("warning", why)
}

// reached tells whether the cluster has answered at all.
func (w *waiting) reached() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answered
}

// cause says why there was no answer, without the requests that were tried.
func cause(err error) string {
	var r *wire.RequestError
	if !errors.As(err, &r) || r.Err == nil {
		return err.Error()
	}
	if several, ok := r.Err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, e := range several.Unwrap() {
			all = append(all, cause(e))
		}
		return strings.Join(all, "; ")
	}
	switch {
	case errors.As(r.Err, new(*wire.RequestError)):
		return cause(r.Err)
	case errors.As(r.Err, new(*net.OpError)) && !errors.Is(r.Err, wire.ErrNotKafka):
		return r.Err.Error() // names the address
	case errors.Is(r.Err, context.DeadlineExceeded):
		return r.Address + ": no answer in time"
	}
	return r.Address + ": " + r.Err.Error()
}

// interruption is how a command ends that was interrupted before it had done what it was asked to.
type interruption struct{ how string }

func (i *interruption) Error() string { return "interrupted: " + i.how }
