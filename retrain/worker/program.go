package worker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// Config says what is run and where. Exec, Dir and Encode are needed.
type Config struct {
	// Exec is the program and its arguments, split as a shell does, without the shell. Names of files, and of folders written with
	// a slash, mean what they mean where New is called, though the program runs elsewhere.
	Exec   string
	Dir    string                                 // each command has a directory below it; made if it is not there
	Encode func(*retrain.Command) ([]byte, error) // a command as JSON: JSON of a codec of package schemas, whose names the contract has

	Grace       time.Duration // between SIGTERM and SIGKILL; 0: 5 s
	ReportEvery time.Duration // at most one report in that time, the newest wins; 0: 1 s
	LineBytes   int           // a line of output beyond it is left out; 0: 1 MiB
	LogBytes    int64         // stdout.log and stderr.log end at it; 0: 16 MiB
	Log         zerolog.Logger

	reached func(point string) // tests stop a worker here
}

const (
	grace       = 5 * time.Second
	reportEvery = time.Second
	lineBytes   = 1 << 20
	logBytes    = 16 << 20
)

// Program trains by running a program. It may be used by several goroutines, each with a command of its own.
type Program struct {
	cfg  Config
	path string
	args []string // path's own name first
}

// New checks that the program is there and that the directory can be written to.
func New(cfg Config) (*Program, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	if cfg.Encode == nil {
		return nil, errors.New("worker: Config.Encode is missing: the program gets the command as JSON")
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("cannot tell the folder that the worker was started in: %w", err)
	}
	p := &Program{cfg: cfg}
	if p.path, p.args, err = commandLine(cfg.Exec, here); err != nil {
		return nil, err
	}
	if cfg.Dir == "" {
		return nil, errors.New("no directory for the commands is given: name one that keeps what is in it, for finished trainings are known by it")
	}
	if p.cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, fmt.Errorf("the directory %q: %w", cfg.Dir, err)
	}
	if err := writable(p.cfg.Dir); err != nil {
		return nil, fmt.Errorf("%w: the directory of the commands cannot be used: %w; name another one, or give this user the right to write there", retrain.ErrIO, err)
	}
	if p.cfg.Dir, err = filepath.EvalSymlinks(p.cfg.Dir); err != nil { // one path for one directory, whoever looks for it
		return nil, fmt.Errorf("%w: the directory of the commands: %w", retrain.ErrIO, err)
	}
	p.defaults()
	return p, nil
}

func (p *Program) defaults() {
	c := &p.cfg
	if c.Grace <= 0 {
		c.Grace = grace
	}
	if c.ReportEvery <= 0 {
		c.ReportEvery = reportEvery
	}
	if c.LineBytes <= 0 {
		c.LineBytes = lineBytes
	}
	if c.LogBytes <= 0 {
		c.LogBytes = logBytes
	}
	if c.reached == nil {
		c.reached = func(string) {}
	}
}

func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// SoftRetrain is Train: the command says which of the two it is.
func (p *Program) SoftRetrain(ctx context.Context, t *retrain.Training) (*retrain.Trained, error) {
	return p.Train(ctx, t)
}

// FullRetrain is Train: the command says which of the two it is.
func (p *Program) FullRetrain(ctx context.Context, t *retrain.Training) (*retrain.Trained, error) {
	return p.Train(ctx, t)
}

// Train runs the program for a command to its end, unless the command has a result already, and answers what came of it. The
// error is a *retrain.TrainingError if the training failed, which is recorded; ctx's if it was stopped, and one of the kinds of retrain if it
// could not be run or its end not be written down, which are not: given the same command again, Train trains again.
func (p *Program) Train(ctx context.Context, t *retrain.Training) (*retrain.Trained, error) {
	d, err := p.directory(t.Command.CommandID)
	if err != nil {
		return nil, err
	}
	if trained, err, ok := d.finished(); ok {
		return trained, err
	}
	p.cfg.reached("before")
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	begun, err := p.Begin(t.Command)
	if err != nil {
		return nil, err
	}
	p.cfg.reached("begun")
	log := p.cfg.Log.With().Str("command_id", t.Command.CommandID).Str("model", t.Command.Model).Logger()
	locks, err := d.lock(ctx, p.cfg.Grace, log)
	if err != nil {
		return nil, err
	}
	defer locks.release()
	if trained, err, ok := d.finished(); ok { // by the worker that had the lock
		return trained, err
	}
	r := &run{Config: &p.cfg, dir: d, training: t, begun: begun, log: log}
	return r.toEnd(ctx, p.path, p.args, locks.program)
}

// Finished is what result.json says of a command; !ok: it has none. err is a *retrain.TrainingError, unless the file cannot be read.
func (p *Program) Finished(commandID string) (trained *retrain.Trained, err error, ok bool) { //nolint:revive // err is what is asked for
	d, err := p.directory(commandID)
	if err != nil {
		return nil, nil, false
	}
	return d.finished()
}

// Begin notes that a command has been begun, and gives it its directory. Train does it as well; a worker does it before it says
// that it has started, so that it takes the command up again after a crash, whatever the time is then.
func (p *Program) Begin(c *retrain.Command) (at time.Time, err error) {
	d, err := p.directory(c.CommandID)
	if err != nil {
		return time.Time{}, err
	}
	if at, ok := d.begun(); ok {
		return at, nil
	}
	text, err := p.cfg.Encode(c)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: the command %s cannot be written as JSON: %w", retrain.ErrInternal, c.CommandID, err)
	}
	return d.begin(text, time.Now())
}

// Begun says since when a command is in its directory.
func (p *Program) Begun(commandID string) (at time.Time, ok bool) {
	d, err := p.directory(commandID)
	if err != nil {
		return time.Time{}, false
	}
	return d.begun()
}

// Deadline is when the max_runtime of a command that was begun at a time is over; !limited: never.
func Deadline(c *retrain.Command, begun time.Time) (at time.Time, limited bool) {
	const most = math.MaxInt64 / int64(time.Millisecond) // what a Duration holds: 292 years
	if c.MaxRuntimeMs <= 0 || c.MaxRuntimeMs > most {
		return time.Time{}, false
	}
	return begun.Add(time.Duration(c.MaxRuntimeMs) * time.Millisecond), true
}

// notFound explains a program that cannot be started.
func notFound(name, here string, err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("the program %q was not found: neither on PATH nor in %s", name, here)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("the program %q may not be run: chmod +x it, or name its interpreter (python %s)", name, name)
	}
	return fmt.Errorf("the program %q cannot be run: %w", name, err)
}
