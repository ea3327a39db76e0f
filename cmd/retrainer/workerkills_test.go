package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/internal/free"
	"github.com/visutility/retrainer/retrain"
)

// trainScript is a training program: it notes its start, goes on when it is let, and gives a version named like the model.
const trainScript = `echo start >> starts
: > ready
while [ ! -e go ]; do sleep 0.02; done
echo end >> ends
model=$(sed 's/.*"model":"\([a-z]*\)".*/\1/' "$RETRAIN_COMMAND")
echo '{"new_version":"'$model'-v2","metrics":{"auc":0.9},"best_params":{}}'
`

// killing is a worker of one model that is killed at one point, and another after it.
type killing struct {
	t                         *testing.T
	dev                       *process
	broker, data, dir, script string
	model                     string
	command                   *retrain.Command
	at                        *kgo.Record // the command
	victim                    *process
}

// A worker is killed at each line of its life. Whatever the line: the next one brings the training to its one result, and what was
// finished is not trained again.
func TestWorkersKilledAtEachLineOfTheirLifeGiveOneResultAndTrainNothingTwice(t *testing.T) {
	t.Parallel()
	broker, web, data, folder := free.Address(t), free.Address(t), t.TempDir(), t.TempDir()
	script, policy := filepath.Join(folder, "train.sh"), filepath.Join(folder, "policy.yaml")
	points := []struct {
		model  string // and the modality, so that each has a group of its own
		kill   func(*killing)
		starts int // of the program; 0: one if the command had not begun at the kill, else at most two, for that may hit before or after the start
	}{
		{"before", (*killing).beforeItBegins, 0},
		{"begun", (*killing).whenItHasBegun, 0},
		{"training", (*killing).inTraining, 2},
		{"written", (*killing).whenTheResultIsWritten, 1},
		{"reported", (*killing).whenTheEndIsReported, 1},
	}
	text := "models:\n"
	for _, p := range points {
		text += fmt.Sprintf("- {match: {model: %s}, train: {modality: %s}}\n", p.model, p.model)
	}
	for path, text := range map[string]string{script: trainScript, policy: text} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dev := startDev(t, broker, web, data, "--policy", policy)
	dev.ready(t, web)
	t.Run("killed", func(t *testing.T) {
		for _, p := range points {
			t.Run(p.model, func(t *testing.T) {
				t.Parallel()
				k := &killing{t: t, dev: dev, broker: broker, data: data, dir: filepath.Join(folder, "work"), script: script, model: p.model}
				k.drop()
				p.kill(k)
				_ = k.victim.cmd.Process.Kill()
				_ = k.victim.cmd.Wait() // killed
				k.next(p.starts)
			})
		}
	})
	for _, p := range points {
		k := &killing{t: t, broker: broker, model: p.model}
		if n := len(k.results()); n != 1 {
			t.Errorf("%s has %d results", p.model, n)
		}
	}
	dev.stop(t)
	judge(t, data)
}

// drop has the model lose quality, and waits for the command that comes of it.
func (k *killing) drop() {
	k.t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(k.broker), kgo.DefaultProduceTopic("monitoring.performance"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		k.t.Fatal(err)
	}
	defer c.Close()
	if err := c.ProduceSync(k.t.Context(), dropOf(k.t, k.model+"/v1", 0)).FirstErr(); err != nil {
		k.t.Fatal(err)
	}
	for _, r := range committed(k.t, k.broker, "retrain.commands", func(all []*kgo.Record) bool { return len(ofModel(k.t, all, k.model)) > 0 }) {
		if len(ofModel(k.t, []*kgo.Record{r}, k.model)) > 0 {
			k.at = r
		}
	}
	k.command = new(retrain.Command)
	if err := handlers.CommandCodec.Decode(k.at.Value, k.command); err != nil {
		k.t.Fatal(err)
	}
}

// committed reads the committed records of a topic until they are enough.
func committed(t *testing.T, broker, topic string, enough func([]*kgo.Record) bool) (all []*kgo.Record) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !enough(all) {
		if ctx.Err() != nil {
			t.Fatalf("%s has %d records, which are not enough", topic, len(all))
		}
		all = append(all, c.PollFetches(ctx).Records()...)
	}
	return all
}

// ofModel are the records, as JSON, whose model is this.
func ofModel(t *testing.T, all []*kgo.Record, model string) (found [][]byte) {
	t.Helper()
	for _, r := range all {
		_, text, ok := decode(r.Value)
		var v struct{ Model string }
		if err := json.Unmarshal(text, &v); !ok || err != nil {
			t.Fatalf("%s: %q: %v", r.Topic, text, err)
		}
		if v.Model == model {
			found = append(found, text)
		}
	}
	return found
}

func (k *killing) results() [][]byte {
	k.t.Helper()
	return ofModel(k.t, committed(k.t, k.broker, "retrain.results", func(all []*kgo.Record) bool { return len(ofModel(k.t, all, k.model)) > 0 }), k.model)
}

func (k *killing) worker() *process {
	k.t.Helper()
	return begin(k.t, "worker", "--brokers", k.broker, "--modality", k.model, "--dir", k.dir, "--exec", "sh "+k.script, "--session-timeout", "6s")
}

func (k *killing) file(name string) string { return filepath.Join(k.dir, k.command.CommandID, name) }

// await waits until a file of the command's directory is there.
func (k *killing) await(name string) {
	k.t.Helper()
	k.until("waiting for "+name, func() bool { return k.there(name) })
}

func (k *killing) there(name string) bool {
	_, err := os.Stat(k.file(name))
	return err == nil
}

