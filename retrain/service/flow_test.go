package service

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// The mission's own test: one drop of quality, one soft training, a graceful stop. There the sender that was still held kept stop
// waiting for ever.
func TestRetrainFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trainer := &trains{}
		observable := retrain.NewObservable()
		observable.Subscribe(controller(t, Config{Trainer: trainer}))
		service := Start(observable, Settings{Buffer: 16})
		sender := service.Sender()
		if err := sender.Send(t.Context(), drop("mock_model_v1", -0.12)); err != nil {
			t.Fatal(err)
		}
		if err := service.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := trainer.seen(); len(got) != 1 || got[0].Action != retrain.SoftRetrain || got[0].Model != "mock_model_v1" {
			t.Errorf("%d trainings: %+v", len(got), got)
		}
		if err := sender.Send(t.Context(), drop("mock_model_v1", -0.12)); !errors.Is(err, ErrStopped) {
			t.Errorf("sent after stop: %v", err)
		}
	})
}

func TestThresholdsAreChecked(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for _, change := range []float64{-0.01, -0.05, 0.3} {
			w.send(drop("m/v1", change))
		}
		w.decided()
		w.trained(0)
		w.send(drop("m/v1", -0.0501))
		w.trained(1)
	})
}

func TestTheCooldownIsKeptByTheModelsName(t *testing.T) {
	inWorld(t, under(t, `{"defaults":{"cooldown":"30m","deploy_within":"0s"}}`), func(w *world) {
		w.send(drop("object_detection/v5.4", -0.12))
		w.trained(1)
		if r := last[*retrain.Result](w); *r.BaseVersion != "v5.4" || *r.NewVersion != "v5.5" {
			w.Fatalf("%s from %s", *r.NewVersion, *r.BaseVersion)
		}
		w.pass(11 * time.Minute)
		w.send(drop("object_detection/v5.4", -0.12))
		w.decided(retrain.ReasonAlert, retrain.ReasonQuiet, retrain.ReasonCooldown)
		w.send(drop("object_detection/v5.5", -0.12))
		w.send(drop("segmentation/v1", -0.12)) // another model is not left alone
		w.trained(2)
		w.pass(20 * time.Minute) // the cool-down's end, seen by a tick
		w.trained(3)
		if cmd := w.trainer.seen()[2]; cmd.Model != "object_detection" || len(cmd.Evidence) != 2 {
			w.Errorf("%s, %d alerts", cmd.Model, len(cmd.Evidence))
		}
	})
}

func TestAVersionJustTrainedWaitsToBeDeployed(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.send(drop("m/v5.4", -0.12))
		w.pass(time.Hour)
		w.send(drop("m/v5.4", -0.12)) // it still serves
		w.decided(retrain.ReasonAlert, retrain.ReasonQuiet, retrain.ReasonUndeployed)
	})
}

func TestTheDatasetIsResolved(t *testing.T) {
	const text = `{"bind":[{"stream":"cam-*","models":["detector"]}],
	 "observe":[{"on":"drift","rules":[{"threshold":{"of":"p_value","below":0.01},"action":"full"}]}],
	 "defaults":{"cooldown":"0s","train":{"dataset":"s3://cams/{stream}"}}}`
	inWorld(t, under(t, text), func(w *world) {
		w.send(retrain.DataDrift{StreamID: "cam-7", PValue: 0.001, Timestamp: time.Now()})
		w.pass(15 * time.Minute)
		w.send(retrain.DataDrift{StreamID: "cam-8", PValue: 0.001, Timestamp: time.Now(), Details: retrain.Details{DataRef: "s3://batch/8"}})
		w.trained(2)
		for i, want := range []string{"s3://cams/cam-7", "s3://batch/8"} {
			if cmd := w.trainer.seen()[i]; cmd.Model != "detector" || cmd.Action != retrain.FullRetrain || *cmd.Dataset != want {
				w.Errorf("%s: %s with %s, expected %s", cmd.Model, cmd.Action, *cmd.Dataset, want)
			}
		}
	})
}

func TestOnEventGivesTheActionThatRestsOnTheEvent(t *testing.T) {
	hold := make(chan struct{})
	trainer := &trains{do: func(context.Context, *retrain.Training) (*retrain.Trained, error) {
		<-hold
		return &retrain.Trained{}, nil
	}}
	c := controller(t, Config{Trainer: trainer, Policy: policy(t, `{"observe":[{"on":"performance","rules":[
	 {"threshold":{"of":"mAP_change","below":-0.2},"action":"full"},{"threshold":{"of":"mAP_change","below":-0.05},"action":"soft"}]}]}`)})
	for _, x := range []struct {
		event retrain.MetricEvent
		want  retrain.RetrainAction
	}{
		{drop("a", -0.01), retrain.NoAction}, {drop("a", -0.1), retrain.SoftRetrain}, {drop("b", -0.3), retrain.FullRetrain},
		{drop("a", -0.3), retrain.NoAction}, // a command is open
	} {
		if got, err := c.OnEvent(x.event); got != x.want || err != nil {
			t.Errorf("%+v: %s, %v, expected %s", x.event, got, err, x.want)
		}
	}
	close(hold)
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.OnEvent(drop("c", -0.1)); !errors.Is(err, ErrStopped) {
		t.Errorf("an event after Stop: %v", err)
	}
}

