package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Minute

// until repeats do until it says nothing, or for so long that what it says last is the truth.
func until(t *testing.T, what string, do func() error) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		err := do()
		if err == nil {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// freePorts begins ten ports that nobody listens on, and ten a thousand further for what kafka-local puts there.
func freePorts(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 15_000 + 10*rand.IntN(1400)
		free := true
		for _, p := range []int{port, port + 1, port + 2, port + 3, port + 4, port + 5, port + 1000} {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if free = free && errors.Is(err, syscall.ECONNREFUSED); err == nil {
				c.Close()
			}
		}
		if free {
			return port
		}
	}
	t.Fatal("no free ports")
	return 0
}

// program is the product, built as the tree stands.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "retrainer")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/retrainer")
	cmd.Dir, cmd.Env = top, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// process is a command of one of the files, in the world of this test.
type process struct {
	args  []string
	env   map[string]string
	stdin string
	dir   string
	exit  int // status of one that lasts, when it is told to end
}

func (p *process) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir, cmd.Stdin = p.dir, strings.NewReader(p.stdin)
	for _, v := range os.Environ() { // what the machine has set for the program is not in the file
		if !strings.HasPrefix(v, "VTY_") && !strings.HasPrefix(v, "KAFKA_") && !strings.HasPrefix(v, "REGISTRY_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	for k, v := range p.env { // order: none
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// ends does a command to its end, which must be a success.
func (p *process) ends(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience) // also in a test's cleanup
	defer cancel()
	cmd := p.command(ctx)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v\n%s%s", p.args, err, out.String(), errs.String())
	}
	return out.String()
}

// lasts starts a command that goes on until the test ends it, and then must end as it should. It returns the file of what it says.
func (p *process) lasts(t *testing.T) (said string) {
	t.Helper()
	said = filepath.Join(t.TempDir(), "said")
	out, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	cmd := p.command(context.Background())
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		late.Stop()
		if cmd.ProcessState.ExitCode() != p.exit || t.Failed() {
			text, _ := os.ReadFile(said)
			t.Errorf("%q: %v\n%s", p.args, cmd.ProcessState, text)
		}
		out.Close()
	})
	return said
}
