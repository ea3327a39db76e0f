package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"
	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/cmd/retrainer/metrics"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/schemas"
)

// service is what a process of serve or dev runs: its settings, and how.
type service struct {
	*configuration
	policyFile         string
	http               string
	ledgerID           string
	instanceID         string
	sessionTimeout     time.Duration
	start              moment
	tuner              string
	checkpointInterval time.Duration
	maxEventBytes      size
	eventsWire         string
	bare               *schemas.Schema // of events, by eventsWire

	log      zerolog.Logger
	ids      schemas.IDs            // of what is published, in a schema registry
	waiting  atomic.Pointer[string] // what the start waits for
	consumer atomic.Pointer[consumer.Consumer]
	metrics  *metrics.Metrics // nil where nobody can ask for them
}

func newService(c *configuration) *service {
	return &service{configuration: c, sessionTimeout: 10 * time.Second, checkpointInterval: 30 * time.Second, maxEventBytes: 1 << 20,
		start: moment{text: "earliest", first: "earliest", last: "latest"}}
}

// sharedFlags are those that serve and dev share.
func (s *service) sharedFlags(f *pflag.FlagSet) {
	f.StringVar(&s.policyFile, "policy", "", "policy `FILE`; without it the active policy stays, at first the built-in one")
	f.StringVar(&s.http, "http", "127.0.0.1:9280", "`HOST:PORT` of the page for people (/), /livez, /readyz and /metrics; empty: off")
	s.eventsWireFlag(f)
	f.StringVar(&s.ledgerID, "ledger-id", "", "`UUID` that names the ledger for ever, at its first start; random without")
}

// checkService looks at the settings that only a service has.
func (s *service) checkService() error {
	if err := checkSession(s.sessionTimeout); err != nil {
		return err
	}
	if s.checkpointInterval <= 0 {
		return usage("--checkpoint-interval %v: more than 0 is needed", s.checkpointInterval)
	}
	if err := s.checkEventsWire(); err != nil {
		return err
	}
	if err := checkTuner(s.tuner); err != nil {
		return err
	}
	if s.ledgerID != "" {
		if _, err := uuid.Parse(s.ledgerID); err != nil {
			return usage("--ledger-id %q is no UUID: %v; without the flag one is made", s.ledgerID, err)
		}
	}
	return nil
}

// checkSession looks at --session-timeout.
func checkSession(d time.Duration) error {
	if d < 6*time.Second {
		return usage("--session-timeout %v: at least 6s is needed, a broker's usual floor", d)
	}
	return nil
}

// run serves until ctx is done, or until an error that no repetition mends. HTTP answers from the start.
func (s *service) run(ctx context.Context) error {
	proposal, err := s.proposal()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.measure()
	s.onRegistryAway = s.waitsForRegistry
	stop, err := s.listen()
	if err != nil {
		return err
	}
	defer stop()
	if err := s.registryAnswers(ctx, &s.log); err != nil {
		return err
	}
	client, err := consumer.Connect(consumer.ClientConfig{Brokers: s.brokers, ClientID: s.app, Access: s.access(), Log: s.log, Waiting: s.waitsFor, OnRecord: s.plain})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := s.prepare(ctx, client, proposal); err != nil {
		return err
	}
	cfg := s.config()
	cfg.Client = client
	cfg.OnRevision = s.measured(s.onRevision(proposal))
	c, err := consumer.New(cfg)
	if err != nil {
		return err
	}
	s.consumer.Store(c)
	return c.Run(ctx)
}

// prepare waits for the cluster, looks at the topics and proposes the policy.
func (s *service) prepare(ctx context.Context, client *consumer.Client, p *proposal) (err error) {
	if err := s.checkTopics(ctx, client); err != nil {
		return err
	}
	if s.ids, err = s.schemaIDs(ctx, s.names().published()...); err != nil {
		return err
	}
	return s.propose(ctx, client, p)
}

// waitsFor notes what the cluster is waited for because of; nil: it answers.
func (s *service) waitsFor(err error) {
	why := "starting"
	if err != nil {
		why = fmt.Sprintf("waiting for the cluster at %s: %v", strings.Join(s.brokers, ", "), err)
	}
	s.waiting.Store(&why)
}

