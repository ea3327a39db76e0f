// Package demo tells what the retrainer does by a small fleet of models, on a real broker, with the real service and a real worker
// as processes of their own, of which the service is killed. Nothing is told that has not been seen in the topics, and at the end
// all that stands there is compared with what must.
package demo

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
)

// policyFile is the policy under which the story plays.
//
//go:embed policy.yaml
var policyFile []byte

// Config says how the story is told.
type Config struct {
	Seed    uint64  // the cast and its numbers; the same seed gives the same commands and decisions
	Pace    float64 // how long a line is left to its reader; 0: none is
	Stay    bool    // stays until the context is done when the story is over
	Called  string  // how whoever is told the story calls this program
	Program string  // that of the service, the worker and its trainings: this one
	Trainer string  // the command line of a training, to which `--fail-once MODEL` is added
	Broker  string  // its address; topics are there
	Topics  Topics
	HTTP    string // the address on which the service answers
	Dir     string // of the policy, of the worker and of logs; it is there
	Colour  bool
	Width   int // of the terminal, in columns; 0: lines are not broken

	Out  io.Writer
	Each func(r *record.Record) error // told each record that is published, in place of telling the story; nil: the story is told
}

// Topics are the topics of the story.
type Topics struct{ Drift, Performance, Commands, Decisions, Results, DeadLetters string }

// Run tells the story. An error says what did not come as the story has it.
func Run(ctx context.Context, cfg Config) error {
	client, err := consumer.Connect(consumer.ClientConfig{Brokers: []string{cfg.Broker}, ClientID: "demo", Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	seen := newSeen(&cfg, client)
	defer seen.wait()
	defer fail(nil)
	if err := seen.follow(ctx); err != nil {
		return err
	}
	s := &story{Config: &cfg, cast: newCast(cfg.Seed), stage: newStage(&cfg, client), seen: seen, teller: newTeller(ctx, fail, &cfg)}
	defer s.stage.close()
	err = s.play(ctx)
	if err == nil && cfg.Stay {
		if s.stays(); ctx.Err() == nil {
			<-ctx.Done()
			return nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx) // the story was interrupted, or could not be told
	case err != nil:
		return fmt.Errorf("%w; what the service said last:\n%s", err, s.stage.lastWords())
	}
	return nil
}

// patience is how long anything may take; only a failure waits that long.
const patience = time.Minute
