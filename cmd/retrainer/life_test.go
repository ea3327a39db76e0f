package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/internal/sim"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// revisionTexts are the policies of a life: the second one has two rules no more and leaves the third as it is.
var revisionTexts = []string{1: `{"revision":1,"defaults":{"cooldown":"5s","deploy_within":"50s"},"observe":[
  {"on":"performance","rules":[{"name":"drop","threshold":{"of":"mAP_change","below":-0.05,"clear":-0.02},"action":"soft"},
    {"name":"fall","threshold":{"of":"mAP_change","below":-0.15},"action":"soft"}]},
  {"on":"drift","rules":[{"name":"unlikely","threshold":{"of":"p_value","below":0.01},"action":"full"}]}]}`,
	2: `{"revision":2,"defaults":{"cooldown":"5s","deploy_within":"50s"},"observe":[
  {"on":"performance","rules":[{"name":"drop","threshold":{"of":"mAP_change","below":-0.05,"clear":-0.02},"action":"soft"}]}]}`,
}

// simulated is a service as serve has it, but for its network. id is its group.instance.id, "" for a dynamic member.
func simulated(id string) *service {
	s := newService(&configuration{brokers: []string{sim.Seed}, app: "retrain",
		drift: []string{"monitoring.drift"}, performance: []string{"monitoring.performance"}})
	s.instanceID, s.sessionTimeout, s.checkpointInterval = id, 6*time.Second, 2*time.Second
	s.ledgerID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	return s
}

// serving is what serve does with a policy: it proposes it, then works.
func serving(id string, revision int, log *said) sim.Run {
	return func(ctx context.Context, dial sim.Dial) error {
		s := simulated(id)
		s.log = zerolog.New(log)
		p, err := retrain.ParsePolicy([]byte(revisionTexts[revision]), "")
		if err != nil {
			return err
		}
		client, err := consumer.Connect(consumer.ClientConfig{Brokers: s.brokers, ClientID: s.app, Log: s.log, Dial: dial})
		if err != nil {
			return err
		}
		err = s.propose(ctx, client, &proposal{policy: p, file: "policy.yaml"})
		client.Close()
		if err != nil || ctx.Err() != nil {
			return err
		}
		cfg := s.config()
		cfg.Dial, cfg.MaxWait = dial, 5*time.Second // so that a quiet minute has few requests
		c, err := consumer.New(cfg)
		if err != nil {
			return err
		}
		return c.Run(ctx)
	}
}

// simulatedTopics are those of `topics apply`, but one partition of events.
func simulatedTopics() (cfg sim.Config) {
	for _, w := range simulated("").wishes(false) {
		if w.partitions == 0 || w.theirs {
			w.partitions = 1
		}
		cfg.Topics = append(cfg.Topics, sim.TopicConfig{Name: w.name, Partitions: w.partitions, Configs: w.configs})
	}
	return cfg
}

// life is the part of those outside: pipelines, a trainer and a person, who wait for what they have caused before they go
// on, ends of time too. So the order of the ledger is the same whatever is killed. After an error everything is passed over.
type life struct {
	*sim.World
	stable map[string]int64    // where a topic ended when it was read last
	there  map[string][]string // what stood in it
	taken  map[string]bool     // what was waited for
	err    error
}

// send appends a record of ours, given as JSON.
func (l *life) send(topic, schema, format string, args ...any) {
	if l.err != nil {
		return
	}
	s, _ := schemas.ByName(schema)
	value, err := s.FromJSON(schemas.AppendHeader(nil, s.Fingerprint()), fmt.Appendf(nil, format, args...))
	if err != nil {
		l.T.Fatal(err)
	}
	l.Append(&kgo.Record{Topic: topic, Value: value})
}

// drop sends a performance event of m/v1.
func (l *life) drop(change float64) {
	l.send("monitoring.performance", "PerformanceEvent", `{"model_id":"m/v1","mAP_change":%v,"timestamp":%d}`, change, time.Now().UnixMilli())
}

// progress is the trainer's.
func (l *life) progress(command, kind, more string) {
	l.send("retrain.progress", "Progress", `{"command_id":%q,"kind":%q,"worker":"w","at":%d%s}`, command, kind, time.Now().UnixMilli(), more)
}

func (l *life) request(id string) {
	l.send("retrain.requests", "Request", `{"request_id":%q,"verb":"trigger","model":"m","action":"soft","create":false,"author":"ann","comment":"","at":%d}`, id, time.Now().UnixMilli())
}

// await waits for a committed record that was not waited for before and whose content has all these texts.
func (l *life) await(topic string, texts ...string) string {
	for end := time.Now().Add(2 * time.Minute); l.err == nil; {
		time.Sleep(100 * time.Millisecond) // also: what is sent next is later than what was waited for
		if now := l.end(topic); now != l.stable[topic] {
			l.stable[topic], l.there[topic] = now, slices.Concat(slices.Collect(maps.Values(contents(l.World, topic)))...)
		}
		for _, text := range l.there[topic] {
			if !l.taken[text] && hasAll(text, texts) {
				l.taken[text] = true
				return text
			}
		}
		if time.Now().After(end) {
			l.err = fmt.Errorf("at %v: no record in %s with %q, but\n%s", l.Now(), topic, texts, strings.Join(l.there[topic], ""))
		}
	}
	return ""
}

func hasAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// end is a number that changes with every commit to a topic.
func (l *life) end(topic string) (sum int64) {
	for _, p := range l.Cluster.PartitionInfos(topic) {
		sum += p.LastStableOffset
	}
	return sum
}

// command waits for the next command of a model and gives its id.
func (l *life) command(model, action string) string {
	text := l.await("retrain.commands", `"model":"`+model+`"`, `"action":"`+action+`"`)
	var c struct {
		Value struct {
			ID string `json:"command_id"`
		} `json:"value"`
	}
	if err := json.Unmarshal([]byte(text), &c); l.err == nil && err != nil {
		l.T.Fatal(err)
	}
	return c.Value.ID
}

// joined waits until an instance fences its first task.
func (l *life) joined(host string) {
	if l.err != nil {
		return
	}
	select {
	case <-l.Trace.When(sim.All(sim.On(host), sim.Key(kmsg.InitProducerID), sim.Answered)):
	case <-time.After(2 * time.Minute):
		l.err = fmt.Errorf("%s fences nothing", host)
	}
}

// story is everything that happens to a model and a stream between a first alert and a last success.
func (l *life) story(log *said) {
	time.Sleep(time.Second)
	l.drop(-0.12)
	first := l.command("m", "soft")
	l.progress(first, "started", "")
	l.await("retrain.models", `"worker":"w"`)
	l.progress(first, "succeeded", `,"new_version":"v2","metrics":{"mAP":0.7},"best_params":{"lr":"0.001"}`)
	l.await("retrain.results", `"succeeded"`)
	l.await("retrain.models", `"name":"m"`, `"phase":"quiet"`)                                                             // at the cool-down's end
	l.send("monitoring.performance", "PerformanceEvent", `{"model_id":"m/v1","mAP_change":-0.5,"timestamp":946684800000}`) // late
	l.drop(-0.01)
	l.await("retrain.ledger", `"recovered"`)
	l.drop(-0.2) // v1 still serves, and breaks two rules
	l.await("retrain.decisions", `"undeployed"`)
	l.Append(&kgo.Record{Topic: "monitoring.performance", Key: []byte("k"), Value: []byte("{}")})
	l.await("retrain.dlq", "framing")

	other := l.Start("b", serving("", 1, log), nil)
	l.joined("b.1")
	l.request("r1")
	second := l.command("m", "soft")
	l.request("r2")
	l.await("retrain.decisions", `"in_flight"`, `"r2"`)
	l.progress(second, "failed", `,"error_message":"out of memory"`)
	l.await("retrain.results", `"failed"`)
	l.send("monitoring.drift", "DriftEvent", `{"stream_id":"cam","p_value":0.001,"timestamp":%d}`, time.Now().UnixMilli())
	l.command("cam", "full")

	third := l.command("m", "soft") // when v2 may not be waited for any longer
	l.progress(third, "failed", "")
	l.await("retrain.decisions", `"cooldown"`)
	fourth := l.command("m", "soft") // at the end of that
	later := l.Start("c", serving("", 2, log), nil)
	l.await("retrain.ledger", `"rule_removed"`, `"cam"`)
	l.await("retrain.ledger", `"rule_removed"`, `"fall"`)
	if err := other.Stop(); err != nil && l.err == nil {
		l.err = fmt.Errorf("b was asked to end: %w", err)
	}
	l.drop(-0.01)
	l.await("retrain.ledger", `"recovered"`)
	l.progress(fourth, "succeeded", "")
	l.await("retrain.results", `"succeeded"`)
	l.await("retrain.models", `"v1.1"`, `"phase":"quiet"`)
	l.Still(time.Second, time.Minute)
	if err := later.Stop(); err != nil && l.err == nil {
		l.err = fmt.Errorf("c was asked to end: %w", err)
	}
}

// live is one life under faults for instance a, which is started again 100 ms after a crash. end looks at its outcome.
func live(t *testing.T, id string, faults sim.Faults, end func(w *sim.World) error) (xs sim.Exchanges, err error) {
	sim.Bubble(t, simulatedTopics(), func(w *sim.World) {
		var log said
		l := &life{World: w, stable: map[string]int64{}, there: map[string][]string{}, taken: map[string]bool{}}
		w.Keep("a", serving(id, 1, &log), faults, 100*time.Millisecond)
		l.story(&log)
		if err = l.err; err == nil {
			err = end(w)
		}
		xs = w.Trace.All()
		for _, rule := range []func() error{xs.Serial, xs.Fenced} {
			if err == nil {
				err = rule()
			}
		}
		if err != nil {
			t.Log(log.String())
		}
	})
	return xs, err
}
