package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a running program of the story.
type process struct {
	cmd  *exec.Cmd
	log  string // the file with what it says
	done chan struct{}
	err  error // how it ended, once done is closed
}

// start starts this program as a process of its own, in dir. It reads neither variables nor the file of whoever runs the demo.
func start(program, dir, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = dir, log, log, tied()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "VTY_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() { // ends with the process
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// ended tells whether it has ended, and how.
func (p *process) ended() (bool, error) {
	select {
	case <-p.done:
		return true, p.err
	default:
		return false, nil
	}
}

// kill ends it at once, wherever it is.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// stop asks it to end, and ends it if it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		p.kill()
	}
}

// said is the value of a field in the last line of the log that has it and a message.
func (p *process) said(message, field string) (value string, ok bool) {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return "", false
	}
	for line := range bytes.Lines(text) {
		var fields map[string]any
		if json.Unmarshal(line, &fields) != nil || fields["message"] != message {
			continue
		}
		if v, has := fields[field].(string); has {
			value, ok = v, true
		}
	}
	return value, ok
}

// lastWords are the last lines of its log.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
