package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// world is an app's topics, hand-made: what an undisturbed run leaves, and what a test spoils of it.
type world struct {
	t       *testing.T
	schemas *schemas
	names   map[string]*schema
	records map[string][]*kgo.Record // by topic, in order
	folded  map[string]int64         // by topic, less than all of partition 0: the committed offset
}

const worldTime = int64(1_790_000_000_000)

// worldPolicy is a revision of the world's policy. Its performance rules differ; the others stay.
func worldPolicy(revision int, performance string) []byte {
	return fmt.Appendf(nil, `{"bind":[],"bind_default":["{stream}"],"defaults":{"cooldown":0,"deploy_within":60000,"train":{"max_runtime":43200000,`+
		`"modality":"","space":{"batch_size":{"discrete":[16,24]},"lr":{"double":[0.00001,0.01],"log":true}},"start_by":60000,"trials":8,"tuner":"grid"}},`+
		`"max_event_age":86400000,"models":[],"observe":[{"match":{},"on":"performance","rules":[%s]},`+
		`{"match":{},"on":"drift","rules":[{"action":"full","sustained":{"below":0.01,"k":2,"n":3,"of":"p_value"}}]},`+
		`{"match":{},"on":"concept_drift","rules":[{"action":"soft","cusum":{"arl":20,"delta":1,"of":"kl_divergence","scale":"log","votes":2,"warmup":3}}]}],`+
		`"resend_delay":1000,"revision":%d,"source_ttl":2592000000}`, performance, revision)
}

const (
	ruleThatStays = `{"action":"soft","threshold":{"below":-0.05,"clear":-0.02,"min_checks":1,"of":"mAP_change"}}`
	ruleThatGoes  = `{"action":"soft","name":"goes","threshold":{"below":-0.09,"clear":-0.02,"min_checks":1,"of":"mAP_change"}}`
)

// newWorld folds twelve events of two models, of which the last three come under a second policy, eighteen of a stream and of
// another model, a bad record, a training that succeeded and a request, as the rules say.
func newWorld(t *testing.T) *world {
	w := &world{t: t, records: map[string][]*kgo.Record{}, folded: map[string]int64{}}
	w.schemas, w.names = own(t)
	texts := [][]byte{worldPolicy(1, ruleThatStays+","+ruleThatGoes), worldPolicy(2, ruleThatStays)}
	var policies []*policy
	for _, text := range texts {
		p, err := readPolicy(text)
		must(t, err)
		policies = append(policies, p)
	}
	parts := map[string]*partition{}
	for topic, x := range map[string]struct {
		kind string
		from int64
	}{performanceTopic: {"PerformanceEvent", 9}, driftTopic: {"DriftEvent", 4}} {
		parts[topic] = newPartition(x.kind, []turn{{0, policies[0]}, {x.from, policies[1]}}, w.schemas, 1<<20)
		for _, p := range []position{{offset: 0, revision: 1}, {offset: x.from - 1, revision: 1}, {offset: x.from, revision: 2}, {offset: 12, revision: 2}} {
			w.position(topic, p)
		}
	}
	for i := range 12 {
		w.event(i, parts[performanceTopic])
	}
	for i := range 18 {
		w.driftEvent(i, parts[driftTopic])
	}
	w.bad(parts[performanceTopic])
	w.entry(0, "Policy", policyRecord(1, texts[0]))
	at := int64(20_000)
	for _, revision := range []int64{1, 2} {
		for _, topic := range []string{performanceTopic, driftTopic} {
			for _, a := range parts[topic].alerts {
				if a["policy_revision"] == revision {
					w.entry(at, "Alert", a)
					at += 100
				}
			}
		}
		if revision == 1 {
			w.entry(at, "Policy", policyRecord(2, texts[1]))
		}
	}
	w.fold()
	command := w.decoded("retrain.commands", 0)["command_id"]
	w.forward(40_000, "Progress", map[string]any{"command_id": command, "kind": "succeeded", "worker": "w", "at": worldTime, "step": nil, "total": nil,
		"metrics": map[string]any{"mAP": 0.7}, "best_params": nil, "new_version": nil, "error_code": nil, "error_message": nil, "retryable": nil})
	w.forward(41_000, "Request", map[string]any{"request_id": "r", "verb": "trigger", "model": "b", "action": "full", "create": false, "author": "t", "comment": "", "at": worldTime})
	w.entry(200_000, "Tick", map[string]any{})
	w.forward(201_000, "Request", map[string]any{"request_id": "s", "verb": "trigger", "model": "a", "action": "soft", "create": false, "author": "t", "comment": "", "at": worldTime})
	w.fold()
	w.trainings()
	w.fold()
	return w
}

const (
	driftTopic       = "monitoring.drift"
	performanceTopic = "monitoring.performance"
)

