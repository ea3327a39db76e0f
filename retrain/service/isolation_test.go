package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// breaks is an observer that panics wherever it can.
type breaks struct{}

func (breaks) OnEvent(retrain.MetricEvent) (retrain.RetrainAction, error) { panic("OnEvent") }
func (breaks) Tick()                                                      { panic("Tick") }
func (breaks) Stop(context.Context) error                                 { panic("Stop") }

// lines is a log that can be read line by line.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) find(t *testing.T, text string) (found []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if !strings.Contains(line, text) {
			continue
		}
		m := map[string]any{}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		found = append(found, m)
	}
	return found
}

func TestAnObserverThatPanicsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, fine := &lines{}, &counts{}
		h := loop(Settings{Log: zerolog.New(log)}, breaks{}, fine)
		for range 3 {
			if err := h.Sender().Send(t.Context(), drop("m", -0.1)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2500 * time.Millisecond)
		if err := h.Stop(t.Context()); !errors.Is(err, retrain.ErrInternal) {
			t.Errorf("its Stop panicked: %v", err)
		}
		if fine.told.Load() != 3 || fine.ticks.Load() != 2 {
			t.Errorf("%d events and %d ticks came to the other", fine.told.Load(), fine.ticks.Load())
		}
		if found := log.find(t, "panic: OnEvent"); len(found) != 3 || found[0]["level"] != "error" {
			t.Errorf("each error is logged once, at error: %v", found)
		}
	})
}

func TestAnOutputThatBreaksItsReaderIsToldOnTheLog(t *testing.T) {
	log := &lines{}
	inWorld(t, func(c *Config, _ *Settings) {
		c.Log, c.OnOutput = zerolog.New(log), func(retrain.Output) { panic("no reader") }
	}, func(w *world) {
		w.send(drop("m/v1", -0.12))
		w.trained(1)
		if m := w.Models(); len(m) != 1 || *m[0].Latest != "v1.1" {
			w.Errorf("%+v", m)
		}
	})
	if found := log.find(t, "no reader"); len(found) < 3 || found[0]["level"] != "error" {
		t.Errorf("%v", found)
	}
}

func TestAReaderOfOutputsMayReadTheController(t *testing.T) {
	var w *world
	inWorld(t, func(c *Config, _ *Settings) {
		c.OnOutput = func(o retrain.Output) {
			if m, ok := o.(*retrain.Model); ok && w != nil {
				id, err := w.Registry().LatestModel(context.Background(), retrain.StreamID(m.Name))
				if len(w.Models()) != 1 || err != nil || !strings.HasPrefix(string(id), m.Name+"/") {
					w.Errorf("%s: %v", id, err)
				}
			}
		}
	}, func(world *world) {
		w = world
		w.send(drop("m/v1", -0.12))
		w.trained(1)
	})
}

func TestOutputsAreToldInTheLedgersOrderByOneAtATime(t *testing.T) {
	const callers, events = 8, 40
	var inside, told atomic.Int64
	offset := int64(-1)
	c := controller(t, Config{Trainer: &trains{}, Trainings: 3, OnOutput: func(o retrain.Output) {
		if inside.Add(1) != 1 {
			t.Error("two are told at once")
		}
		defer inside.Add(-1)
		runtime.Gosched()
		if d, ok := o.(*retrain.Decision); ok && d.Reason == retrain.ReasonAlert {
			told.Add(1)
			if at := d.Evidence[0].Offset; at <= offset {
				t.Errorf("the event at %d is told behind that at %d", at, offset)
			} else {
				offset = at
			}
		}
	}})
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for n := range events {
				if action, err := c.OnEvent(drop(retrain.ModelID(fmt.Sprintf("m%d-%d", i, n)), -0.12)); action != retrain.SoftRetrain || err != nil {
					t.Errorf("%s, %v", action, err)
				}
			}
		})
	}
	all.Wait()
	if err := c.Stop(t.Context()); err != nil || told.Load() != callers*events || len(c.Models()) != callers*events {
		t.Errorf("%d told, %d models: %v", told.Load(), len(c.Models()), err)
	}
}

func TestAStepThatBreaksOffIsTheLast(t *testing.T) {
	log := &lines{}
	inWorld(t, func(c *Config, _ *Settings) { c.Log = zerolog.New(log) }, func(w *world) {
		if _, err := w.step(func(*ledger) ([]retrain.Output, error) { panic("an invariant") }); !errors.Is(err, retrain.ErrInternal) {
			w.Errorf("%v", err)
		}
		if action, err := w.OnEvent(drop("m/v1", -0.12)); action != retrain.NoAction || err == nil || !strings.Contains(err.Error(), "an invariant") {
			w.Errorf("%s, %v", action, err)
		}
		w.pass(10 * time.Second)
		w.trained(0)
	})
	if found := log.find(t, "an invariant"); len(found) != 1 || !strings.Contains(found[0]["error"].(string), "isolation_test.go") {
		t.Errorf("it is logged once, with its stack: %v", found)
	}
}

func TestDecisionsAreLoggedByTheirSeverityWithTheirExplanation(t *testing.T) {
	log := &lines{}
	inWorld(t, func(c *Config, s *Settings) {
		c.Log, s.Log = zerolog.New(log), zerolog.New(log)
		c.Policy = policy(t, `{"observe":[{"on":"performance","rules":[{"threshold":{"of":"mAP_change","below":-0.2},"action":"full"}]},
		 {"on":"concept_drift","rules":[{"threshold":{"of":"kl_divergence","above":0.5},"action":"soft"}]}]}`)
	}, func(w *world) {
		w.send(drop("m/v1", -0.3))
		w.send(retrain.ConceptDrift{ModelID: "n/v1", KLDivergence: 0.6, Timestamp: time.Now()})
	})
	for text, want := range map[string]string{
		"m v1 lost 0.3 mAP": "warn", "n v1": "info", "are answered: no retrain": "debug", "an event was told": "debug", "a training has ended": "info",
	} {
		if found := log.find(t, text); len(found) == 0 || found[0]["level"] != want {
			t.Errorf("%q: %v, expected %s", text, found, want)
		}
	}
}