// waitsForRegistry notes that the start waits for the schema registry.
func (s *service) waitsForRegistry(err error) {
	why := fmt.Sprintf("waiting for the schema registry: %v", err)
	if before := s.waiting.Swap(&why); before == nil || *before != why {
		s.log.Warn().Msg(why)
	}
}

// checkTopics refuses to begin where a topic is missing or the ledger would not keep time, and says loudly which event topics
// believe any clock.
func (s *service) checkTopics(ctx context.Context, client *consumer.Client) error {
	var all []string
	for _, w := range s.wishes(false) {
		all = append(all, w.name)
	}
	if err := client.NeedTopics(ctx, all...); err != nil {
		return err
	}
	there, err := client.Topics(ctx, all...)
	if err != nil {
		return err
	}
	for _, t := range all {
		is := there[t]
		if err := is.Need(s.operations(t)...); err != nil {
			return err
		}
	}
	ledger := s.names().ledger()
	if kind := there[ledger].Configs[timestampType]; kind != appendTime {
		return &consumer.SetupError{Message: fmt.Sprintf("topic %s has %s=%s, but the ledger's time must be the broker's, or decisions depend on clocks: `%s` sets %s=%s",
			ledger, timestampType, kind, s.given.command("topics apply"), timestampType, appendTime)}
	}
	for _, t := range s.events() {
		if !boundsTime(there[t]) {
			s.log.Warn().Str("topic", t).Msgf("this topic takes record times from any clock: a producer whose clock is ahead decides when an event was; set %s=%s on it, or %s to at most %d",
				timestampType, appendTime, timestampAfter, farthestAhead.Milliseconds())
		}
	}
	return nil
}

// operations are what the service does with a topic.
func (s *service) operations(topic string) []consumer.Operation {
	n := s.names()
	switch {
	case slices.Contains(append(s.events(), n.progress(), n.requests()), topic):
		return []consumer.Operation{consumer.Read}
	case slices.Contains([]string{n.commands(), n.decisions(), n.results(), n.models(), n.dlq()}, topic):
		return []consumer.Operation{consumer.Write}
	}
	return []consumer.Operation{consumer.Read, consumer.Write} // the ledger, the policy, checkpoints
}

// config wires topics to handlers.
func (s *service) config() consumer.Config {
	n, set := s.names(), handlers.Settings{App: s.app, MaxEventBytes: int(s.maxEventBytes), Registry: s.registry != nil, Bare: s.bare, SchemaIDs: s.ids}
	cfg := consumer.Config{App: s.app, Brokers: s.brokers, Access: s.access(), Revisions: n.policy(), DeadLetters: n.dlq(),
		InstanceID: s.instanceID, SessionTimeout: s.sessionTimeout, CheckpointInterval: s.checkpointInterval,
		From: s.start.from, Resolve: s.resolve(), Log: s.log}
	if s.metrics != nil {
		cfg.Watcher = s.metrics
	}
	_, _ = rand.Read(cfg.Writer[:]) // it never fails
	add := func(topic string, versioned bool, handler func() record.Handler) *consumer.Input {
		cfg.Inputs = append(cfg.Inputs, consumer.Input{Topic: topic, Checkpoint: n.checkpoint(topic), Versioned: versioned, New: handler, Outputs: []string{n.ledger()}})
		return &cfg.Inputs[len(cfg.Inputs)-1]
	}
	for _, t := range s.drift {
		add(t, true, func() record.Handler { return handlers.NewDrift(set) })
	}
	for _, t := range s.performance {
		add(t, true, func() record.Handler { return handlers.NewPerformance(set) })
	}
	add(n.progress(), false, func() record.Handler { return handlers.NewProgress(set) })
	add(n.requests(), false, func() record.Handler { return handlers.NewRequests(set) })
	ledger := add(n.ledger(), false, func() record.Handler {
		return &unknownCommands{Ledger: handlers.NewLedger(set), log: s.log, show: s.given.command("tail " + n.ledger()), now: time.Now}
	})
	ledger.Outputs = n.published()
	ledger.Tick, ledger.EachCommit, ledger.OnPanic = handlers.TickValue(), true, consumer.PanicStop
	return cfg
}
