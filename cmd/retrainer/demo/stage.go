package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/schemas"
)

// stage is what the story plays on: topics, the service, the worker.
type stage struct {
	cfg      *Config
	appender *consumer.Appender
	service  *process
	worker   *process
	http     string // where the service answers
	written  int    // events
}

func newStage(cfg *Config, client *consumer.Client) *stage {
	return &stage{cfg: cfg, appender: client.NewAppender(), http: cfg.HTTP}
}

// ledgerID names the ledger by the seed: the ids of decisions and commands follow from it.
func ledgerID(seed uint64) string {
	return fmt.Sprintf("00000000-0000-4000-8000-%012x", seed&0xffffffffffff)
}

// serve starts the service, or starts it again, and waits until it is ready; how long that took. It is a static member of its
// group: started again in its place, it goes on without waiting for its session to end.
func (s *stage) serve(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	policy := filepath.Join(s.cfg.Dir, "policy.yaml")
	if err := os.WriteFile(policy, policyFile, 0o644); err != nil {
		return 0, err
	}
	s.service, err = start(s.cfg.Program, s.cfg.Dir, "serve", "serve", "--brokers", s.cfg.Broker, "--policy", policy,
		"--ledger-id", ledgerID(s.cfg.Seed), "--instance-id", "demo", "--session-timeout", "6s", "--http", s.http)
	if err != nil {
		return 0, err
	}
	err = s.until(ctx, "the service being ready", func() bool {
		r, ok := s.readiness(ctx)
		return ok && r.Ready
	})
	return time.Since(began), err
}

// until waits for what the service must come to say.
func (s *stage) until(ctx context.Context, what string, ok func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !ok(); {
		if ended, err := s.service.ended(); ended {
			return fmt.Errorf("the service ended by itself, when %s was waited for: %w", what, cmp.Or(err, errors.New("exit 0")))
		}
		if time.Since(began) > patience {
			return fmt.Errorf("%v passed without %s", patience, what)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// folded waits until the service has gone past all events that there are.
func (s *stage) folded(ctx context.Context) error {
	return s.until(ctx, "its having read all events", func() bool {
		r, ok := s.readiness(ctx)
		return ok && r.events(&s.cfg.Topics) >= int64(s.written)
	})
}

// readiness is what the service says on /readyz, as far as the story asks.
type readiness struct {
	Ready bool `json:"ready"`
	Tasks []struct {
		Topic    string `json:"topic"`
		Position int64  `json:"position"`
	} `json:"tasks"`
}

// events is how many events the service has gone past: their topics were empty when it began, and hold nothing else.
func (r *readiness) events(t *Topics) (n int64) {
	for _, task := range r.Tasks {
		if task.Topic == t.Drift || task.Topic == t.Performance {
			n += task.Position
		}
	}
	return n
}

// readiness asks the service; false: it does not answer.
func (s *stage) readiness(ctx context.Context) (r readiness, ok bool) {
	address, ok := s.service.said("listening", "http")
	if !ok {
		return r, false
	}
	s.http = address
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return r, false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, false
	}
	defer res.Body.Close()
	return r, json.NewDecoder(res.Body).Decode(&r) == nil
}

// work starts the worker. Its trainer gives up once with the model that the story wants to fail.
func (s *stage) work(failing string) (err error) {
	s.worker, err = start(s.cfg.Program, s.cfg.Dir, "worker", "worker", "--brokers", s.cfg.Broker, "--dir", filepath.Join(s.cfg.Dir, "work"),
		"--exec", s.cfg.Trainer+" --fail-once "+failing)
	return err
}

// write writes events as a pipeline would, each under its model's key.
func (s *stage) write(ctx context.Context, events ...event) error {
	all := make([]record.Output, len(events))
	for i, e := range events {
		name := "DriftEvent"
		if e.topic == s.cfg.Topics.Performance {
			name = "PerformanceEvent"
		}
		schema, _ := schemas.ByName(name)
		value, err := schema.FromJSON(schemas.AppendHeader(nil, schema.Fingerprint()), e.line)
		if err != nil {
			return err
		}
		all[i] = record.Output{Topic: e.topic, Key: []byte(e.model), Value: value}
	}
	s.written += len(events)
	return s.appender.Append(ctx, all...)
}

// poison writes what nobody can read.
func (s *stage) poison(ctx context.Context, model string) error {
	s.written++
	return s.appender.Append(ctx, record.Output{Topic: s.cfg.Topics.Drift, Key: []byte(model), Value: []byte("p_value=0.00001 but this is no Avro")})
}

// lastWords is what the service said last.
func (s *stage) lastWords() string {
	if s.service == nil {
		return "nothing"
	}
	return s.service.lastWords()
}

// close ends the processes.
func (s *stage) close() {
	for _, p := range []*process{s.worker, s.service} {
		if p != nil {
			p.stop()
		}
	}
}