// until looks often: what is waited for may pass within a millisecond.
func (k *killing) until(what string, done func() bool) {
	k.t.Helper()
	if err := untilOften(patience, 200*time.Microsecond, func() error {
		if !done() {
			return fmt.Errorf("%s", what)
		}
		return nil
	}); err != nil {
		k.t.Fatalf("%v\n%s", err, k.victim.errs.String())
	}
}

func (k *killing) goOn() {
	k.t.Helper()
	if err := os.WriteFile(k.file("go"), nil, 0o644); err != nil {
		k.t.Fatal(err)
	}
}

// count is how often the program was started for the command, or came to its end.
func (k *killing) count(name string) int {
	text, _ := os.ReadFile(k.file(name)) // without the file it was not
	return bytes.Count(text, []byte("\n"))
}

func (k *killing) beforeItBegins() {
	k.victim = k.worker()
	k.until("the worker's start", func() bool { return strings.Contains(k.victim.errs.String(), "waiting for commands") })
}

func (k *killing) whenItHasBegun() {
	k.victim = k.worker()
	k.await("begun.json")
}

func (k *killing) inTraining() {
	k.victim = k.worker()
	k.await("ready")
	_ = os.Remove(k.file("ready")) // the next one makes its own
}

// whenTheResultIsWritten stands the broker still, so that the worker gets no further than to its directory.
func (k *killing) whenTheResultIsWritten() {
	k.inTraining()
	if err := k.dev.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		k.t.Fatal(err)
	}
	defer func() { _ = k.dev.cmd.Process.Signal(syscall.SIGCONT) }()
	k.goOn()
	k.await("result.json")
	if err := k.victim.cmd.Process.Kill(); err != nil {
		k.t.Error(err)
	}
	_ = k.victim.cmd.Wait() // killed
}

// whenTheEndIsReported kills when the end stands in the progress topic. If the offset was committed even so, it is taken back: then
// all that is durable is as it is after a kill before that commit, and of a killed process there is nothing else.
func (k *killing) whenTheEndIsReported() {
	k.inTraining()
	k.goOn()
	k.until("the end in retrain.progress", func() bool {
		files, _ := filepath.Glob(filepath.Join(k.data, "partitions", "retrain.progress-*", "*.dat"))
		for _, f := range files {
			if text, _ := os.ReadFile(f); bytes.Contains(text, []byte(k.model+"-v2")) {
				return true
			}
		}
		return false
	})
	if err := k.victim.cmd.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	_ = k.victim.cmd.Wait() // killed
	c, err := kgo.NewClient(kgo.SeedBrokers(k.broker))
	if err != nil {
		k.t.Fatal(err)
	}
	defer c.Close()
	k.until("the dead member to be out of its group", func() bool { return k.takeBack(c) == nil })
}

// takeBack sets the group's offset to the command's.
func (k *killing) takeBack(c *kgo.Client) error {
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = k.at.Partition, k.at.Offset
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.Partitions = k.at.Topic, []kmsg.OffsetCommitRequestTopicPartition{p}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Topics = "retrain.workers."+k.model, []kmsg.OffsetCommitRequestTopic{topic}
	meta, err := c.Request(k.t.Context(), kmsg.NewPtrMetadataRequest()) // newer versions know topics by their ids
	if err != nil {
		return err
	}
	for _, known := range meta.(*kmsg.MetadataResponse).Topics {
		if known.Topic != nil && *known.Topic == k.at.Topic {
			req.Topics[0].TopicID = known.TopicID
		}
	}
	res, err := req.RequestWith(k.t.Context(), c)
	if err != nil {
		return err
	}
	if code := res.Topics[0].Partitions[0].ErrorCode; code != 0 {
		return fmt.Errorf("error %d", code)
	}
	return nil
}

const reported = "its end is reported already"

// next starts another worker, which must bring the training to its one end, having started the program so often.
func (k *killing) next(starts int) {
	k.t.Helper()
	begun := k.there("begun.json")
	k.t.Logf("at the kill: begun %v, program started %d and ended %d times, result %v", begun, k.count("starts"), k.count("ends"), k.there("result.json"))
	if starts == 0 && !begun {
		starts = 1
	}
	k.victim = k.worker()
	if !k.there("result.json") {
		k.await("ready")
		k.goOn()
	}
	var r retrain.Result
	for _, text := range k.results() {
		if err := json.Unmarshal(text, &struct {
			State      *retrain.ResultState `json:"state"`
			NewVersion **string             `json:"new_version"`
			Late       *bool                `json:"late"`
		}{&r.State, &r.NewVersion, &r.Late}); err != nil {
			k.t.Fatal(err)
		}
	}
	if r.State != retrain.ResultSucceeded || r.Late || r.NewVersion == nil || *r.NewVersion != k.model+"-v2" {
		k.t.Errorf("the result is %+v", r)
	}
	said := map[string][]string{
		"written":  {"trained before; its end is reported now", reported}, // what it sent before its death the broker may read after it
		"reported": {reported},
	}[k.model]
	if said == nil {
		said = []string{"trained"}
	}
	k.until("the worker's word on it", func() bool {
		return slices.ContainsFunc(said, func(words string) bool { return strings.Contains(k.victim.errs.String(), words) })
	})
	k.victim.stop(k.t)
	if n := k.count("starts"); n != starts && (starts != 0 || n < 1 || n > 2) {
		k.t.Errorf("the program was started %d times, want %d\n%s", n, starts, k.victim.errs.String())
	}
	if n := k.count("ends"); n != 1 {
		k.t.Errorf("a training came to its end %d times", n)
	}
}
