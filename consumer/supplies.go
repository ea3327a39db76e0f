package consumer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/visutility/retrainer/consumer/record"
)

// RefusedError is the answer of Config.Resolve for a schema that is not to be had. It is asked for again until Patience has passed
// since that was first said. The record that needs it becomes this dead letter.
type RefusedError struct {
	record.Dead
	Patience time.Duration
}

// askedAgain is how often a schema that was refused is asked for, by all partitions together.
const askedAgain = 5 * time.Second

// mostSupplies are remembered at most.
const mostSupplies = 1000

// supplies asks for the schemas that the tasks of a process wait for: one question at a time for a schema, whoever waits.
// What was said is remembered, so that a second record of a schema that is not there does not wait a second time.
type supplies struct {
	ctx     context.Context
	resolve func(ctx context.Context, schema string) (string, error)
	now     func() time.Time
	running *sync.WaitGroup

	mu sync.Mutex
	at map[string]*supply
}

// supply is what is known of one schema.
type supply struct {
	text     string
	found    bool
	err      error         // the last answer, where it was none
	refused  *RefusedError // where that was this; its time is seen
	since    time.Time     // when it was first refused; zero: never
	seen     time.Time
	next     time.Time     // not asked before
	answered chan struct{} // closed when the question that is under way is answered; nil: none is
	retry    backoff.BackOff
}

// final tells whether a refusal stands.
func (s *supply) final() bool { return s.refused != nil && s.seen.Sub(s.since) >= s.refused.Patience }

func newSupplies(ctx context.Context, cfg *Config, running *sync.WaitGroup) *supplies {
	return &supplies{ctx: ctx, resolve: cfg.Resolve, now: cfg.Now, running: running, at: map[string]*supply{}}
}

// look tells what is known: of a refusal only while it is new, else it has to be asked for again.
func (v *supplies) look(schema string) supply {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.at[schema]
	if s == nil {
		return supply{}
	}
	known := *s
	if known.refused != nil && v.now().Sub(known.seen) >= askedAgain {
		known.refused = nil
	}
	return known
}

// ask begins a question if it is time for one and none is under way. answered is closed when something new may be known.
func (v *supplies) ask(schema string) (known supply, answered <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.at[schema]
	if s == nil {
		v.makeRoom()
		s = &supply{retry: delays(100 * time.Millisecond)}
		v.at[schema] = s
	}
	if s.answered == nil && !s.found && !v.now().Before(s.next) {
		s.answered = make(chan struct{})
		v.running.Go(func() { v.question(schema, s) })
	}
	if s.answered == nil && s.found {
		done := make(chan struct{})
		close(done)
		return *s, done
	}
	return *s, s.answered // nil before the next question: nothing comes
}

// question asks once. It ends with the process, or when the answer's own time is over.
func (v *supplies) question(schema string, s *supply) {
	text, err := v.resolve(v.ctx, schema)
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	s.text, s.found, s.err, s.refused = text, err == nil, err, nil
	switch {
	case err == nil:
	case errors.As(err, &s.refused):
		if s.seen = now; s.since.IsZero() {
			s.since = now
		}
		s.next = now.Add(askedAgain)
		s.retry.Reset()
	default:
		s.next = now.Add(s.retry.NextBackOff())
	}
	close(s.answered)
	s.answered = nil
}

// makeRoom forgets all that nobody is being asked for, where too much is remembered.
func (v *supplies) makeRoom() {
	if len(v.at) < mostSupplies {
		return
	}
	for schema, s := range v.at { // order: deletes only
		if s.answered == nil {
			delete(v.at, schema)
		}
	}
}
