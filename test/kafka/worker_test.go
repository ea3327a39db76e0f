//go:build kafka

package kafka

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// trainScript is a training program: it notes its start, goes on when it is let, and gives a version.
const trainScript = `echo start >> starts
: > ready
while [ ! -e go ]; do sleep 0.02; done
echo end >> ends
echo '{"new_version":"v2","metrics":{"auc":0.9}}'
`

// victim is a worker of one model, which is its modality as well, with the model's command.
type victim struct {
	*app
	*instance
	model   string
	command record
	work    string
	begun   bool // by the kill before it should have
}

// The same as in cmd/retrainer's test of the embedded broker, where each point is explained.
func TestWorkersKilledAtEachLineOfTheirLifeGiveOneResult(test *testing.T) {
	test.Parallel()
	t := tell(test)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	points := []struct {
		model  string
		kill   func(*victim, context.Context)
		starts int // of the program
	}{
		{"before", (*victim).beforeItBegins, 1},
		{"training", (*victim).inTraining, 2},
		{"written", (*victim).whenTheResultIsWritten, 1},
		{"reported", (*victim).whenTheEndIsReported, 1},
	}
	policy := "models:\n"
	for _, p := range points {
		policy += fmt.Sprintf("- {match: {model: %s}, train: {modality: %s}}\n", p.model, p.model)
	}
	a := newApp(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), policy)
	a.add("a").start(nil)
	a.settle(ctx, "the instance runs", isReady)
	if err := os.WriteFile(filepath.Join(a.dir, "train.sh"), []byte(trainScript), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, p := range points {
		a.produce("monitoring.performance", drop(p.model+"/v1", p.model, time.Now()))
	}
	commands := a.tail("retrain.commands", len(points))
	var all []*victim
	for _, p := range points {
		all = append(all, a.victim(p.model, commands))
	}
	for i, p := range points {
		p.kill(all[i], ctx)
	}
	for _, v := range all {
		v.next(ctx)
	}
	results := map[string]int{}
	for _, r := range a.tail("retrain.results", 0) {
		results[fmt.Sprint(r.Value["model"], " ", r.Value["state"], " ", r.Value["new_version"], " ", r.Value["late"])]++
	}
	for i, p := range points {
		if n := results[p.model+" succeeded v2 false"]; n != 1 || len(results) != len(points) {
			t.Errorf("%s has %d results of its success; all are %v", p.model, n, results)
		}
		starts, ends := all[i].count("starts"), all[i].count("ends")
		if starts != p.starts && !(all[i].begun && starts == p.starts+1) || ends != 1 {
			t.Errorf("%s: started %d times, want %d; came to its end %d times", p.model, starts, p.starts, ends)
		}
	}
	a.end(ctx)
	a.judge()
}

func (a *app) victim(model string, commands []record) *victim {
	a.t.Helper()
	v := &victim{app: a, model: model}
	for _, c := range commands {
		if c.Value["model"] == model {
			v.command = c
		}
	}
	work := filepath.Join(a.dir, "work")
	v.work = filepath.Join(work, fmt.Sprint(v.command.Value["command_id"]))
	v.instance = newInstance(a.t, a.dir, a.program, "worker-"+model, "worker", "--brokers", a.c.brokers, "--modality", model,
		"--dir", work, "--exec", "sh "+filepath.Join(a.dir, "train.sh"), "--session-timeout", "6s")
	return v
}

func (v *victim) fatalf(format string, args ...any) {
	v.app.t.Helper()
	v.app.t.Fatalf(format, args...)
}

// until looks often: what is waited for may pass within a millisecond.
func (v *victim) until(ctx context.Context, what string, done func() bool) {
	v.app.t.Helper()
	for !done() {
		if err := wait(ctx, time.Millisecond); err != nil {
			v.fatalf("%s: waiting for %s: %v; its log is %s", v.model, what, err, v.log.Name())
		}
	}
}

func (v *victim) there(name string) bool {
	_, err := os.Stat(filepath.Join(v.work, name))
	return err == nil
}

