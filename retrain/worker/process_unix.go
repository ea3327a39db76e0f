//go:build linux || darwin

package worker

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

func supported() error { return nil }

const (
	terminate = syscall.SIGTERM
	kill      = syscall.SIGKILL
)

// process is a program that leads a session and a process group of its own, so that a signal reaches all of it, and ^C at the
// worker's terminal reaches the worker alone.
type process struct {
	pid   int
	ended chan struct{} // closed when it has ended
	close chan struct{}
	state chan *os.ProcessState
}

func start(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = attributes()
	p := &process{ended: make(chan struct{}), close: make(chan struct{}), state: make(chan *os.ProcessState, 1)}
	started := make(chan error)
	go p.follow(cmd, started)
	if err := <-started; err != nil {
		return nil, err
	}
	p.pid = cmd.Process.Pid
	return p, nil
}

// follow stays on one thread: the kernel takes the end of the thread that started the program for the parent's.
func (p *process) follow(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	started <- err
	if err != nil {
		return
	}
	awaitEnd(cmd)
	close(p.ended)
	<-p.close
	_ = cmd.Wait() // its error repeats the state
	p.state <- cmd.ProcessState
}

// signal reaches the whole group. A group that is stopped goes on, or it would never hear of it.
func (p *process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.pid, s) // ESRCH: all have ended
	_ = syscall.Kill(-p.pid, syscall.SIGCONT)
}

// reap gives the process back to the system, and its number.
func (p *process) reap() exitStatus {
	close(p.close)
	state := <-p.state
	if state == nil {
		return exitStatus{code: -1}
	}
	w, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !w.Signaled() {
		return exitStatus{code: state.ExitCode()}
	}
	s := w.Signal()
	e := exitStatus{code: -1, signal: int(s), signalName: s.String()}
	switch s {
	case syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGSYS, syscall.SIGTRAP:
		e.fault = true
	}
	return e
}

// tryLock takes the lock of an open file; false: another open file has it. It ends when all descriptors of this open file are closed,
// inherited ones included, so it is never released by a call.
func tryLock(f *os.File) (bool, error) {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}
