package main

import (
	"context"

	"github.com/visutility/retrainer/cmd/retrainer/metrics"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
)

// measure begins to count, where HTTP can tell it.
func (s *service) measure() {
	if s.http == "" {
		return
	}
	n, v := s.names(), buildVersion()
	s.metrics = metrics.New(metrics.Config{
		Events: s.events(), Forward: []string{n.progress(), n.requests()}, Ledger: n.ledger(),
		Commands: n.commands(), Decisions: n.decisions(), Results: n.results(), DeadLetters: n.dlq(),
		Status: s.status, Log: s.log,
		Version: map[string]string{"version": v.Version, "revision": v.Revision, "goversion": v.Go},
	})
}

// status is what the consumer does, if there is one yet.
func (s *service) status() consumer.Status {
	if c := s.consumer.Load(); c != nil {
		return c.Status()
	}
	return consumer.Status{}
}

// measured also shows a revision to the metrics.
func (s *service) measured(see consumer.OnRevision) consumer.OnRevision {
	return func(ctx context.Context, r record.Revision) (record.Revision, error) {
		if s.metrics != nil {
			s.metrics.Revision(r.Number)
		}
		return see(ctx, r)
	}
}
