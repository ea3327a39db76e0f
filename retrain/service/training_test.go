package service

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// doing has a service whose trainer does that, under a policy.
func doing(t *testing.T, text string, do func(ctx context.Context, training *retrain.Training) (*retrain.Trained, error)) func(*Config, *Settings) {
	return func(c *Config, _ *Settings) {
		c.Policy = policy(t, text)
		c.Trainer.(*trains).do = do
	}
}

func TestAFailedTrainingIsDecidedAgainAfterTheBackOff(t *testing.T) {
	failed := fmt.Errorf("%w: no GPU is free", retrain.ErrTrainerUnavailable)
	inWorld(t, doing(t, `{"defaults":{"cooldown":"10m"}}`, func(context.Context, *retrain.Training) (*retrain.Trained, error) { return nil, failed }), func(w *world) {
		w.send(drop("m/v1", -0.12))
		if r := last[*retrain.Result](w); r.State != retrain.ResultFailed || *r.ErrorCode != "trainer_unavailable" || !strings.Contains(*r.ErrorMessage, "no GPU") {
			w.Fatalf("%+v", r)
		}
		for i, wait := range []time.Duration{10, 20, 40} { // minutes: it doubles
			w.pass(wait*time.Minute - 15*time.Second)
			w.trained(i + 1)
			w.pass(20 * time.Second)
			w.trained(i + 2)
		}
	})
}

func TestWhateverATrainerDoesIsAFailureWithItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(ctx context.Context, training *retrain.Training) (*retrain.Trained, error)
		code string
		text string
	}{
		"panic":   {func(context.Context, *retrain.Training) (*retrain.Trained, error) { panic("no such layer") }, "internal", "the trainer panicked: no such layer"},
		"nothing": {func(context.Context, *retrain.Training) (*retrain.Trained, error) { return nil, nil }, "internal", "neither a result nor an error"},
		"exit":    {func(context.Context, *retrain.Training) (*retrain.Trained, error) { runtime.Goexit(); return nil, nil }, "internal", "ended its goroutine"},
		"NaN": {func(context.Context, *retrain.Training) (*retrain.Trained, error) {
			return &retrain.Trained{Metrics: map[string]float64{"mAP": math.NaN()}}, nil
		}, "invalid_result", "mAP"},
		"code": {func(context.Context, *retrain.Training) (*retrain.Trained, error) {
			return nil, &retrain.TrainingError{Code: "exit_1", Message: "out of memory", Retryable: true}
		}, "exit_1", "out of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, doing(t, `{"defaults":{"cooldown":"1h"}}`, c.do), func(w *world) {
				w.send(drop("m/v1", -0.12))
				r := last[*retrain.Result](w)
				if r.State != retrain.ResultFailed || *r.ErrorCode != c.code || !strings.Contains(*r.ErrorMessage, c.text) {
					w.Errorf("%s: %s: %s", r.State, *r.ErrorCode, *r.ErrorMessage)
				}
				w.send(drop("n/v1", -0.12)) // the service goes on
				w.trained(2)
			})
		})
	}
}

func TestProgressIsFollowedToTheEnd(t *testing.T) {
	step, metrics, log := make(chan int64), map[string]float64{"mAP": 0.4}, &lines{}
	change := doing(t, `{}`, func(_ context.Context, training *retrain.Training) (*retrain.Trained, error) {
		for n := range step {
			training.Report(retrain.Report{Step: &n, Metrics: map[string]float64{"loss": 1 / float64(n)}}) // the first cannot be taken
		}
		return &retrain.Trained{NewVersion: "v9", Metrics: metrics, BestParams: map[string]string{"lr": "0.001"}}, nil
	})
	inWorld(t, func(c *Config, s *Settings) { change(c, s); c.Log = zerolog.New(log) }, func(w *world) {
		step = make(chan int64) // of this world
		w.send(drop("m/v1", -0.12))
		m := last[*retrain.Model](w)
		if m.Phase != retrain.PhaseTraining || m.Worker == nil || *m.Worker != "in process" {
			w.Errorf("%+v", m)
		}
		w.pass(2 * time.Hour) // longer than start_by: it was started
		step <- 0
		step <- 1
		close(step)
		w.pass(time.Second)
		metrics["mAP"] = 0 // what a trainer does with its maps later is its own affair
		r, list := last[*retrain.Result](w), w.Models()
		if r.State != retrain.ResultSucceeded || *r.NewVersion != "v9" || len(list) != 1 || *list[0].Latest != "v9" {
			w.Fatalf("%+v", r)
		}
		if v := list[0].Versions[0]; *v.Parent != "v1" || v.Metrics["mAP"] != 0.4 || v.BestParams["lr"] != "0.001" {
			w.Errorf("%+v", v)
		}
	})
	if found := log.find(t, "the metric \\\"loss\\\" is +Inf"); len(found) != 1 {
		t.Errorf("a report that cannot be taken is logged once: %v", found)
	}
}

func TestATrainingIsCancelledWhenItsTimeIsUp(t *testing.T) {
	inWorld(t, doing(t, `{"defaults":{"cooldown":"1h","train":{"max_runtime":"10m"}}}`, func(ctx context.Context, _ *retrain.Training) (*retrain.Trained, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}), func(w *world) {
		w.send(drop("m/v1", -0.12))
		w.pass(10*time.Minute - time.Second)
		if n := len(of[*retrain.Result](w)); n != 0 {
			w.Fatalf("%d results before its time is up", n)
		}
		w.pass(2 * time.Second)
		if r := last[*retrain.Result](w); r.State != retrain.ResultExpired || *r.ErrorCode != "max_runtime" {
			w.Errorf("%+v", r)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := len(w.running); n != 0 {
			w.Errorf("%d still run", n)
		}
	})
}

func TestALateSuccessIsTaken(t *testing.T) {
	inWorld(t, doing(t, `{"defaults":{"cooldown":"1h","train":{"max_runtime":"10m"}}}`, func(context.Context, *retrain.Training) (*retrain.Trained, error) {
		time.Sleep(20 * time.Minute) // whatever its context says
		return &retrain.Trained{}, nil
	}), func(w *world) {
		w.send(drop("m/v1", -0.12))
		w.pass(21 * time.Minute)
		if r := last[*retrain.Result](w); r.State != retrain.ResultSucceeded || !r.Late || *r.NewVersion != "v1.1" {
			w.Errorf("%+v", r)
		}
	})
}

func TestTrainingsWaitForTheirTurnUntilStartBy(t *testing.T) {
	change := func(c *Config, s *Settings) {
		doing(t, `{"defaults":{"cooldown":"24h","train":{"start_by":"25m"}}}`, func(context.Context, *retrain.Training) (*retrain.Trained, error) {
			time.Sleep(10 * time.Minute)
			return &retrain.Trained{}, nil
		})(c, s)
		c.Trainings = 2
	}
	inWorld(t, change, func(w *world) {
		for i := range 8 {
			w.send(drop(retrain.ModelID(fmt.Sprintf("m%d/v1", i)), -0.12))
		}
		for minute, want := range []int{2, 4, 6, 6, 6} { // at 0, 10, 20 ... minutes: at 25 the last two have expired
			if minute > 0 {
				w.pass(10 * time.Minute)
			}
			w.trained(want)
		}
		states := map[retrain.ResultState]int{}
		for _, r := range of[*retrain.Result](w) {
			states[r.State]++
		}
		if states[retrain.ResultSucceeded] != 6 || states[retrain.ResultExpired] != 2 {
			w.Errorf("%v", states)
		}
	})
}

// Time passes between the decision and the start, more than start_by.
func TestACommandThatComesTooLateIsNotTrained(t *testing.T) {
	var late atomic.Int64
	inWorld(t, func(c *Config, _ *Settings) {
		tell := c.OnOutput
		c.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
		c.OnOutput = func(o retrain.Output) {
			if _, ok := o.(*retrain.Command); ok {
				late.Store(int64(2 * time.Hour))
			}
			tell(o)
		}
	}, func(w *world) {
		w.send(drop("m/v1", -0.12))
		if r := of[*retrain.Result](w)[0]; r.State != retrain.ResultExpired || *r.ErrorCode != "unclaimed" {
			w.Errorf("%+v", r)
		}
		w.trained(0)
	})
}

func TestTrainersAreChosenByModality(t *testing.T) {
	vision, rest := &trains{}, &trains{}
	for _, c := range []struct {
		trainers Trainers
		modality string
		want     ModelTrainer
		problem  string
	}{
		{Trainers{"vision": vision, "": rest}, "vision", vision, ""},
		{Trainers{"vision": vision, "": rest}, "audio", rest, ""},
		{Trainers{"vision": vision, "": rest}, "", rest, ""},
		{Trainers{"vision": vision, "text": rest}, "visoin", nil, `there is none for the modality "visoin"; there are some for text, vision; did you mean vision?`},
		{Trainers{"vision": vision}, "", nil, `there is none for the modality ""; there are some for vision`},
		{nil, "vision", nil, `nor for any other`},
	} {
		got, err := c.trainers.For(c.modality)
		if got != c.want || (err != nil) != (c.problem != "") || err != nil && (!errors.Is(err, retrain.ErrTrainerUnavailable) || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%q of %v: %v, %v", c.modality, c.trainers, got, err)
		}
	}
}

func TestACommandOfAnUnknownModalityFails(t *testing.T) {
	vision := &trains{}
	change := func(c *Config, _ *Settings) {
		c.Trainer = Trainers{"vision": vision}
		c.Policy = policy(t, `{"models":[{"match":{"model":"eye*"},"train":{"modality":"vision"}},{"match":{"model":"ear*"},"train":{"modality":"audio"}}]}`)
	}
	inWorld(t, change, func(w *world) {
		w.send(drop("ear/v1", -0.12))
		if r := last[*retrain.Result](w); r.State != retrain.ResultFailed || *r.ErrorCode != "trainer_unavailable" || !*r.Retryable {
			w.Errorf("%+v", r)
		}
		w.send(drop("eye/v1", -0.12))
		if r := last[*retrain.Result](w); r.State != retrain.ResultSucceeded || len(vision.seen()) != 1 {
			w.Errorf("%+v", r)
		}
	})
}