func policyRecord(revision int64, text []byte) map[string]any {
	return map[string]any{"revision": revision, "policy": text, "ledger_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "author": "t", "activated_at": nil}
}

// position notes how far a topic's task has come, beside a key that is the program's own.
func (w *world) position(topic string, p position) {
	topic = "retrain.checkpoint." + topic
	w.records[topic] = append(w.records[topic], &kgo.Record{Topic: topic, Key: []byte("/time"), Value: []byte{1, 2}}, &kgo.Record{Topic: topic, Key: []byte("position"), Value: p.encode()})
}

func (p position) encode() []byte {
	b := append(make([]byte, 0, positionLength), 1)
	b = append(b, make([]byte, 16)...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.offset))
	b = binary.BigEndian.AppendUint64(b, uint64(p.offset))
	b = binary.BigEndian.AppendUint32(b, uint32(p.revision))
	return append(b, make([]byte, 16)...)
}

// say changes the n-th position of a topic.
func (w *world) say(topic string, n int, p position) {
	w.records["retrain.checkpoint."+topic][2*n+1].Value = p.encode()
}

// event is of a model whose values are twice bad, twice good, and again.
func (w *world) event(i int, part *partition) {
	w.observed(i, part, map[string]any{"model_id": []string{"a/v1", "b/v2"}[i%2], "mAP_change": []float64{-0.1, -0.01}[i%4/2]})
}

// driftEvent is of a stream, or of a model: both show nothing at first, then much.
func (w *world) driftEvent(i int, part *partition) {
	v := map[string]any{"stream_id": "s", "model_id": nil, "p_value": []float64{0.5, 0.001, 0.001, 0.5, 0.5, 0.5}[i/2%6], "kl_divergence": nil}
	if i%2 == 1 {
		v = map[string]any{"stream_id": nil, "model_id": "c/v1", "p_value": nil, "kl_divergence": []float64{0.01, 0.012, 0.011, 0.01, 0.5, 0.6}[i/2%6]}
	}
	w.observed(i, part, v)
}

func (w *world) observed(i int, part *partition, v map[string]any) {
	at := worldTime + int64(i)*1000
	topic := map[string]string{"DriftEvent": driftTopic, "PerformanceEvent": performanceTopic}[part.kind]
	v = with(v, map[string]any{"timestamp": at, "event_id": fmt.Sprint("e", i), "model_version": nil, "method": nil, "value": nil, "sample_size": nil,
		"window_start": nil, "window_end": nil, "data_ref": nil, "labels": nil})
	if reason := part.fold(w.record(topic, at, part.kind, v)); reason != "" {
		w.t.Fatal(reason)
	}
}

// bad adds a record that cannot be read, and its dead letter.
func (w *world) bad(part *partition) {
	n := len(w.records["monitoring.performance"])
	rec := &kgo.Record{Topic: "monitoring.performance", Key: []byte("k"), Value: []byte("no Avro"), Offset: int64(n), Timestamp: time.UnixMilli(worldTime + 13_000)}
	w.records[rec.Topic] = append(w.records[rec.Topic], rec)
	w.records["retrain.dlq"] = append(w.records["retrain.dlq"], letter(rec, part.fold(rec)))
}

func letter(rec *kgo.Record, reason string) *kgo.Record {
	return &kgo.Record{Topic: "retrain.dlq", Key: rec.Key, Value: rec.Value, Timestamp: rec.Timestamp, Headers: []kgo.RecordHeader{
		{Key: "__streams.errors.topic", Value: []byte(rec.Topic)}, {Key: "__streams.errors.partition", Value: []byte(strconv.Itoa(int(rec.Partition)))},
		{Key: "__streams.errors.offset", Value: []byte(strconv.FormatInt(rec.Offset, 10))}, {Key: "retrain.dlq.reason", Value: []byte(reason)}}}
}

func (w *world) record(topic string, at int64, kind string, v map[string]any) *kgo.Record {
	rec := &kgo.Record{Topic: topic, Value: frame(w.t, w.schemas, w.names[kind], v), Offset: int64(len(w.records[topic])), Timestamp: time.UnixMilli(at)}
	w.records[topic] = append(w.records[topic], rec)
	return rec
}

func (w *world) entry(after int64, kind string, v map[string]any) {
	w.record("retrain.ledger", worldTime+after, kind, v)
}

// forward writes a record where people or trainers do, and its entry.
func (w *world) forward(after int64, kind string, v map[string]any) {
	w.record(map[string]string{"Progress": "retrain.progress", "Request": "retrain.requests"}[kind], worldTime+after, kind, v)
	w.entry(after, kind, v)
}

