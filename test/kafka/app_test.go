//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// app is the program on a cluster of its own.
type app struct {
	t       *testing.T
	c       *cluster
	dir     string
	program string
	policy  string // file
	all     []*instance
}

// newApp starts a cluster and makes the topics.
func newApp(t *testing.T, nodes int, random *rand.Rand, policy string) *app {
	t.Helper()
	dir, err := os.MkdirTemp("", "retrainer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the programs' logs are in %s", dir)
		} else {
			_ = os.RemoveAll(dir)
		}
	})
	a := &app{t: t, dir: dir, policy: filepath.Join(dir, "policy.yaml")}
	if err := os.WriteFile(a.policy, []byte(policy), 0o644); err != nil {
		t.Fatal(err)
	}
	a.program = build(t, dir, "./cmd/retrainer")
	a.c = startCluster(t, nodes, random)
	if out, err := exec.Command(a.program, "topics", "plan", "--brokers", a.c.brokers).CombinedOutput(); err == nil || !strings.Contains(string(out), "retrain.ledger is missing") {
		t.Errorf("topics plan on an empty cluster: %v\n%s", err, out)
	}
	command(t, a.program, "topics", "apply", "--brokers", a.c.brokers, "--replication", strconv.Itoa(nodes))
	command(t, a.program, "topics", "plan", "--brokers", a.c.brokers)
	return a
}

// add makes an instance, which is not started yet.
func (a *app) add(name string, args ...string) *instance {
	a.t.Helper()
	serve := []string{"serve", "--brokers", a.c.brokers, "--policy", a.policy, "--http", "127.0.0.1:0", "--session-timeout", "6s", "--log-level", "debug"}
	i := newInstance(a.t, a.dir, a.program, name, append(serve, args...)...)
	a.all = append(a.all, i)
	return i
}

// tasks of the app: two event topics, progress, requests, ledger.
func (a *app) tasks() int { return 2*partitions + 3 }

func isReady(ready readiness) bool { return ready.Ready }

// isIdle: all of it runs, and nothing waits.
func isIdle(ready readiness) bool {
	for _, t := range ready.Tasks {
		if t.Lag != 0 {
			return false
		}
	}
	return ready.Ready
}

// settle waits until every living instance says so, three times in a row, and together they have all tasks.
func (a *app) settle(ctx context.Context, what string, good func(readiness) bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	row, last := 0, ""
	for row < 3 {
		tasks, ok := 0, true
		for _, i := range a.all {
			if !i.alive() {
				continue
			}
			ready, err := i.readiness()
			ok = ok && err == nil && good(ready)
			tasks += len(ready.Tasks)
			last = fmt.Sprintf("%s: %+v, %v", i.name, ready, err)
		}
		if row++; !ok || tasks != a.tasks() {
			row = 0
		}
		if err := wait(ctx, 300*time.Millisecond); err != nil {
			a.t.Fatalf("waiting until %s: %v; last seen %s; logs in %s", what, err, last, a.dir)
		}
	}
}

// end stops the instances one after the other, when everything is folded.
func (a *app) end(ctx context.Context) {
	a.t.Helper()
	for _, i := range a.all {
		if i.alive() {
			a.settle(ctx, "all is folded", isIdle)
			i.stop()
		}
	}
}

// judge runs the program from outside.
func (a *app) judge() {
	out, err := exec.Command(build(a.t, a.dir, "./judge"), "full", "--brokers", a.c.brokers, "--schemas", filepath.Join(top, "schemas")).CombinedOutput()
	a.t.Logf("%s", out)
	if err != nil {
		a.t.Errorf("the judge: %v", err)
	}
}

func transactional(task string) string {
	at := strings.LastIndexByte(task, '/')
	return "retrain." + task[:at] + "." + task[at+1:]
}
