//go:build kafka

package kafka

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// States of a task, as the program logs them.
const (
	fencing    = "fencing"
	loading    = "loading"
	replaying  = "replaying"
	running    = "running"
	committing = "committing"
	ended      = "ended"
)

// instance is one process of the program, started again and again.
type instance struct {
	t      testing.TB
	binary string
	name   string
	args   []string
	log    *os.File // all lines of all its lives

	mu     sync.Mutex
	cmd    *exec.Cmd
	tasks  map[string]string // state by topic/partition, in this life
	http   string
	aim    func(task, state string) // told of every state, by the goroutine that reads the log
	closed chan struct{}            // its log has ended
	asked  bool                     // to end, by a signal or by what its cluster is made to say
	want   string                   // in its last line
	last   string                   // line of its log
	loads  int                      // how often a partition was loaded, in all lives
}

func newInstance(t testing.TB, dir, binary, name string, args ...string) *instance {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{t: t, binary: binary, name: name, log: log, args: args}
	t.Cleanup(func() {
		if i.alive() {
			_ = i.signal(syscall.SIGCONT)
			i.kill()
		}
		_ = log.Close()
	})
	return i
}

// start begins a new life. aim may be nil.
func (i *instance) start(aim func(task, state string)) {
	i.t.Helper()
	cmd := exec.Command(i.binary, i.args...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		i.t.Fatalf("%s: %v", i.name, err)
	}
	closed := make(chan struct{})
	i.mu.Lock()
	i.cmd, i.tasks, i.http, i.aim, i.closed, i.asked, i.last, i.want = cmd, map[string]string{}, "", aim, closed, false, "", ""
	i.mu.Unlock()
	fmt.Fprintf(i.log, "{\"message\":\"started\",\"pid\":%d}\n", cmd.Process.Pid)
	go func() {
		defer close(closed)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			i.read(lines.Bytes())
			_, _ = i.log.Write(append(lines.Bytes(), '\n'))
		}
		last, asked := i.ending()
		if !asked {
			i.t.Errorf("%s has ended by itself; the last line of its log is: %s", i.name, last)
		}
		if want := i.expected(); !strings.Contains(last, want) {
			i.t.Errorf("%s has ended without saying %q; the last line of its log is: %s", i.name, want, last)
		}
	}()
}

// ending says what its log ended with, and whether it was asked to end.
func (i *instance) ending() (last string, asked bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.last, i.asked
}

// expect has it end by itself, with a last line that says so.
func (i *instance) expect(last string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked, i.want = true, last
}

func (i *instance) expected() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.want
}

// endedAlone says whether it has ended without having been asked to.
func (i *instance) endedAlone() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-i.closed:
		return !i.asked
	default:
		return false
	}
}

// read takes a log line.
func (i *instance) read(line []byte) {
	i.mu.Lock()
	i.last = string(line)
	i.mu.Unlock()
	var l struct {
		Message   string
		Topic     string
		Partition int32
		State     string
		HTTP      string
	}
	if json.Unmarshal(line, &l) != nil {
		return
	}
	i.mu.Lock()
	if l.HTTP != "" {
		i.http = l.HTTP
	}
	aim, task := i.aim, fmt.Sprintf("%s/%d", l.Topic, l.Partition)
	if l.Message == "task" && l.State != "" {
		i.tasks[task] = l.State
		if l.State == ended {
			delete(i.tasks, task)
		}
		if l.State == loading {
			i.loads++
		}
	}
	i.mu.Unlock()
	if aim != nil && l.Message == "task" {
		aim(task, l.State)
	}
}

// setAim has a running process watched; nil: no more.
func (i *instance) setAim(aim func(task, state string)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.aim = aim
}

func (i *instance) alive() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.cmd != nil
}

func (i *instance) signal(s syscall.Signal) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cmd == nil {
		return os.ErrProcessDone
	}
	i.asked = i.asked || s == syscall.SIGKILL || s == syscall.SIGTERM
	return i.cmd.Process.Signal(s)
}

// states are those of its tasks now.
func (i *instance) states() map[string]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.tasks)
}

// kill is SIGKILL; the states of its tasks are those at its death, since its log is read to the end.
func (i *instance) kill() map[string]string {
	i.t.Helper()
	if err := i.signal(syscall.SIGKILL); err != nil {
		i.t.Fatalf("%s: SIGKILL: %v", i.name, err)
	}
	i.gone()
	return i.states()
}

// gone waits for its end; the exit code.
func (i *instance) gone() int {
	i.t.Helper()
	select {
	case <-i.closed:
	case <-time.After(patience):
		i.t.Fatalf("%s has not ended within %s; its log is %s", i.name, patience, i.log.Name())
	}
	_ = i.cmd.Wait() // the exit code says it
	code := i.cmd.ProcessState.ExitCode()
	i.mu.Lock()
	i.cmd = nil
	i.mu.Unlock()
	return code
}

// stop is SIGTERM; it commits, leaves and exits with 0. (That 10 s are enough for it the simulator holds, where no machine is busy.)
func (i *instance) stop() {
	i.t.Helper()
	if err := i.signal(syscall.SIGTERM); err != nil {
		i.t.Fatalf("%s: SIGTERM: %v", i.name, err)
	}
	if code := i.gone(); code != 0 {
		i.t.Errorf("%s: exit %d after SIGTERM; its log is %s", i.name, code, i.log.Name())
	}
}

// readiness is what /readyz says.
type readiness struct {
	Ready      bool
	Generation int32
	Why        string
	Tasks      []struct {
		Topic     string
		Partition int32
		State     string
		Lag       int64
		Why       string
	}
}

func (i *instance) readiness() (r readiness, err error) {
	i.mu.Lock()
	address := i.http
	i.mu.Unlock()
	if address == "" {
		return r, fmt.Errorf("%s does not listen yet", i.name)
	}
	client := http.Client{Timeout: 10 * time.Second} // its own answer takes a millisecond
	res, err := client.Get("http://" + address + "/readyz")
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	return r, json.NewDecoder(res.Body).Decode(&r)
}

// built has how each program of this module is built: once for all tests.
var built sync.Map

// programs is where they stand; TestMain makes it.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "programs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// build puts a program of this module into a folder, built with these flags.
func build(t testing.TB, dir, pkg string, flags ...string) string {
	t.Helper()
	once, _ := built.LoadOrStore(fmt.Sprint(pkg, flags), sync.OnceValues(func() (string, error) {
		folder, err := os.MkdirTemp(programs, "")
		if err != nil {
			return "", err
		}
		binary := filepath.Join(folder, filepath.Base(pkg))
		cmd := exec.Command("go", append(append([]string{"build", "-o", binary}, flags...), pkg)...)
		cmd.Dir = top
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
		}
		return binary, nil
	}))
	binary, err := once.(func() (string, error))()
	link := filepath.Join(dir, filepath.Base(pkg))
	if err == nil {
		err = os.Symlink(binary, link)
	}
	if err != nil && !errors.Is(err, os.ErrExist) { // from an earlier call
		t.Fatal(err)
	}
	return link
}

// command runs a program to its end, which must be good; what it printed to standard output.
func command(t testing.TB, binary string, args ...string) string {
	t.Helper()
	return feed(t, "", binary, args...)
}

// feed is command with a standard input.
func feed(t testing.TB, input, binary string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience+time.Minute) // what it waits for may have a sentence of its own
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(binary), strings.Join(args, " "), err, out.String(), log.String())
	}
	return out.String()
}
