//go:build kafka

package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// app is the program on a cluster of its own.
type app struct {
	t       testing.TB
	c       *cluster
	dir     string
	program string
	policy  string // text that an instance begins with
	all     []*instance
	more    int // partitions that were added to event topics
}

// newApp starts a cluster and makes the topics.
func newApp(t testing.TB, nodes int, random *rand.Rand, policy string) *app {
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
	a := &app{t: t, dir: dir, policy: policy}
	a.program = build(t, dir, "./cmd/retrainer")
	a.c = startCluster(t, nodes, random)
	if out, err := exec.Command(a.program, "topics", "plan", "--brokers", a.c.brokers).CombinedOutput(); err == nil || !strings.Contains(string(out), "retrain.ledger is missing") {
		t.Errorf("topics plan on an empty cluster: %v\n%s", err, out)
	}
	command(t, a.program, "topics", "apply", "--brokers", a.c.brokers, "--replication", strconv.Itoa(nodes))
	until(context.Background(), t, "every topic is named, by whatever broker is asked", func() bool {
		return exec.Command(a.program, "topics", "plan", "--brokers", a.c.brokers).Run() == nil
	})
	return a
}

// shortSession is that of every instance that is told nothing else: as short as brokers allow.
const shortSession = 6 * time.Second

// add makes an instance, which is not started yet.
func (a *app) add(name string, args ...string) *instance {
	a.t.Helper()
	a.deploy(name, a.policy)
	serve := []string{"serve", "--brokers", a.c.brokers, "--policy", a.policyFile(name), "--http", "127.0.0.1:0", "--session-timeout", fmt.Sprint(shortSession), "--log-level", "debug"}
	i := newInstance(a.t, a.dir, a.program, name, append(serve, args...)...)
	a.all = append(a.all, i)
	return i
}

// policyFile is an instance's own: a deploy reaches one after the other.
func (a *app) policyFile(instance string) string { return filepath.Join(a.dir, instance+".yaml") }

// deploy gives an instance another policy, for its next start.
func (a *app) deploy(instance, policy string) {
	a.t.Helper()
	if err := os.WriteFile(a.policyFile(instance), []byte(policy), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

// revision is the text of a policy: odd revisions have one set of rules, even ones another, with some in both.
func revision(t testing.TB, n int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "cmd/retrainer/testdata/switch", []string{"two", "one"}[n%2]+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("revision: %d\n%s", n, text)
}

// tasks of the app: two event topics, progress, requests, ledger.
func (a *app) tasks() int { return 2*partitions + 3 + a.more }

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
	const most = 10 * time.Minute // on two busy cores it takes seconds
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	row, last := 0, ""
	for row < 3 {
		tasks, ok := 0, true
		for _, i := range a.all {
			if !i.alive() {
				continue
			}
			if i.endedAlone() {
				a.t.Fatalf("waiting until %s: %s has ended", what, i.name)
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
			_ = wait(ctx, 2*time.Second) // a task knows of the lag what its last fetch was told
			a.settle(ctx, "all is folded still", isIdle)
			i.stop()
		}
	}
}

// judge runs the program from outside, and has the product verify as well; what the judge says.
func (a *app) judge(args ...string) string {
	a.t.Helper()
	said := judge(a.t, a.dir, a.c.brokers, args...)
	a.t.Log(a.verify())
	return said
}

// judge judges a whole app on a cluster; the program is built into the folder.
func judge(t testing.TB, dir, brokers string, args ...string) string {
	t.Helper()
	said, err := judged(t, dir, brokers, args...)
	if err != nil {
		t.Errorf("the judge: %v", err)
	}
	return said
}

// judged is judge for a test that knows what to do about an error.
func judged(t testing.TB, dir, brokers string, args ...string) (said string, err error) {
	t.Helper()
	args = append([]string{"full", "--brokers", brokers, "--schemas", filepath.Join(top, "schemas")}, args...)
	out, err := exec.Command(build(t, dir, "./judge"), args...).CombinedOutput()
	t.Logf("%s", out)
	return string(out), err
}

// judgeSwitches judges a run with alerts of all kinds, and more that it must have had; how many policies were active, and how often
// partitions of events went over to another.
func (a *app) judgeSwitches(more ...string) (policies, switches int) {
	a.t.Helper()
	said := a.judge()
	number := func(what string) (n int) {
		if m := regexp.MustCompile(`(\d+) ` + what).FindStringSubmatch(said); m != nil {
			n, _ = strconv.Atoi(m[1]) // it is of digits
		}
		return n
	}
	for _, what := range append([]string{"alerts on drift", "alerts on concept_drift", "alerts on performance", "alerts resolved recovered", "alerts resolved rule_removed"}, more...) {
		if number(what) == 0 {
			a.t.Errorf("the run has no %s", what)
		}
	}
	return number("policies"), number("switches")
}

// verify has the program fold the ledger again, also while instances run.
func (a *app) verify() string { return command(a.t, a.program, "verify", "--brokers", a.c.brokers) }

func transactional(task string) string {
	at := strings.LastIndexByte(task, '/')
	return "retrain." + task[:at] + "." + task[at+1:]
}

// record is a line of `tail`.
type record struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       string
	Value     map[string]any
}

// tail reads a topic from its start: as many records as asked for, or all that there are.
func (a *app) tail(topic string, count int) (records []record) {
	a.t.Helper()
	args := []string{"tail", topic, "--brokers", a.c.brokers, "--from", "start", "--until", "end"}
	if count > 0 {
		args = append(args[:6], "--count", fmt.Sprint(count), "--timeout", patience.String())
	}
	for _, line := range strings.Split(strings.TrimSpace(command(a.t, a.program, args...)), "\n") {
		var r record
		if line == "" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			a.t.Fatalf("tail %s: %v in %q", topic, err, line)
		}
		records = append(records, r)
	}
	return records
}

// produce writes lines of JSON to a topic.
func (a *app) produce(topic string, lines ...string) {
	a.t.Helper()
	feed(a.t, strings.Join(lines, "\n")+"\n", a.program, "produce", topic, "--brokers", a.c.brokers)
}

// drop is an event as a line of JSON: a model has lost more than the limit.
func drop(model, id string, at time.Time) string {
	return fmt.Sprintf(`{"model_id":%q,"event_id":%q,"mAP_change":-0.12,"timestamp":%q}`, model, id, at.UTC().Format("2006-01-02T15:04:05.000Z"))
}
