//go:build kafka

package kafka

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A feeding is a producer of examples/ that writes events to a topic of its own.
type feeding struct {
	name    string   // its topic is monitoring.drift.NAME, its streams NAME-0 ...
	events  int      // in all
	env     []string // more of it
	program string
	args    []string // the topic is put in place of TOPIC
}

func (f *feeding) topic() string { return "monitoring.drift." + f.name }

const feedStreams = 100

// counting is a policy under which a stream fires at its last event if each of its events was folded once: `all` wants so many
// checks, and `twice`, which wants one more, never fires; it stands first, so that the command would be its own. Commands that
// nobody takes expire at once, so there are results.
func counting(feeds []*feeding) string {
	lines := ""
	for _, f := range feeds {
		lines += fmt.Sprintf(`- on: drift
  match: {stream: "%s-*"}
  rules:
  - {name: twice, threshold: {of: p_value, below: 0.5, min_checks: %d}, action: full}
  - {name: all, threshold: {of: p_value, below: 0.5, min_checks: %d}, action: full}
`, f.name, f.events/feedStreams+1, f.events/feedStreams)
	}
	return "revision: 1\nobserve:\n" + lines + "defaults: {cooldown: 24h, train: {start_by: 1s}}\n"
}

// lines are the events, in order of time; the last of each stream is a drift.
func (f *feeding) lines() *bytes.Reader {
	var out bytes.Buffer
	began := time.Now().Add(-time.Minute).UTC()
	for i := range f.events {
		p := 0.9
		if i >= f.events-feedStreams {
			p = 0.1
		}
		at := began.Add(time.Duration(i/feedStreams) * time.Millisecond).Format("2006-01-02T15:04:05.000Z")
		fmt.Fprintf(&out, "{\"stream_id\":\"%s-%d\",\"p_value\":%g,\"event_id\":\"%d\",\"timestamp\":%q}\n", f.name, i%feedStreams, p, i, at)
	}
	return bytes.NewReader(out.Bytes())
}

func (f *feeding) run(t testing.TB, brokers string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, f.program, f.args...)
	for i, arg := range cmd.Args {
		cmd.Args[i] = strings.ReplaceAll(arg, "TOPIC", f.topic())
	}
	cmd.Dir, cmd.Env, cmd.Stdin = top, append(append(os.Environ(), "VTY_BROKERS="+brokers), f.env...), f.lines()
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if want := fmt.Sprintf("%d written to %s", f.events, f.topic()); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%s: %v\n%s", f.name, err, out)
		return
	}
	t.Logf("%s wrote %d events in %.1f s", f.name, f.events, time.Since(began).Seconds())
}

// java is the command line of a class of examples/java, which is built; python has the packages of examples/python.
func java(t testing.TB) func(class string, args ...string) []string {
	t.Helper()
	if out, err := exec.Command("mvn", "-q", "-B", "-f", filepath.Join(top, "examples/java"), "package").CombinedOutput(); err != nil {
		t.Fatalf("mvn package: %v\n%s", err, out)
	}
	return func(class string, args ...string) []string {
		path := "examples/java/target/classes:examples/java/target/lib/*"
		return append([]string{"-cp", path, "org.example.monitoring." + class}, args...)
	}
}

func python(t testing.TB) string {
	t.Helper()
	return strings.TrimSpace(command(t, filepath.Join(top, "tools/python/environment")))
}

// serve starts an instance of an app on the topics of producers.
func (a *app) serve(name string, feeds []*feeding, args ...string) *instance {
	a.t.Helper()
	var topics []string
	for _, f := range feeds {
		topics = append(topics, f.topic())
	}
	common := []string{"--brokers", a.c.brokers, "--app", name, "--drift-topic", strings.Join(topics, ",")}
	command(a.t, a.program, append([]string{"topics", "apply"}, common...)...)
	a.deploy(name, counting(feeds))
	i := newInstance(a.t, a.dir, a.program, name, append(append([]string{"serve", "--policy", a.policyFile(name), "--http", "127.0.0.1:0", "--log-level", "debug"}, common...), args...)...)
	i.start(nil)
	return i
}

