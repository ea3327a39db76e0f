package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/internal/sim"
	"github.com/visutility/retrainer/retrain"
)

// fragile panics on performance events that hold a certain text.
type fragile struct{ *handlers.Events }

func (h fragile) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	out, err := h.Events.Fold(r, out)
	if bytes.Contains(r.Value, []byte("boom")) {
		panic("boom")
	}
	return out, err
}

// measuring is serve with its HTTP, which is asked by now, and with rare checkpoints: whoever starts again has much to replay.
func measuring(log *said, now *atomic.Pointer[service]) sim.Run {
	return func(ctx context.Context, dial sim.Dial) error {
		s := simulated("a")
		s.log, s.http, s.checkpointInterval = zerolog.New(log), "asked for directly", time.Hour
		s.measure()
		now.Store(s)
		p, err := retrain.ParsePolicy([]byte(revisionTexts[1]), "")
		if err != nil {
			return err
		}
		client, err := consumer.Connect(consumer.ClientConfig{Brokers: s.brokers, ClientID: s.app, Log: s.log, Dial: dial})
		if err != nil {
			return err
		}
		proposed := &proposal{policy: p, file: "policy.yaml"}
		err = s.propose(ctx, client, proposed)
		client.Close()
		if err != nil || ctx.Err() != nil {
			return err
		}
		cfg := s.config()
		cfg.Dial, cfg.OnRevision = dial, s.measured(s.onRevision(proposed))
		for i := range cfg.Inputs {
			if in := &cfg.Inputs[i]; in.Topic == "monitoring.performance" {
				sound := in.New
				in.New = func() record.Handler { return fragile{sound().(*handlers.Events)} }
			}
		}
		c, err := consumer.New(cfg)
		if err != nil {
			return err
		}
		s.consumer.Store(c)
		return c.Run(ctx)
	}
}

// numbers are what /metrics says, by name and labels.
type numbers map[string]float64

func asked(t *testing.T, s *service) numbers {
	t.Helper()
	res := httptest.NewRecorder()
	s.routes(s.board()).ServeHTTP(res, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if res.Code != http.StatusOK || !strings.HasPrefix(res.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d, %s: %s", res.Code, res.Header().Get("Content-Type"), res.Body)
	}
	all := numbers{}
	for line := range strings.Lines(res.Body.String()) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
			if err != nil {
				t.Fatal(err)
			}
			all[line[:at]] = v
		}
	}
	return all
}

// stands are the numbers of what stands in the topics, counted there.
func stands(t *testing.T, w *sim.World) numbers {
	t.Helper()
	all := numbers{}
	for _, topic := range []string{"retrain.decisions", "retrain.commands", "retrain.results", "retrain.ledger"} {
		for p, records := range w.Committed(topic) {
			for _, r := range records {
				var x struct {
					Schema string `json:"schema"`
					Value  struct{ Action, Reason, State, On string }
				}
				if err := json.Unmarshal([]byte(recordText(asRecord(topic, p, r), false)), &x); err != nil {
					t.Fatal(err)
				}
				v := x.Value
				switch x.Schema {
				case "io.visutility.Decision":
					all[fmt.Sprintf("retrainer_decisions_total{action=%q,reason=%q}", v.Action, v.Reason)]++
				case "io.visutility.Command":
					all[fmt.Sprintf("retrainer_commands_total{action=%q}", v.Action)]++
				case "io.visutility.Result":
					all[fmt.Sprintf("retrainer_results_total{action=%q,state=%q}", v.Action, v.State)]++
				case "io.visutility.Alert":
					all[fmt.Sprintf("retrainer_alerts_total{action=%q,on=%q,state=%q}", v.Action, v.On, v.State)]++
				}
			}
		}
	}
	for _, records := range w.Committed("retrain.dlq") {
		for _, r := range records {
			h := map[string]string{}
			for _, x := range r.Headers {
				h[x.Key] = string(x.Value)
			}
			all[fmt.Sprintf("retrainer_dead_letters_total{reason=%q,topic=%q}", h["retrain.dlq.reason"], h["__streams.errors.topic"])]++
		}
	}
	return all
}

// counted are the families of stands.
var counted = []string{"retrainer_decisions_total{", "retrainer_commands_total{", "retrainer_results_total{", "retrainer_alerts_total{", "retrainer_dead_letters_total{"}

func (n numbers) of(families ...string) numbers {
	part := numbers{}
	for name, v := range n {
		for _, f := range families {
			if strings.HasPrefix(name, f) && v != 0 {
				part[name] = v
			}
		}
	}
	return part
}

func (n numbers) equal(t *testing.T, want numbers) {
	t.Helper()
	for name, v := range want {
		if n[name] != v {
			t.Errorf("%s is %v, want %v", name, n[name], v)
		}
	}
}

