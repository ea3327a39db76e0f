//go:build python

package python

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	first = `./retrainer trigger digits --action full --create --comment "the first version"`
	drift = `"model_id":"digits","mAP_change":-0.5,"data_ref":"digits?rotate=30"`
	group = "retrain.consumer.py"
)

func (p *pipeline) consumer() *process {
	return p.process("consumer", "python examples/python/consumer.py")
}

func TestTheConsumerTrainsEachCommandToOneResultThroughKills(t *testing.T) {
	p := newPipeline(t)
	p.run()
	consumer := p.consumer()
	consumer.start()
	p.sh(first)
	before := p.await("retrain.results", 1)[0]
	if before.State != "succeeded" || before.Metrics["accuracy"] < 0.9 || len(before.BestParams) != 2 || before.Worker == "" {
		t.Fatalf("the first result is %+v", before)
	}

	p.held(true)
	p.produce("monitoring.performance", event(drift))
	command := p.await("retrain.commands", 2)[1]
	inTraining := func() bool { return p.reported(command.CommandID, "progress") > 0 }
	wait(t, "the second training goes on", inTraining)
	consumer.kill()
	consumer.start()
	wait(t, "the second training begins again", func() bool { return p.reported(command.CommandID, "started") == 2 })
	p.dev.kill()
	p.held(false)
	p.run()
	after := p.await("retrain.results", 2)[1]
	if after.State != "succeeded" || after.BaseVersion != before.NewVersion || after.Metrics["accuracy"] < after.Metrics["base_accuracy"]+0.3 {
		t.Errorf("after drift the result is %+v, of a base of %+v", after, before)
	}
	if n := p.reported(command.CommandID, "succeeded"); n != 1 {
		t.Errorf("%d successes are reported; want one", n)
	}
	consumer.stop()

	// A new group reads every command again, as after a crash before the offset was committed.
	p.forget(group)
	consumer.start()
	consumer.says("left alone: its end is written already", 2)
	p.await("retrain.results", 2)
	t.Log(p.sh("./retrainer verify"))
	consumer.stop()
	p.dev.stop()
}

// forget deletes a group with its offsets, as soon as it has no member: one that has ended may not have been able to leave it.
func (p *pipeline) forget(group string) {
	p.t.Helper()
	client := p.client()
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = []string{group}
	wait(p.t, "the group "+group+" is deleted", func() bool {
		res, err := req.RequestWith(ctx, client)
		if err != nil {
			p.t.Fatalf("DeleteGroups %s: %v", group, err)
		}
		return res.Groups[0].ErrorCode == 0
	})
}

func (p *pipeline) client(opts ...kgo.Opt) *kgo.Client {
	p.t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(p.broker))...)
	if err != nil {
		p.t.Fatal(err)
	}
	return client
}

func TestTheConsumerLeavesAloneWhatWasNeverCommandedOrCameTooLate(t *testing.T) {
	p := newPipeline(t)
	hasty := "models: [{match: {model: late}, train: {start_by: 1s}}]\n"
	if err := os.WriteFile(filepath.Join(p.dir, "hasty.yaml"), []byte(hasty), 0o644); err != nil {
		t.Fatal(err)
	}
	p.dev.line = "./retrainer dev --policy hasty.yaml"
	p.run()
	p.sh(`./retrainer trigger late --action full --create`)
	late := p.await("retrain.results", 1)[0]
	if late.State != "expired" || late.ErrorCode != "unclaimed" {
		t.Fatalf("nobody took the command, and its result is %+v", late)
	}
	p.sh(first)
	command := of("digits", p.await("retrain.commands", 2))[0]
	p.abort("retrain.commands", command.CommandID, "00000000-0000-4000-8000-000000000000")

	consumer := p.consumer()
	consumer.start()
	p.await("retrain.results", 2)
	p.sh(first) // behind the aborted one, in the same partition
	again := p.await("retrain.results", 3)[2]
	if again.State != "succeeded" {
		t.Errorf("the command behind them: %+v", again)
	}
	consumer.says(late.CommandID+" left alone: it had to be started before", 1)
	for _, v := range p.records("retrain.progress") {
		if v.CommandID != command.CommandID && v.CommandID != again.CommandID {
			t.Errorf("a word on a command that was not to be trained: %+v", v)
		}
	}
	consumer.stop()
	p.dev.stop()
}

// abort writes the record that names an id again, with another id, to the same partition, in a transaction that is aborted.
func (p *pipeline) abort(topic, id, other string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	reader := p.client(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer reader.Close()
	var record *kgo.Record
	for record == nil {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			p.t.Fatalf("looking for %s in %s: %v", id, topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if bytes.Contains(r.Value, []byte(id)) {
				record = r
			}
		})
	}
	value := bytes.ReplaceAll(record.Value, []byte(id), []byte(other))
	writer := p.client(kgo.TransactionalID("aborted"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer writer.Close()
	if err := writer.BeginTransaction(); err != nil {
		p.t.Fatal(err)
	}
	again := &kgo.Record{Topic: topic, Partition: record.Partition, Key: record.Key, Value: value}
	if err := writer.ProduceSync(ctx, again).FirstErr(); err != nil {
		p.t.Fatal(err)
	}
	if err := writer.EndTransaction(ctx, kgo.TryAbort); err != nil {
		p.t.Fatal(err)
	}
}
