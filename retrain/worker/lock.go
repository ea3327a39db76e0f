package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// locks keep a directory to one worker and one program. That of the worker ends with it; that of the program is inherited by what it
// starts, and ends with the last of them.
type locks struct{ worker, program *os.File }

func (l *locks) release() { closeAll(l.worker, l.program) }

const lookEvery = 50 * time.Millisecond

// lock takes both. A living worker is waited for; what a dead one has left running is ended.
func (d directory) lock(ctx context.Context, grace time.Duration, log zerolog.Logger) (*locks, error) {
	l := new(locks)
	err := d.lockWorker(ctx, l, log)
	if err == nil {
		err = d.lockProgram(ctx, l, grace, log)
	}
	if err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

func (d directory) open(name string) (*os.File, error) {
	f, err := os.OpenFile(d.file(name), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, d.ioError("cannot be locked", err)
	}
	return f, nil
}

func (d directory) lockWorker(ctx context.Context, l *locks, log zerolog.Logger) (err error) {
	if l.worker, err = d.open("worker.lock"); err != nil {
		return err
	}
	for told := false; ; told = true {
		free, err := tryLock(l.worker)
		if err != nil {
			return d.ioError("cannot be locked", err)
		}
		if free {
			return nil
		}
		if !told {
			log.Warn().Str("directory", d.path).Msg("another worker of this machine has the command: its end is waited for")
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// lockProgram ends what an earlier run has left: told to at first, after the grace by force.
func (d directory) lockProgram(ctx context.Context, l *locks, grace time.Duration, log zerolog.Logger) (err error) {
	if l.program, err = d.open("program.lock"); err != nil {
		return err
	}
	free, began := false, time.Now()
	for told, killing := false, false; ; {
		if !free {
			if free, err = tryLock(l.program); err != nil {
				return d.ioError("cannot be locked", err)
			}
		}
		left := d.leftBehind(l.program, !free)
		if free && len(left) == 0 {
			return nil
		}
		past := time.Since(began)
		switch {
		case !told:
			told = true
			log.Warn().Ints("processes", left).Msg("an earlier worker's training is still running here: it is ended first")
			signalAll(left, terminate)
		case past > grace+unkillable:
			return fmt.Errorf("%w: an earlier run of command %s is still at work and cannot be ended: processes %v hold %s (lsof names them); end them, or restart this machine",
				retrain.ErrTrainerUnavailable, d.commandID, left, d.file("program.lock"))
		case past > grace:
			if !killing {
				killing = true
				log.Warn().Ints("processes", left).Msg("it did not end when told to: it is killed")
			}
			signalAll(left, kill)
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// endDaemons ends what has left the group of a program that has ended, where that can be told. A daemon that shall outlive its training
// is started without RETRAIN_COMMAND in its environment.
func (d directory) endDaemons(lock *os.File) {
	for range 20 {
		left := d.leftBehind(lock, false)
		if len(left) == 0 {
			return
		}
		signalAll(left, kill)
		time.Sleep(5 * time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// note writes the program's process group into its lock, for those who look for it.
func note(lock *os.File, pid int) {
	text := fmt.Appendf(nil, "%d\n", pid)
	_, err := lock.WriteAt(text, 0)
	_ = errors.Join(err, lock.Truncate(int64(len(text))))
}