// eventful has events of each outcome, dead letters, a panic, and commands on their way.
func (l *life) eventful() {
	time.Sleep(time.Second) // no event is before 2000
	moment := time.Now().UnixMilli() - 10
	for range 2 {
		l.send("monitoring.performance", "PerformanceEvent", `{"model_id":"other/v1","mAP_change":0.01,"timestamp":%d}`, moment)
	}
	l.send("monitoring.performance", "PerformanceEvent", `{"model_id":"other/v1","mAP_change":-0.5,"timestamp":%d}`, moment-1)
	l.send("monitoring.performance", "PerformanceEvent", `{"model_id":"other/v1","value":0.5,"timestamp":%d}`, moment+1)
	l.send("monitoring.performance", "PerformanceEvent", `{"model_id":"m/v1","mAP_change":-0.12,"timestamp":%d}`, time.Now().UnixMilli()-700)
	first := l.command("m", "soft")
	l.Append(&kgo.Record{Topic: "monitoring.performance", Value: []byte("{}")})
	l.await("retrain.dlq", `"framing"`) // with a checkpoint behind it
	l.Append(&kgo.Record{Topic: "monitoring.performance", Value: []byte("boom"),
		Headers: []kgo.RecordHeader{{Key: "retrain.dlq.reason", Value: []byte("made up by a producer")}}},
		&kgo.Record{Topic: "monitoring.drift"}, &kgo.Record{Topic: "retrain.progress", Value: []byte("hello")})
	l.await("retrain.dlq", `"panic"`)
	l.progress(first, "started", "")
	l.progress(first, "succeeded", `,"new_version":"v2"`)
	l.await("retrain.results", `"succeeded"`)
	l.drop(-0.01)
	l.await("retrain.ledger", `"recovered"`)
	l.progress("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "started", "")
	l.send("monitoring.drift", "DriftEvent", `{"stream_id":"cam","p_value":0.001,"timestamp":%d}`, time.Now().UnixMilli())
	l.command("cam", "full")
	l.request("r1")
	l.command("m", "soft")
	l.Still(6*time.Second, time.Minute)
}

// What /metrics says is what stands in the topics: after events of each outcome, a recovery and transactions whose end was not
// answered; and a process that starts again counts nothing of what it replays.
func TestMetricsSayWhatStands(t *testing.T) {
	sim.Bubble(t, simulatedTopics(), func(w *sim.World) {
		var log said
		var now atomic.Pointer[service]
		l := &life{World: w, stable: map[string]int64{}, there: map[string][]string{}, taken: map[string]bool{}}
		lost := sim.Nth(2, sim.All(sim.Key(kmsg.EndTxn), sim.Txn("retrain.retrain.ledger.0")), sim.Fault{Act: sim.Lose})
		a := w.Start("a", measuring(&log, &now), lost)
		l.joined("a.1")
		l.eventful()
		if l.err != nil {
			t.Fatalf("%v\n%s", l.err, log.String())
		}
		got, want := asked(t, now.Load()), stands(t, w)
		if len(want) < 14 {
			t.Fatalf("too little happened: %v", want)
		}
		got.of(counted...).equal(t, want)
		want.equal(t, got.of(counted...))
		got.equal(t, numbers{
			`retrainer_events_total{outcome="folded",topic="monitoring.performance"}`:         3,
			`retrainer_events_total{outcome="duplicate",topic="monitoring.performance"}`:      1,
			`retrainer_events_total{outcome="old",topic="monitoring.performance"}`:            1,
			`retrainer_events_total{outcome="not_applicable",topic="monitoring.performance"}`: 1,
			`retrainer_events_total{outcome="dead_letter",topic="monitoring.performance"}`:    2,
			`retrainer_events_total{outcome="folded",topic="monitoring.drift"}`:               1,
			`retrainer_events_total{outcome="dead_letter",topic="monitoring.drift"}`:          1,
			`retrainer_dead_letters_total{reason="panic",topic="monitoring.performance"}`:     1,
			`retrainer_ledger_entries_without_effect_total{reason="progress_unknown"}`:        1,
			`retrainer_recoveries_total{cause="panic"}`:                                       1,
			`retrainer_recoveries_total{cause="no_answer"}`:                                   1,
			`retrainer_transactions_total{outcome="unknown",topic="retrain.ledger"}`:          0,
			`retrainer_transactions_total{outcome="aborted",topic="retrain.ledger"}`:          0,
			`retrainer_event_to_command_seconds_count`:                                        2,
			`retrainer_commands_open`:   2,
			`retrainer_policy_revision`: 1,
			`retrainer_ready`:           1,
			`retrainer_tasks{state="running",topic="retrain.ledger"}`:             1,
			`retrainer_lag_records{partition="0",topic="monitoring.performance"}`: 0,
		})
		if v := got[`retrainer_event_to_command_seconds_sum`]; v < 0.7 || v > 2 {
			t.Errorf("two commands took %v s together, one of them for an event of 0.7 s ago", v)
		}
		a.Crash(false)
		replayed := 2.0 // the events behind the dead letter of a framing, with which a checkpoint was written
		w.Start("a", measuring(&log, &now), nil)
		l.joined("a.2")
		w.Until(time.Minute, "ready again", func() bool { return asked(t, now.Load())["retrainer_ready"] == 1 })
		w.Still(6*time.Second, time.Minute)
		again := asked(t, now.Load())
		again.equal(t, numbers{
			`retrainer_replayed_records_total{topic="monitoring.performance"}`: replayed,
			`retrainer_commands_open`: 2,
		})
		for name := range again.of(append(counted, "retrainer_events_total{", "retrainer_event_to_command_seconds_count")...) {
			t.Errorf("%s is counted again", name)
		}
	})
}

func TestMetricsAnswerWhileTheClusterIsAway(t *testing.T) {
	s := simulated("")
	s.http = "asked for directly"
	s.measure()
	got := asked(t, s)
	if got["retrainer_ready"] != 0 || len(got.of("go_goroutines", "process_start_time_seconds")) != 2 {
		t.Errorf("%v", got)
	}
	for method, want := range map[string]int{http.MethodHead: http.StatusOK, http.MethodPost: http.StatusMethodNotAllowed} {
		res := httptest.NewRecorder()
		s.routes(s.board()).ServeHTTP(res, httptest.NewRequest(method, "/metrics", nil))
		if res.Code != want {
			t.Errorf("%s is answered %d", method, res.Code)
		}
	}
	if s.http = ""; s.config().Watcher != s.metrics { // as it was made
		t.Error("the consumer does not tell the metrics")
	}
	if off := simulated(""); off.config().Watcher != nil {
		t.Error("somebody is told though nobody can ask")
	}
}
