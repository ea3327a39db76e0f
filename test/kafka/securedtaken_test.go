//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// takenAway takes rights of a service away while it runs: it waits, /readyz says for which one, and when it has it again it goes on
// by itself, in its generation where the group was not concerned. Nothing is lost, doubled or a dead letter.
func (s *secured) takenAway(serve *instance) {
	s.t.Helper()
	commands := 2 // of the loop before
	before := s.until(serve, "it runs", func(r readiness) bool { return r.Ready }).Generation
	for _, x := range []struct {
		what acl
		says string
		deny bool // by a rule of its own, for what is given is a right on all topics of the app
	}{
		{acl{user: "service", resource: "topic", name: "monitoring.performance", pattern: "literal", operation: "Read"}, "Read on topic monitoring.performance", false},
		{acl{user: "service", resource: "topic", name: "retrain.commands", pattern: "literal", operation: "Write", deny: true}, "Write on topic retrain.commands", true},
		{acl{user: "service", resource: "transactional-id", name: "retrain.", pattern: "prefixed", operation: "Write"}, "Write on transactional-id retrain.", false},
		{acl{user: "service", resource: "group", name: "retrain", pattern: "literal", operation: "Read"}, "Read on group retrain", false},
	} {
		off, on := func() { s.take(x.what) }, func() { s.give(x.what) }
		if x.deny {
			off, on = on, off
		}
		off()
		commands++
		s.must("pipeline", fmt.Sprintf(`{"model_id":"taken-%d/v1","mAP_change":-0.12,"timestamp":"%s"}`, commands, time.Now().UTC().Format(time.RFC3339Nano)), "produce", "monitoring.performance")
		s.until(serve, "it says that "+x.says+" is missing", func(r readiness) bool {
			said := r.Why
			for _, t := range r.Tasks {
				said += t.Why
			}
			return !r.Ready && strings.Contains(said, "give the principal the right "+x.says)
		})
		on()
		s.must("reader", "", "tail", "retrain.commands", "--from", "start", "--count", fmt.Sprint(commands), "--timeout", patience.String())
		after := s.until(serve, "it runs again", func(r readiness) bool { return r.Ready }).Generation
		if x.what.resource != "group" && after != before {
			s.t.Errorf("generation %d, then %d: the group was not concerned by %s", before, after, x.says)
		}
	}
	if dead := s.must("reader", "", "tail", "retrain.dlq", "--from", "start", "--until", "end"); dead != "" {
		s.t.Errorf("dead letters: %s", dead)
	}
	if all := s.must("reader", "", "tail", "retrain.commands", "--from", "start", "--until", "end"); strings.Count(all, "\n") != commands {
		s.t.Errorf("%d commands are wanted:\n%s", commands, all)
	}
	judge(s.t, s.dir, s.brokers)
}

// until waits until an instance says so of itself.
func (s *secured) until(i *instance, what string, good func(readiness) bool) readiness {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		r, err := i.readiness()
		if err == nil && good(r) {
			return r
		}
		if i.endedAlone() || wait(ctx, 50*time.Millisecond) != nil {
			s.t.Fatalf("waiting until %s: %+v, %v", what, r, err)
		}
	}
}