// fold writes anew what follows from the ledger; how many records of models that is.
func (w *world) fold() int {
	topics := map[string]string{"Decision": "retrain.decisions", "Command": "retrain.commands", "Result": "retrain.results", "Model": "retrain.models", "Policy": "retrain.policy"}
	for _, t := range topics {
		w.records[t] = nil
	}
	c := newController(func(kind, key string, v map[string]any) {
		if kind == "Decision" || kind == "Command" {
			v = with(v, map[string]any{"explanation": "because"})
		}
		rec := w.record(topics[kind], worldTime, kind, body(v))
		rec.Key = []byte(key)
		headers := headers("retrain", kind, v)
		for _, name := range sorted(headers) {
			rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: name, Value: []byte(headers[name])})
		}
	})
	for _, rec := range w.records["retrain.ledger"] {
		v, reason := w.schemas.open(rec.Value, "")
		if reason != "" {
			w.t.Fatal(reason)
		}
		if err := c.step(rec.Timestamp.UnixMilli(), v); err != nil {
			w.t.Fatal(err)
		}
	}
	return len(w.records["retrain.models"])
}

func (w *world) decoded(topic string, i int) map[string]any {
	v, reason := w.schemas.open(w.records[topic][i].Value, "")
	if reason != "" {
		w.t.Fatal(reason)
	}
	return v
}

// edit changes one record in place.
func (w *world) edit(topic string, i int, changes map[string]any) {
	v := w.decoded(topic, i)
	rec := w.records[topic][i]
	rec.Value = frame(w.t, w.schemas, w.names[v[""].(string)], body(with(v, changes)))
}

// find is the place of the n-th record of a kind.
func (w *world) find(topic, kind string, n int) int {
	for i := range w.records[topic] {
		if w.decoded(topic, i)[""] == kind {
			if n == 0 {
				return i
			}
			n--
		}
	}
	w.t.Fatalf("%s holds no such %s", topic, kind)
	return 0
}

func (w *world) drop(topic string, i int) {
	w.records[topic] = slices.Delete(slices.Clone(w.records[topic]), i, i+1)
}

func (w *world) twice(topic string, i int) {
	w.records[topic] = append(w.records[topic], w.records[topic][i])
}

var worldTopics = []string{"monitoring.performance", "monitoring.drift", "retrain.checkpoint.monitoring.drift", "retrain.ledger", "retrain.decisions", "retrain.commands", "retrain.results", "retrain.models",
	"retrain.policy", "retrain.progress", "retrain.requests", "retrain.dlq", "retrain.checkpoint.monitoring.performance",
	"retrain.checkpoint.ledger", "retrain.checkpoint.progress", "retrain.checkpoint.requests"}

// broker starts an embedded broker; its address.
func broker(t *testing.T, topics ...string) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

// Topics that others write, without transactions: their records stand at the offsets that alerts and dead letters name.
var inputs = []string{"monitoring.performance", "monitoring.drift", "retrain.progress", "retrain.requests", "words"}

// publish writes records, what a task writes in transactions with an aborted one between them; then it commits the offsets.
func publish(t *testing.T, address, group string, records map[string][]*kgo.Record, offsets map[string]int64, open *kgo.Record) {
	t.Helper()
	ctx := context.Background()
	c, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.TransactionalID(t.Name()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	transaction := func(end kgo.TransactionEndTry, rs ...*kgo.Record) {
		must(t, c.BeginTransaction())
		for _, r := range rs {
			r := *r
			must(t, c.ProduceSync(ctx, &r).FirstErr())
		}
		must(t, c.EndTransaction(ctx, end))
	}
	plain, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(t, err)
	defer plain.Close()
	for _, topic := range sorted(records) {
		for i, r := range records[topic] {
			if slices.Contains(inputs, topic) {
				r := *r
				must(t, plain.ProduceSync(ctx, &r).FirstErr())
				continue
			}
			if i == 1 { // what is aborted is nothing
				transaction(kgo.TryAbort, r)
			}
			transaction(kgo.TryCommit, r)
		}
	}
	if open != nil {
		must(t, c.BeginTransaction())
		must(t, c.ProduceSync(ctx, open).FirstErr())
		t.Cleanup(func() { _ = c.EndTransaction(ctx, kgo.TryAbort) })
	}
	k, err := dial([]string{address})
	must(t, err)
	defer k.Close()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	for _, topic := range sorted(offsets) {
		rt := kmsg.NewOffsetCommitRequestTopic()
		_, err := k.bounds(ctx, topic)
		must(t, err)
		rt.Topic, rt.TopicID = topic, k.ids[topic]
		rp := kmsg.NewOffsetCommitRequestTopicPartition()
		rp.Offset = offsets[topic]
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
	}
	res, err := req.RequestWith(ctx, c)
	must(t, err)
	for _, rt := range res.Topics {
		for _, p := range rt.Partitions {
			if p.ErrorCode != 0 {
				t.Fatalf("committing the offset of %s: code %d", rt.Topic, p.ErrorCode)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask runs the judge against a broker.
func ask(t *testing.T, args ...string) (n int, printed string) {
	t.Helper()
	var out bytes.Buffer
	n, err := run(context.Background(), args, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return n, out.String()
}