func (v *victim) count(name string) int {
	text, _ := os.ReadFile(filepath.Join(v.work, name)) // without the file it was not
	return bytes.Count(text, []byte("\n"))
}

func (v *victim) said(words string) bool {
	text, _ := os.ReadFile(v.log.Name())
	return strings.Contains(string(text), words)
}

func (v *victim) goOn() {
	if err := os.WriteFile(filepath.Join(v.work, "go"), nil, 0o644); err != nil {
		v.fatalf("%v", err)
	}
}

func (v *victim) beforeItBegins(ctx context.Context) {
	v.start(nil)
	v.until(ctx, "its start", func() bool { return v.said("waiting for commands") })
	v.kill()
	v.begun = v.there("begun.json")
}

// trains has it come into the middle of its training.
func (v *victim) trains(ctx context.Context) {
	v.start(nil)
	v.until(ctx, "the training", func() bool { return v.there("ready") })
	_ = os.Remove(filepath.Join(v.work, "ready")) // the next one makes its own
}

func (v *victim) inTraining(ctx context.Context) {
	v.trains(ctx)
	v.kill()
}

func (v *victim) whenTheResultIsWritten(ctx context.Context) {
	v.trains(ctx)
	const only = 1 // the one broker
	if err := v.c.signal(only, syscall.SIGSTOP); err != nil {
		v.fatalf("%v", err)
	}
	defer func() { _ = v.c.signal(only, syscall.SIGCONT) }()
	v.goOn()
	v.until(ctx, "the result", func() bool { return v.there("result.json") })
	v.kill()
}

func (v *victim) whenTheEndIsReported(ctx context.Context) {
	v.trains(ctx)
	v.goOn()
	v.until(ctx, "the end in retrain.progress", func() bool {
		for _, r := range v.tail("retrain.progress", 0) {
			if r.Value["command_id"] == v.command.Value["command_id"] && r.Value["kind"] == "succeeded" {
				return true
			}
		}
		return false
	})
	v.kill()
	v.until(ctx, "the dead member to be out of its group", func() bool {
		err := v.takeBack(ctx)
		if err != nil && !kerr.IsRetriable(err) && err != kerr.UnknownMemberID {
			v.fatalf("%s: the offset cannot be taken back: %v", v.model, err)
		}
		return err == nil
	})
}

// takeBack sets the group's offset to the command's.
func (v *victim) takeBack(ctx context.Context) error {
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = v.command.Partition, v.command.Offset
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.Partitions = v.command.Topic, []kmsg.OffsetCommitRequestTopicPartition{p}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Topics = "retrain.workers."+v.model, []kmsg.OffsetCommitRequestTopic{topic}
	meta, err := v.c.client.Request(ctx, kmsg.NewPtrMetadataRequest()) // newer versions know topics by their ids
	if err != nil {
		return err
	}
	for _, known := range meta.(*kmsg.MetadataResponse).Topics {
		if known.Topic != nil && *known.Topic == v.command.Topic {
			req.Topics[0].TopicID = known.TopicID
		}
	}
	res, err := req.RequestWith(ctx, v.c.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(res.Topics[0].Partitions[0].ErrorCode)
}

// next starts another worker, and ends it when it has nothing more to do for the command.
func (v *victim) next(ctx context.Context) {
	v.app.t.Logf("%s at the kill: program started %d and ended %d times, result %v", v.model, v.count("starts"), v.count("ends"), v.there("result.json"))
	finished := v.there("result.json")
	v.start(nil)
	if !finished {
		v.until(ctx, "the training", func() bool { return v.there("ready") })
		v.goOn()
	}
	v.until(ctx, "its word on the end", func() bool {
		return v.said(`"message":"trained"`) && !finished || finished && v.said("is reported now") || v.said("is reported already")
	})
	v.until(ctx, "the result", func() bool {
		for _, r := range v.tail("retrain.results", 0) {
			if r.Value["model"] == v.model {
				return true
			}
		}
		return wait(ctx, 200*time.Millisecond) != nil
	})
	v.stop()
}
