package service

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// byHand folds what a service is sent as the handlers of the service with Kafka do: sources of two topics, one ledger. A training
// lasts as long as it does there, and a second ends with a look at the deadline.
type byHand struct {
	t       *testing.T
	sources map[retrain.On]*retrain.Sources
	offsets map[retrain.On]int64
	control *retrain.Controller
	out     []retrain.Output
	ends    map[int64][]*retrain.Command // by when
}

func newByHand(t *testing.T, p *retrain.Policy, at int64) *byHand {
	b := &byHand{
		t: t, control: retrain.NewController(), offsets: map[retrain.On]int64{}, ends: map[int64][]*retrain.Command{},
		sources: map[retrain.On]*retrain.Sources{retrain.OnDrift: retrain.NewSources(retrain.OnDrift), retrain.OnPerformance: retrain.NewSources(retrain.OnPerformance)},
	}
	for _, s := range b.sources {
		if err := s.Use(p); err != nil {
			t.Fatal(err)
		}
	}
	b.step(at, &retrain.PolicyEntry{Revision: p.Revision, Policy: p.Canonical(), LedgerID: ledgerID})
	b.out = nil
	return b
}

func (b *byHand) step(at int64, e retrain.Entry) {
	first := len(b.out)
	var err error
	if b.out, err = b.control.Step(at, e, b.out); err != nil {
		b.t.Fatal(err)
	}
	for _, o := range b.out[first:] {
		if cmd, ok := o.(*retrain.Command); ok {
			end := at + lasts.Milliseconds()
			b.ends[end] = append(b.ends[end], cmd)
			b.step(at, cmd.Started("in process", at))
		}
	}
}

func (b *byHand) event(at int64, event retrain.MetricEvent) {
	on, topic := event.On(), "monitoring.drift"
	if on == retrain.OnPerformance {
		topic = "monitoring.performance"
	} else {
		on = retrain.OnDrift
	}
	s, e := b.sources[on], event.Event()
	alerts := s.Pass(at, nil)
	if e.Check() == nil {
		alerts, _ = s.Fold(&retrain.Origin{Topic: topic, Offset: b.offsets[on], Time: at}, e, alerts)
	}
	b.offsets[on]++
	for _, a := range alerts {
		b.step(at, a)
	}
}

func (b *byHand) until(at int64) {
	for _, cmd := range b.ends[at] {
		trained, err := outcome(cmd)
		b.step(at, cmd.Ended(trained, err, "in process", at))
	}
	if d := b.control.Deadline(); at%1000 == 0 && d != 0 && d <= at {
		b.step(at, &retrain.Tick{})
	}
}

// Off the whole seconds, so that an end never falls on a tick or an event.
const lasts = 7*time.Minute + 250*time.Millisecond

// outcome of a training: every third fails.
func outcome(cmd *retrain.Command) (*retrain.Trained, error) {
	if cmd.CommandID[0]%3 == 0 {
		return nil, retrain.ErrIO
	}
	return &retrain.Trained{Metrics: map[string]float64{"mAP": float64(cmd.CommandID[1])}}, nil
}

func TestTheSameEventsGiveTheSameDecisionsAsWithKafka(t *testing.T) {
	const text = `{"bind":[{"stream":"cam-*","models":["a","{stream}"]}],"max_event_age":"1h","resend_delay":"5m",
	 "observe":[{"on":"drift","rules":[{"sustained":{"of":"p_value","below":0.05,"k":3,"n":4},"action":"full"}]},
	 {"on":"concept_drift","rules":[{"threshold":{"of":"kl_divergence","above":0.5,"clear":0.2},"action":"soft"}]},
	 {"on":"performance","rules":[{"threshold":{"of":"mAP_change","below":-0.05,"clear":-0.02},"action":"soft"}]}],
	 "defaults":{"cooldown":"20m","deploy_within":"1h","train":{"dataset":"s3://{stream}","trials":2}}}`
	for seed := range uint64(3) {
		chance, p := rand.New(rand.NewPCG(seed, 0)), policy(t, text)
		var hand *byHand
		inWorld(t, func(c *Config, _ *Settings) {
			c.Policy, c.Trainings = p, 1000
			c.Trainer.(*trains).do = func(_ context.Context, training *retrain.Training) (*retrain.Trained, error) {
				time.Sleep(lasts)
				return outcome(training.Command)
			}
			hand = newByHand(t, p, time.Now().UnixMilli())
		}, func(w *world) {
			for range 4 * 3600 * 4 { // quarters of a second
				w.pass(250 * time.Millisecond)
				at := time.Now().UnixMilli()
				hand.until(at)
				if at%1000 == 500 && chance.IntN(20) == 0 {
					event := draw(chance)
					w.send(event)
					hand.event(at, event)
				}
			}
			compare(w, hand)
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func draw(chance *rand.Rand) retrain.MetricEvent {
	at := time.Now().Add(-time.Duration(chance.IntN(3)*chance.IntN(40)) * time.Minute)
	model := retrain.ModelID(fmt.Sprintf("%c/v%d", 'a'+rune(chance.IntN(3)), 1+chance.IntN(3)))
	switch chance.IntN(4) {
	case 0:
		return retrain.DataDrift{StreamID: retrain.StreamID(fmt.Sprintf("cam-%d", chance.IntN(2))), PValue: chance.Float64() / 10, Timestamp: at}
	case 1:
		return retrain.ConceptDrift{ModelID: model, KLDivergence: chance.Float64() - 0.05, Timestamp: at} // some cannot be used
	}
	return retrain.PerformanceDrop{ModelID: model, MAPChange: (chance.Float64() - 0.7) / 4, Timestamp: at}
}

// byModel has the outputs of each model in their order, and how often each reason stands in a decision. What belongs to two
// models at one moment has no order.
func byModel(out []retrain.Output) (of map[string][]string, reasons map[retrain.Reason]int) {
	of, reasons = map[string][]string{}, map[retrain.Reason]int{}
	for _, o := range out {
		model := ""
		switch o := o.(type) {
		case *retrain.Decision:
			model = o.Model
			reasons[o.Reason]++
		case *retrain.Command:
			model = o.Model
		case *retrain.Result:
			model = o.Model
		case *retrain.Model:
			model = o.Name
		}
		text, _ := json.Marshal(o)
		of[model] = append(of[model], fmt.Sprintf("%T %s", o, text))
	}
	return of, reasons
}

func compare(w *world, hand *byHand) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	got, reasons := byModel(w.out)
	want, _ := byModel(hand.out)
	if len(got) != len(want) || len(want) < 5 {
		w.Fatalf("%d models, by hand %d", len(got), len(want))
	}
	for model, list := range want {
		for i := range min(len(list), len(got[model])) {
			if got[model][i] != list[i] {
				w.Fatalf("output %d of %s:\n%s\nby hand\n%s", i, model, got[model][i], list[i])
			}
		}
		if len(got[model]) != len(list) {
			w.Fatalf("%d outputs of %s, by hand %d", len(got[model]), model, len(list))
		}
	}
	for _, r := range []retrain.Reason{retrain.ReasonAlert, retrain.ReasonQuiet, retrain.ReasonUndeployed, retrain.ReasonInFlight, retrain.ReasonCooldown} {
		if reasons[r] == 0 {
			w.Errorf("no decision is %s: %v", r, reasons)
		}
	}
}
