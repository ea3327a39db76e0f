package worker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// run is the program at work on one command.
type run struct {
	*Config
	dir      directory
	training *retrain.Training
	begun    time.Time
	log      zerolog.Logger
	out      output
}

// stopped says why a program was told to end.
type stopped int

const (
	byItself  stopped = iota // it was not
	cancelled                // the worker shuts down, or has lost the command
	overdue                  // the command's max_runtime is over
)

// After the program's own end its children may have a last word to say through its pipes; then they are ended.
const lastWords = time.Second

// toEnd runs the program and records how it ended.
func (r *run) toEnd(ctx context.Context, path string, args []string, lock *os.File) (*retrain.Trained, error) {
	room, err := r.dir.room()
	if err != nil {
		return nil, err
	}
	end := func(o outcome) (*retrain.Trained, error) {
		r.reached("ended")
		if err := r.dir.record(room, o, time.Now()); err != nil {
			return nil, err
		}
		r.reached("recorded")
		return o.result()
	}
	if left := r.left(); left != nil && *left <= 0 {
		return end(r.tooLong())
	}
	reports := startReports(r.ReportEvery, r.training.Report)
	r.out.report = reports.put
	why, status, err := r.once(ctx, path, args, lock)
	reports.end()
	if err != nil {
		closeAll(room)
		return nil, err
	}
	if why == byItself && status.told() && r.toldToo(ctx) {
		why = cancelled
	}
	finished := status.success() && r.out.last != nil && r.out.last.held()
	switch {
	case why == cancelled && !finished:
		closeAll(room)
		return nil, ctx.Err()
	case why == overdue && !finished:
		return end(r.tooLong())
	}
	return end(r.outcome(status))
}

// toldToo waits a moment for the worker to be told to end, as its program was: a system that shuts down, and a service manager, may
// tell all processes at once. Such a program was not at fault.
func (r *run) toldToo(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-time.After(r.Grace):
		return false
	}
}

// left is the time that the command has from its first start on; nil: any. A clock that was set back since gives it no more than it
// had at the start.
func (r *run) left() *time.Duration {
	now, begun := time.Now(), r.begun
	if begun.After(now) {
		begun = now
	}
	end, limited := Deadline(r.training.Command, begun)
	if !limited {
		return nil
	}
	return new(time.Until(end))
}

// once starts the program, waits for its end and ends what it leaves behind.
func (r *run) once(ctx context.Context, path string, args []string, lock *os.File) (stopped, exitStatus, error) {
	outEnd, errEnd, err := r.out.open(r.dir, r.Config, r.log)
	if err != nil {
		return 0, exitStatus{}, err
	}
	stdin, err := os.Open(r.dir.commandFile())
	if err != nil {
		r.out.close()
		closeAll(outEnd, errEnd)
		return 0, exitStatus{}, r.dir.ioError("has lost the command", err)
	}
	p, err := start(&exec.Cmd{
		Path: path, Args: args, Dir: r.dir.path, Env: environment(os.Environ(), r.dir.commandFile()),
		Stdin: stdin, Stdout: outEnd, Stderr: errEnd, ExtraFiles: []*os.File{lock},
	})
	closeAll(stdin, outEnd, errEnd)
	if err != nil {
		r.out.close()
		return 0, exitStatus{}, fmt.Errorf("%w: the program %s cannot be started: %w", retrain.ErrTrainerUnavailable, path, err)
	}
	note(lock, p.pid)
	r.log.Info().Int("pid", p.pid).Str("directory", r.dir.path).Msg("the training program runs")
	read := r.read()
	r.reached("running")
	why, ended := r.supervise(ctx, p)
	if !ended {
		return why, exitStatus{}, fmt.Errorf("%w: the program (process %d) does not end, though it was killed: it hangs in the operating system", retrain.ErrTrainerUnavailable, p.pid)
	}
	wait(read, lastWords)
	p.signal(kill)
	r.dir.endDaemons(lock)
	if !wait(read, lastWords) { // somebody out of reach holds the pipes
		_ = r.out.stdout.from.SetReadDeadline(time.Now())
		_ = r.out.stderr.from.SetReadDeadline(time.Now())
		<-read
	}
	return why, p.reap(), nil
}

// read reads both streams to their ends.
func (r *run) read() (done <-chan struct{}) {
	ended := make(chan struct{})
	var both sync.WaitGroup
	both.Go(r.out.stdout.read)
	both.Go(r.out.stderr.read)
	go func() {
		both.Wait()
		close(ended)
	}()
	return ended
}

func wait(done <-chan struct{}, most time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(most):
		return false
	}
}

// supervise waits for the end of the program, and brings it about when it must end.
func (r *run) supervise(ctx context.Context, p *process) (why stopped, ended bool) {
	var timeUp <-chan time.Time
	if left := r.left(); left != nil {
		timer := time.NewTimer(*left)
		defer timer.Stop()
		timeUp = timer.C
	}
	select {
	case <-p.ended:
		return byItself, true
	case <-ctx.Done():
		why = cancelled
		r.log.Info().Err(context.Cause(ctx)).Msg("the training program is told to end; the command will be taken up again")
	case <-timeUp:
		why = overdue
		r.log.Warn().Msg("the training program is told to end: the command's max_runtime is over")
	}
	select {
	case <-p.ended: // at the same moment
		return byItself, true
	default:
	}
	p.signal(terminate)
	if wait(p.ended, r.Grace) {
		return why, true
	}
	r.log.Warn().Dur("grace", r.Grace).Msg("the training program did not end when told to: it is killed")
	p.signal(kill)
	return why, wait(p.ended, unkillable)
}

// A killed process that is still there after so long waits for a device.
const unkillable = 10 * time.Second

const commandVariable = "RETRAIN_COMMAND"

// environment is the worker's own, without its passwords. Python writes line by line, for progress that comes in blocks is none.
func environment(own []string, commandFile string) (env []string) {
	unbuffered := "PYTHONUNBUFFERED=1"
	for _, e := range own {
		name, _, _ := strings.Cut(e, "=")
		switch {
		case name == commandVariable, strings.HasPrefix(name, "VTY_") && strings.Contains(name, "PASSWORD"):
			continue
		case name == "PYTHONUNBUFFERED":
			unbuffered = e
			continue
		}
		env = append(env, e)
	}
	return append(env, unbuffered, commandVariable+"="+commandFile)
}
