//go:build !linux && !darwin

package worker

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

func supported() error {
	return errors.New("a worker runs training programs on Linux and macOS only, not on " + runtime.GOOS + ": run it there, or in a container")
}

type signalNumber int

const (
	terminate signalNumber = 15
	kill      signalNumber = 9
)

type process struct {
	pid   int
	ended chan struct{}
}

func start(*exec.Cmd) (*process, error) { return nil, supported() }

func (p *process) signal(signalNumber) {}

func (p *process) reap() exitStatus { return exitStatus{code: -1} }

func tryLock(*os.File) (bool, error) { return false, supported() }

func (d directory) leftBehind(*os.File, bool) []int { return nil }

func signalAll([]int, signalNumber) {}
