package main

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/retrain/worker"
)

// taking is a trainer beside a broker, without a group: tests give it the commands.
type taking struct {
	*trainer
	t      *testing.T
	broker string
	kafka  *kfake.Cluster
}

func newTaking(t *testing.T, script string) *taking {
	t.Helper()
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "retrain.commands", "retrain.progress"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	file := filepath.Join(t.TempDir(), "train.sh")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	x := &taking{trainer: &trainer{configuration: &configuration{app: "retrain"}, name: "a", bar: newBar(io.Discard)}, t: t, broker: k.ListenAddrs()[0], kafka: k}
	encode := func(c *retrain.Command) ([]byte, error) { return []byte(`{"command_id":"` + c.CommandID + `"}`), nil }
	if x.program, err = worker.New(worker.Config{Exec: "sh " + file, Dir: t.TempDir(), Encode: encode}); err != nil {
		t.Fatal(err)
	}
	if x.client, err = consumer.Connect(consumer.ClientConfig{Brokers: k.ListenAddrs()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.client.Close)
	x.appender = x.client.NewAppender()
	return x
}

// give has it take a command.
func (x *taking) give(c *retrain.Command) error {
	x.t.Helper()
	value, err := handlers.CommandCodec.Append(nil, c)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.take(x.t.Context(), &record.Record{Topic: "retrain.commands", Value: value})
}

// said are the kinds of words in the progress topic, once its last is this.
func (x *taking) said(last retrain.ProgressKind) string {
	x.t.Helper()
	var kinds []string
	for _, r := range committed(x.t, x.broker, "retrain.progress", func(all []*kgo.Record) bool { return len(all) > 0 && x.word(all[len(all)-1]).Kind == last }) {
		kinds = append(kinds, string(x.word(r).Kind))
	}
	return strings.Join(kinds, " ")
}

func (x *taking) word(r *kgo.Record) *retrain.Progress {
	x.t.Helper()
	p := new(retrain.Progress)
	if err := handlers.ProgressCodec.Decode(r.Value, p); err != nil {
		x.t.Fatal(err)
	}
	return p
}

func commandToTake() *retrain.Command {
	now := time.Now()
	return &retrain.Command{CommandID: "c-1", Kind: retrain.KindTrain, Claim: retrain.ClaimNone, Action: retrain.SoftRetrain, Model: "m", Modality: "vision",
		IssuedAt: now.UnixMilli(), StartBy: now.Add(time.Hour).UnixMilli(), MaxRuntimeMs: time.Hour.Milliseconds(), Tuner: "grid"}
}

// A cluster that refuses the word that a training has begun says nothing of the training: no failure is reported, and the command
// comes again.
func TestATrainingWhoseStartCannotBeReportedHasNotFailed(t *testing.T) {
	x := newTaking(t, "echo start >> starts; echo '{\"new_version\":\"v2\"}'")
	x.kafka.ControlKey(kmsg.Produce.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) { // once
		req := r.(*kmsg.ProduceRequest)
		res := req.ResponseKind().(*kmsg.ProduceResponse)
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = req.Topics[0].Topic, req.Topics[0].TopicID
		p := kmsg.NewProduceResponseTopicPartition()
		p.ErrorCode = kerr.OutOfOrderSequenceNumber.Code
		topic.Partitions = append(topic.Partitions, p)
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	c := commandToTake()
	if err := x.give(c); err == nil {
		t.Error("the command counts as done")
	}
	if err := x.give(c); err != nil {
		t.Fatal(err)
	}
	if got := x.said(retrain.Succeeded); got != "started succeeded" {
		t.Errorf("said is %q", got)
	}
}

// What was begun here is trained after a crash though start_by has passed, while there is time; a command without a limit has it always.
func TestACommandThatWasBegunHereIsTakenUpAgainPastStartBy(t *testing.T) {
	for _, ms := range []int64{time.Hour.Milliseconds(), 0, -1, math.MaxInt64} {
		x := newTaking(t, "echo '{\"new_version\":\"v2\"}'")
		c := commandToTake()
		c.MaxRuntimeMs, c.StartBy = ms, c.IssuedAt-1
		if _, err := x.program.Begin(c); err != nil { // by a worker that was killed then
			t.Fatal(err)
		}
		if x.tooLate(c) {
			t.Errorf("max_runtime_ms %d: too late", ms)
		}
		if err := x.give(c); err != nil {
			t.Fatal(err)
		}
		if got := x.said(retrain.Succeeded); got != "started succeeded" {
			t.Errorf("max_runtime_ms %d: said is %q", ms, got)
		}
	}
}

// hears has another worker's word on a command stand in the progress topic, written at a time of its own clock.
func (x *taking) hears(p *retrain.Progress, at time.Time) {
	x.t.Helper()
	value, err := handlers.ProgressCodec.Append(nil, p)
	if err != nil {
		x.t.Fatal(err)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(x.broker))
	if err != nil {
		x.t.Fatal(err)
	}
	defer c.Close()
	r := &kgo.Record{Topic: "retrain.progress", Key: []byte(p.CommandID), Value: value, Timestamp: at}
	if err := c.ProduceSync(x.t.Context(), r).FirstErr(); err != nil {
		x.t.Fatal(err)
	}
}

// What is reported of a command and what its directory knows decide together: a success is never reported as a failure, nor kept back
// because somebody else failed; an end is found although its worker's clock was behind.
func TestTheEndOfACommandIsReportedOnceAndASuccessAlways(t *testing.T) {
	failed, succeeded := []error{os.ErrDeadlineExceeded}, []error{nil}
	for name, c := range map[string]struct {
		by      []error // the ends that others reported
		trained bool    // here, before
		want    string
	}{
		"nobody was done":                {nil, false, "started succeeded"},
		"another failed":                 {failed, false, "failed"},
		"another failed, here it did":    {failed, true, "failed succeeded"},
		"another succeeded":              {succeeded, true, "succeeded"},
		"one succeeded, a second failed": {append(succeeded, failed...), true, "succeeded failed"},
	} {
		x := newTaking(t, "echo '{\"new_version\":\"v2\"}'")
		cmd := commandToTake()
		if c.trained {
			if _, err := x.program.SoftRetrain(t.Context(), &retrain.Training{Command: cmd, Report: func(retrain.Report) {}}); err != nil {
				t.Fatal(err)
			}
		}
		behind := time.UnixMilli(cmd.IssuedAt).Add(-30 * time.Minute)
		for _, err := range c.by {
			x.hears(cmd.Ended(&retrain.Trained{}, err, "another", behind.UnixMilli()), behind)
		}
		if err := x.give(cmd); err != nil {
			t.Fatal(err)
		}
		x.hears(cmd.Reported(retrain.Report{}, "another", cmd.IssuedAt), time.Now()) // the last word, to wait for
		if got := x.said(retrain.InProgress); got != c.want+" progress" {
			t.Errorf("%s: said is %q, want %q", name, got, c.want)
		}
	}
}
