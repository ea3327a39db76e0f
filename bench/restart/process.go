package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What a process logs on its way.
const (
	listening = "listening"
	joined    = "joined"
	running   = "running" // of a task, which has restored what it works with
)

// process is one life of an instance of a side.
type process struct {
	cmd   *exec.Cmd
	began time.Time

	mu      sync.Mutex
	at      map[string]time.Duration // when it last said so, since it began: listening, joined, and running of a task
	last    string                   // line of its log
	stopped bool
	closed  chan struct{}
}

func start(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), at: map[string]time.Duration{}, closed: make(chan struct{})}
	log, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.closed)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			p.read(lines.Bytes())
		}
	}()
	return p, nil
}

func (p *process) read(line []byte) {
	var l struct{ Message, State string }
	_ = json.Unmarshal(line, &l) // what is not JSON is the last word of one that failed
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = string(line)
	if what := cmp.Or(l.State, l.Message); what == running || what == listening || what == joined {
		p.at[what] = time.Since(p.began)
	}
}

// stages are when it listened, had joined the group, and had restored what it works with; without such a moment the one before.
func (p *process) stages() (all [3]time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, what := range []string{listening, joined, running} {
		all[i] = p.at[what]
		if i > 0 {
			all[i] = max(all[i], all[i-1])
		}
	}
	return all
}

// cpu is the time of processors that it has had, user and system; 0 where that cannot be told of another process.
func (p *process) cpu() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|2), &t) != nil { // the clock of a process: CPUCLOCK_SCHED of Linux
		return 0
	}
	return time.Duration(t.Nano())
}

func (p *process) kill() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	_ = p.cmd.Process.Kill()
	<-p.closed
	_ = p.cmd.Wait() // it was killed
}

// failed says why a process has ended that nobody killed; nil: it lives.
func (p *process) failed() error {
	select {
	case <-p.closed:
	default:
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil
	}
	return fmt.Errorf("%s has ended: %s", p.cmd.Args[:2], p.last)
}