// What else is decided in the step, for its time has come, is not the event's.
func TestOnEventLeavesOutWhatOthersHaveWaitedFor(t *testing.T) {
	var late atomic.Int64
	trainer := &trains{do: func(context.Context, *retrain.Training) (*retrain.Trained, error) { return nil, retrain.ErrIO }}
	c := controller(t, Config{Trainer: trainer, Now: func() time.Time { return time.Now().Add(time.Duration(late.Load())) },
		Policy: policy(t, `{"defaults":{"cooldown":"10m"},"observe":[{"on":"performance","rules":[{"threshold":{"of":"mAP_change","below":-0.2},"action":"full"}]},
	 {"on":"concept_drift","rules":[{"threshold":{"of":"kl_divergence","above":0.5},"action":"soft"}]}]}`)})
	if action, err := c.OnEvent(drop("a", -0.3)); action != retrain.FullRetrain || err != nil {
		t.Errorf("%s, %v", action, err)
	}
	for !ended(c) {
		runtime.Gosched()
	}
	late.Store(int64(11 * time.Minute))
	if action, err := c.OnEvent(retrain.ConceptDrift{ModelID: "b", KLDivergence: 0.6, Timestamp: time.Now().Add(11 * time.Minute)}); action != retrain.SoftRetrain || err != nil {
		t.Errorf("%s, %v", action, err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(trainer.seen()); n != 3 {
		t.Errorf("%d trainings, expected a, b and a again", n)
	}
}

// ended says whether no model is in training.
func ended(c *RetrainController) bool {
	return !slices.ContainsFunc(c.Models(), func(m *retrain.Model) bool { return m.Phase == retrain.PhaseTraining })
}

func TestEventsThatCannotBeUsedAreToldAsThat(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var bad *retrain.Invalid
		if _, err := w.OnEvent(drop("", -0.1)); !errors.As(err, &bad) || bad.Reason != retrain.InvalidValue {
			t.Errorf("without a model: %v", err)
		}
		if _, err := w.OnEvent(nil); !errors.Is(err, retrain.ErrInternal) {
			t.Errorf("no event: %v", err)
		}
		if err := w.handle.Sender().Send(t.Context(), nil); !errors.Is(err, retrain.ErrInternal) {
			t.Errorf("no event sent: %v", err)
		}
		w.send(drop("m", -0.1))
		w.trained(1)
		if e := of[*retrain.Decision](w)[0].Evidence[0]; e.Topic != "monitoring.performance" || e.Offset != 1 {
			t.Errorf("the event behind one that cannot be used stands at %s/%d", e.Topic, e.Offset)
		}
	})
}

func TestAClockThatGoesBackBreaksAndSilencesNothing(t *testing.T) {
	var back atomic.Int64
	change := func(c *Config, _ *Settings) {
		c.Now = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
		c.Policy = policy(t, `{"defaults":{"cooldown":"30m","deploy_within":"0s"}}`)
	}
	at := func(model retrain.ModelID) retrain.PerformanceDrop {
		return retrain.PerformanceDrop{ModelID: model, MAPChange: -0.12, Timestamp: time.Now().Add(-time.Duration(back.Load()))}
	}
	inWorld(t, change, func(w *world) {
		w.pass(10 * time.Hour)
		w.send(at("a/v1"))
		w.trained(1)
		back.Store(int64(3 * time.Hour))
		w.pass(time.Minute)
		w.send(at("b/v1"))
		w.trained(2)
		w.pass(10 * time.Minute)
		w.send(at("a/v1")) // sent again after resend_delay
		w.decided(retrain.ReasonAlert, retrain.ReasonQuiet, retrain.ReasonAlert, retrain.ReasonQuiet, retrain.ReasonCooldown)
		w.pass(20 * time.Minute) // the cool-down lasts as long as ever
		w.trained(3)
		for i, d := range of[*retrain.Decision](w)[1:] {
			if before := of[*retrain.Decision](w)[i]; d.DecidedAt < before.DecidedAt {
				w.Errorf("decision %d is of %d, the one before of %d", i+1, d.DecidedAt, before.DecidedAt)
			}
		}
	})
}

func TestAClockWithoutAMonotonicReadingMayGoBackToo(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	l, err := newLedger(policy(t, `{}`), ledgerID, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	begun := l.moment()
	var passed []int64
	for _, step := range []time.Duration{time.Second, -time.Hour, time.Minute, 0, 2 * time.Hour, -100 * 365 * 24 * time.Hour, time.Second} {
		now = now.Add(step)
		passed = append(passed, (l.moment()-begun)/1000)
	}
	if want := []int64{1, 1, 61, 61, 7261, 7261, 7262}; !slices.Equal(passed, want) {
		t.Errorf("%v s, expected %v", passed, want)
	}
}

func TestWhatARetrainControllerNeedsIsChecked(t *testing.T) {
	for want, c := range map[string]Config{
		"Trainer is missing": {}, "not a UUID": {Trainer: &trains{}, LedgerID: "seven"}, "below 0": {Trainer: &trains{}, Trainings: -1},
	} {
		if _, err := NewRetrainController(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	a, b := controller(t, Config{Trainer: &trains{}}), controller(t, Config{Trainer: &trains{}})
	if a.config.LedgerID == b.config.LedgerID {
		t.Error("two random ledger ids are the same")
	}
}