// write has all producers write at the same time.
func (a *app) write(feeds ...[]*feeding) {
	a.t.Helper()
	var writing sync.WaitGroup
	for _, f := range slices.Concat(feeds...) {
		writing.Go(func() { f.run(a.t, a.c.brokers) })
	}
	writing.Wait()
}

// eachStreamIsCommandedOnce: all of its events were folded, none of them twice, and no record was a dead letter.
func (a *app) eachStreamIsCommandedOnce(name string, feeds []*feeding) {
	a.t.Helper()
	missing := map[string]bool{}
	for _, f := range feeds {
		for n := range feedStreams {
			missing[fmt.Sprintf("%s-%d", f.name, n)] = true
		}
	}
	for _, r := range a.tail(name+".commands", len(missing)) {
		model, _ := r.Value["model"].(string)
		evidence, _ := json.Marshal(r.Value["evidence"]) // of JSON
		if !missing[model] || !strings.Contains(string(evidence), `"rule":"all"`) || strings.Contains(string(evidence), `"rule":"twice"`) {
			a.t.Errorf("a command too many, or by another rule: %+v", r)
		}
		delete(missing, model)
	}
	if len(missing) > 0 {
		a.t.Errorf("of these streams events were not folded: %v", missing)
	}
	if dead := a.tail(name+".dlq", 0); len(dead) > 0 {
		a.t.Errorf("%d dead letters, the first is %+v", len(dead), dead[0])
	}
}

// areReadByJava: the commands, and their results (nobody takes them, so they expire), but not a record that was aborted.
func (a *app) areReadByJava(ctx context.Context, name string, classes func(string, ...string) []string, commands int, env ...string) {
	a.t.Helper()
	a.tail(name+".results", commands)
	a.abort(ctx, name+".commands")
	cmd := exec.CommandContext(ctx, "java", classes("Commands", fmt.Sprint(2*commands))...)
	cmd.Dir, cmd.Env = top, append(append(os.Environ(), "VTY_BROKERS="+a.c.brokers, "VTY_APP="+name), env...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		a.t.Fatalf("Commands: %v\n%s", err, log.String())
	}
	ids := map[string]int{}
	for line := range strings.Lines(string(out)) {
		var v struct {
			CommandID string `json:"command_id"`
			Model     string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Model == "" {
			a.t.Fatalf("%v in %s", err, line)
		}
		ids[v.CommandID]++
	}
	for id, n := range ids {
		if n != 2 || id == never {
			a.t.Errorf("Java read %d records of command %s; want the command and its result", n, id)
		}
	}
	if len(ids) != commands {
		a.t.Errorf("Java read %d commands; want %d", len(ids), commands)
	}
}

const never = "00000000-0000-4000-8000-000000000000"

// abort writes a command of another id behind one of a topic, in a transaction that is aborted.
func (a *app) abort(ctx context.Context, topic string) {
	a.t.Helper()
	one := a.tail(topic, 1)[0]
	id, _ := one.Value["command_id"].(string)
	client, err := kgo.NewClient(a.c.seeds(), kgo.TransactionalID("aborted"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {one.Partition: kgo.NewOffset().At(one.Offset)}}), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		a.t.Fatal(err)
	}
	defer client.Close()
	fetches := client.PollRecords(ctx, 1)
	if err := fetches.Err0(); err != nil || fetches.NumRecords() == 0 {
		a.t.Fatalf("%s/%d at %d: %v", topic, one.Partition, one.Offset, err)
	}
	value := bytes.ReplaceAll(fetches.Records()[0].Value, []byte(id), []byte(never))
	if err := client.BeginTransaction(); err != nil {
		a.t.Fatal(err)
	}
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: one.Partition, Value: value}).FirstErr(); err != nil {
		a.t.Fatal(err)
	}
	if err := client.EndTransaction(ctx, kgo.TryAbort); err != nil {
		a.t.Fatal(err)
	}
}
