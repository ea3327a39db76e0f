package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// policy has a limit that can be drawn, and no cool-down to wait for.
const policy = `
revision: 1
defaults: {cooldown: 1h}
observe:
- on: drift
  rules:
  - {name: low-p, sustained: {of: p_value, below: 0.01, k: 3, n: 4}, action: full}
- on: performance
  rules:
  - {threshold: {of: mAP_change, below: -0.05, clear: -0.02}, action: soft}
`

const patience = 5 * time.Minute

// until repeats do until it says nothing, or for so long that what it says last is the truth.
func until(t *testing.T, do func() error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		err := do()
		if err == nil {
			return
		}
		if time.Since(began) > patience {
			t.Fatal(err)
		}
	}
}

// service is `retrainer dev`, as people start it.
type service struct {
	t                    *testing.T
	dir, program, broker string
	page                 string // that of the broker too is what it logs
	log                  output
}

// output is what a process has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var brokerLogged, pageLogged = regexp.MustCompile(`"broker":"([^"]+)"`), regexp.MustCompile(`"page":"(http://[^"]+)"`)

func start(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, dir: t.TempDir()}
	s.program = filepath.Join(s.dir, "retrainer")
	build := exec.Command("go", "build", "-o", s.program, "./cmd/retrainer")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "policy.yaml"), []byte(policy), 0o644); err != nil {
		t.Fatal(err)
	}
	s.background("dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--policy", "policy.yaml")
	until(t, func() error {
		broker, page := brokerLogged.FindStringSubmatch(s.log.String()), pageLogged.FindStringSubmatch(s.log.String())
		if broker == nil || page == nil {
			return fmt.Errorf("no address of a broker or of a page is logged:\n%s", s.log.String())
		}
		s.broker, s.page = broker[1], page[1]
		return nil
	})
	return s
}

func (s *service) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, args...)
	cmd.Dir, cmd.Env = s.dir, os.Environ()
	if s.broker != "" { // else this is the one that has it
		cmd.Env = append(cmd.Env, "VTY_BROKERS="+s.broker)
	}
	return cmd
}

// background runs the program until the test ends.
func (s *service) background(args ...string) {
	s.t.Helper()
	cmd := s.command(args...)
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil && s.t.Failed() {
			s.t.Logf("%v:\n%s", err, s.log.String())
		}
	})
}

func (s *service) run(input string, args ...string) string {
	s.t.Helper()
	cmd := s.command(args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// event is a line for `produce`.
type event map[string]any

func (s *service) produce(topic string, events ...event) {
	s.t.Helper()
	var lines bytes.Buffer
	for _, e := range events {
		if err := json.NewEncoder(&lines).Encode(e); err != nil {
			s.t.Fatal(err)
		}
	}
	s.run(lines.String(), "produce", topic)
}

// ago is a time of an event.
func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }
