package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// outer is a registry of somebody else's.
type outer struct {
	latest   func(ctx context.Context, stream retrain.StreamID) (retrain.ModelID, error)
	register func(ctx context.Context, base retrain.ModelID, metadata map[string]string) (retrain.ModelID, error)
	asked    []retrain.StreamID
}

func (o *outer) LatestModel(ctx context.Context, stream retrain.StreamID) (retrain.ModelID, error) {
	o.asked = append(o.asked, stream)
	return o.latest(ctx, stream)
}

func (o *outer) RegisterVersion(ctx context.Context, base retrain.ModelID, metadata map[string]string) (retrain.ModelID, error) {
	return o.register(ctx, base, metadata)
}

// onDrift is a policy that trains at once when a stream drifts; cam-* is bound.
const onDrift = `{"bind":[{"stream":"cam-*","models":["detector"]}],"defaults":{"cooldown":"10m"},
 "observe":[{"on":"drift","rules":[{"threshold":{"of":"p_value","below":0.01},"action":"full"}]}]}`

func with(t *testing.T, o *outer) func(*Config, *Settings) {
	if o.register == nil {
		o.register = func(_ context.Context, base retrain.ModelID, _ map[string]string) (retrain.ModelID, error) {
			return base + "/v7", nil
		}
	}
	if o.latest == nil {
		o.latest = func(context.Context, retrain.StreamID) (retrain.ModelID, error) { return "segmentation/v5.4", nil }
	}
	return func(c *Config, _ *Settings) { c.Registry, c.Policy = o, policy(t, onDrift) }
}

func drift(stream retrain.StreamID, model retrain.ModelID) retrain.DataDrift {
	return retrain.DataDrift{StreamID: stream, ModelID: model, PValue: 0.001, Timestamp: time.Now()}
}

func TestAnOuterRegistryNamesTheModelWhereThePolicyDoesNot(t *testing.T) {
	o := &outer{}
	inWorld(t, with(t, o), func(w *world) {
		for i, x := range []struct {
			event retrain.MetricEvent
			model string
		}{
			{drift("lidar-1", ""), "segmentation"}, {drift("cam-1", ""), "detector"}, {drift("lidar-2", "depth/v2"), "depth"},
		} {
			w.send(x.event)
			w.trained(i + 1)
			if cmd := w.trainer.seen()[i]; cmd.Model != x.model {
				w.Errorf("%+v: %s, expected %s", x.event, cmd.Model, x.model)
			}
		}
		if cmd := w.trainer.seen()[0]; cmd.BaseVersion != nil {
			w.Errorf("the registry's newest version is taken for the one in use: %s", *cmd.BaseVersion)
		}
		if len(o.asked) != 1 || o.asked[0] != "lidar-1" {
			w.Errorf("asked for %v", o.asked)
		}
		o.latest = func(context.Context, retrain.StreamID) (retrain.ModelID, error) { return "", nil }
		w.send(drift("lidar-3", ""))
		if cmd := w.trainer.seen()[3]; cmd.Model != "lidar-3" {
			w.Errorf("where the registry knows none either it is bind_default's: %s", cmd.Model)
		}
	})
}

// An event is what it says, however Go holds it: behind a pointer, or within a type of a program's own.
func TestAnOuterRegistryIsAskedForEventsHoweverTheyAreHeld(t *testing.T) {
	o := &outer{}
	inWorld(t, with(t, o), func(w *world) {
		behind := drift("lidar-1", "")
		for i, event := range []retrain.MetricEvent{&behind, struct{ retrain.DataDrift }{drift("lidar-2", "")}} {
			o.latest = func(context.Context, retrain.StreamID) (retrain.ModelID, error) {
				return retrain.ModelID("model-" + strconv.Itoa(i)), nil
			}
			w.send(event)
			w.trained(i + 1)
			if cmd := w.trainer.seen()[i]; cmd.Model != "model-"+strconv.Itoa(i) {
				w.Errorf("%T: %s", event, cmd.Model)
			}
		}
	})
}

func TestAnOuterRegistryGivesTheVersionThatGoesIntoTheResult(t *testing.T) {
	var got map[string]string
	var of1 retrain.ModelID
	o := &outer{register: func(_ context.Context, base retrain.ModelID, metadata map[string]string) (retrain.ModelID, error) {
		of1, got = base, metadata
		return "depth/run-8", nil
	}}
	change := with(t, o)
	inWorld(t, func(c *Config, s *Settings) {
		change(c, s)
		c.Trainer.(*trains).do = func(context.Context, *retrain.Training) (*retrain.Trained, error) {
			return &retrain.Trained{NewVersion: "mine", Metrics: map[string]float64{"mAP": 0.5}, BestParams: map[string]string{"lr": "0.001"}}, nil
		}
	}, func(w *world) {
		event := drift("lidar-1", "depth/v2")
		event.DataRef = "s3://d"
		w.send(event)
		r := last[*retrain.Result](w)
		if r.State != retrain.ResultSucceeded || *r.NewVersion != "run-8" || r.Metrics["mAP"] != 0.5 || *w.Models()[0].Latest != "run-8" {
			w.Errorf("%+v", r)
		}
		want := map[string]string{
			MetaParent: "v2", MetaVersion: "mine", MetaCommandID: r.CommandID, MetaAction: "full", MetaDataset: "s3://d", MetaMetric + "mAP": "0.5", MetaParam + "lr": "0.001",
		}
		if of1 != "depth/v2" || !maps.Equal(got, want) {
			w.Errorf("registered from %s: %v, expected %v", of1, got, want)
		}
	})
}

func TestARegistryThatFailsIsToldAsThat(t *testing.T) {
	refused := errors.New("connection refused")
	hangs := func(ctx context.Context) (retrain.ModelID, error) { <-ctx.Done(); return "", ctx.Err() }
	for name, c := range map[string]struct {
		answer func(ctx context.Context) (retrain.ModelID, error)
		text   string
	}{
		"error": {func(context.Context) (retrain.ModelID, error) { return "", refused }, "connection refused"},
		"kind":  {func(context.Context) (retrain.ModelID, error) { return "", fmt.Errorf("%w: 503", retrain.ErrRegistry) }, "registry error: 503"},
		"panic": {func(context.Context) (retrain.ModelID, error) { panic("no client") }, "no client"},
		"hangs": {hangs, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &outer{
				latest: func(ctx context.Context, _ retrain.StreamID) (retrain.ModelID, error) { return c.answer(ctx) },
				register: func(ctx context.Context, _ retrain.ModelID, _ map[string]string) (retrain.ModelID, error) {
					return c.answer(ctx)
				},
			}
			inWorld(t, with(t, o), func(w *world) {
				action, err := w.OnEvent(drift("lidar-1", ""))
				if action != retrain.NoAction || !errors.Is(err, retrain.ErrRegistry) || !strings.Contains(err.Error(), c.text) {
					w.Errorf("LatestModel: %s, %v", action, err)
				}
				w.send(drift("cam-1", ""))
				w.pass(11 * time.Second)
				r := last[*retrain.Result](w)
				if r.State != retrain.ResultFailed || *r.ErrorCode != "registry" || !*r.Retryable || !strings.Contains(*r.ErrorMessage, c.text) {
					w.Errorf("RegisterVersion: %+v", r)
				}
				w.trained(1)
				w.pass(11 * time.Minute) // it is decided again after the back-off
				w.trained(2)
			})
		})
	}
}

func TestALateSuccessIsRegisteredToo(t *testing.T) {
	change := with(t, &outer{register: func(ctx context.Context, base retrain.ModelID, _ map[string]string) (retrain.ModelID, error) {
		return base + "/v7", ctx.Err()
	}})
	inWorld(t, func(c *Config, s *Settings) {
		change(c, s)
		c.Trainer.(*trains).do = func(context.Context, *retrain.Training) (*retrain.Trained, error) {
			time.Sleep(13 * time.Hour)
			return &retrain.Trained{}, nil
		}
	}, func(w *world) {
		w.send(drift("cam-1", ""))
		w.pass(14 * time.Hour)
		if r := last[*retrain.Result](w); r.State != retrain.ResultSucceeded || !r.Late || *r.NewVersion != "v7" {
			w.Errorf("%+v", r)
		}
	})
}

func TestAVersionOfAnotherModelIsNotTaken(t *testing.T) {
	for _, answer := range []retrain.ModelID{"", "detector", "detector/", "other/v2", "detector2/v2"} {
		inWorld(t, with(t, &outer{register: func(context.Context, retrain.ModelID, map[string]string) (retrain.ModelID, error) { return answer, nil }}), func(w *world) {
			w.send(drift("cam-1", ""))
			if r := last[*retrain.Result](w); r.State != retrain.ResultFailed || *r.ErrorCode != "registry" || !strings.Contains(*r.ErrorMessage, "detector/VERSION is needed") {
				w.Errorf("%q: %+v", answer, r)
			}
		})
	}
}

func TestTheControllersOwnRegistryKnowsWhatWasTrained(t *testing.T) {
	inWorld(t, under(t, onDrift), func(w *world) {
		own := w.Registry()
		latest := func(want retrain.ModelID) {
			t.Helper()
			if id, err := own.LatestModel(w.Context(), "cam-1"); id != want || err != nil {
				w.Errorf("%s, %v, expected %s", id, err, want)
			}
		}
		latest("detector")
		next, err := own.RegisterVersion(w.Context(), "detector", map[string]string{MetaAction: "full"})
		w.send(drift("cam-1", ""))
		latest(next)
		if err != nil || next != "detector/v1" {
			w.Errorf("%s, %v", next, err)
		}
		if next, err = own.RegisterVersion(w.Context(), "detector/v1", map[string]string{MetaAction: "soft"}); next != "detector/v1.1" || err != nil {
			w.Errorf("%s, %v", next, err)
		}
		latest("detector/v1") // only a success registers
		if _, err = own.RegisterVersion(w.Context(), "detector", nil); !errors.Is(err, retrain.ErrRegistry) {
			w.Errorf("without an action: %v", err)
		}
	})
}

// numbered is an outer registry that leaves the numbers to the controller's own.
type numbered struct{ own func() ModelRegistry }

func (n numbered) LatestModel(ctx context.Context, stream retrain.StreamID) (retrain.ModelID, error) {
	return n.own().LatestModel(ctx, stream)
}

func (n numbered) RegisterVersion(ctx context.Context, base retrain.ModelID, metadata map[string]string) (retrain.ModelID, error) {
	return n.own().RegisterVersion(ctx, base, metadata)
}

func TestAnOuterRegistryMayLeaveTheNumbersToTheOwn(t *testing.T) {
	var w *world
	inWorld(t, func(c *Config, _ *Settings) { c.Registry = numbered{func() ModelRegistry { return w.Registry() }} }, func(world *world) {
		w = world
		w.send(drop("m/v5.4", -0.12))
		if r := last[*retrain.Result](w); *r.NewVersion != "v5.5" {
			w.Errorf("%+v", r)
		}
	})
}
