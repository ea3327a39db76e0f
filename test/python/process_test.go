//go:build python

package python

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that runs until it is told to stop, and is started again after a kill.
type process struct {
	t    *testing.T
	name string
	line string // for bash
	dir  string
	env  []string
	log  string // file of all its lives
	cmd  *exec.Cmd
}

func (p *process) start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command("bash", "-c", "exec "+p.line) // its pid is the program's
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.dir, p.env, log, log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	p.t.Cleanup(func() {
		if p.cmd != nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
}

// kill is SIGKILL to the program alone: what it has started is left to itself.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatalf("%s is gone before its kill: %v\n%s", p.name, err, p.said())
	}
	_ = p.cmd.Wait() // killed
	p.cmd = nil
}

// stop is SIGTERM, after which it must end well.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("%s is gone before it was stopped: %v\n%s", p.name, err, p.said())
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%s after SIGTERM: %v\n%s", p.name, err, p.said())
	}
	p.cmd = nil
}

// said is the end of its log.
func (p *process) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// says waits until its log has a text so many times.
func (p *process) says(text string, times int) {
	p.t.Helper()
	wait(p.t, fmt.Sprintf("%s says %q %d times", p.name, text, times), func() bool {
		all, err := os.ReadFile(p.log)
		return err == nil && strings.Count(string(all), text) >= times
	})
}

const patience = 3 * time.Minute // of a machine that others use too; a training takes seconds

// wait looks until something is so.
func wait(t *testing.T, what string, good func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !good(); <-tick.C {
		if time.Since(began) > patience {
			t.Fatalf("waited %s until %s", patience, what)
		}
	}
}

// top is the repository.
func top(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
