package main

import (
	"context"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kgo"
)

// judgement is the run of an app as it stands in its topics, and what was read of it so far.
type judgement struct {
	k       *kafka
	o       options
	r       *report
	schemas *schemas

	dead     deadLetters
	entries  []entry
	policy   *policy             // the one under which the events were judged
	alerts   map[string][]folded // of the ledger, by source partition
	forwards map[string][]folded // of the ledger, by kind: Progress, Request
	want     map[string][]folded // what the fold of the ledger says, by kind
}

// entry is a record of the ledger.
type entry struct {
	at    int64
	value map[string]any
}

func judgeFull(ctx context.Context, k *kafka, o options, r *report) error {
	s, err := readSchemas(o.schemas)
	if err != nil {
		return err
	}
	j := &judgement{k: k, o: o, r: r, schemas: s, dead: deadLetters{}, alerts: map[string][]folded{},
		forwards: map[string][]folded{}, want: map[string][]folded{}}
	for _, step := range []func(context.Context) error{j.ledger, j.events, j.progress, j.requests, j.controller, j.outcomes, j.checkpoints} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.saw(len(j.dead), "dead letters")
	return j.dead.compare(ctx, k, o.app+".dlq", r)
}

// ledger reads the entries, and takes apart whose fold each of them is. An app that stops may leave Ticks unfolded: they are
// time that passed for nobody.
func (j *judgement) ledger(ctx context.Context) error {
	committed, err := j.k.committed(ctx, j.o.app, j.o.app+".ledger")
	if err != nil {
		return err
	}
	if _, err := j.k.read(ctx, j.o.app+".ledger", j.r, func(rec *kgo.Record) {
		at := place(rec.Topic, rec.Partition, rec.Offset)
		v, reason := j.schemas.open(rec.Value, "")
		switch beyond := rec.Offset >= committed[rec.Partition]; {
		case reason != "":
			j.r.mismatch("entry at %s cannot be read: %s", at, reason)
			return
		case beyond && v[""] == "Tick":
			return
		case beyond:
			j.r.mismatch("entry at %s is not folded: the committed offset is %d", at, committed[rec.Partition])
		}
		j.entries = append(j.entries, entry{rec.Timestamp.UnixMilli(), v})
		switch kind := v[""].(string); kind {
		case "Alert":
			source := fmt.Sprintf("%s/%d", v["topic"], v["partition"])
			j.alerts[source] = append(j.alerts[source], folded{at: at, id: alertID(v), value: v})
		case "Progress", "Request":
			j.forwards[kind] = append(j.forwards[kind], folded{at: at, id: fmt.Sprint(len(j.forwards[kind])), value: v})
		}
	}); err != nil {
		return err
	}
	j.r.saw(len(j.entries), "entries")
	for _, e := range j.entries {
		if e.value[""] != "Policy" || j.policy != nil && e.value["revision"].(int64) <= j.policy.Revision {
			continue
		}
		if j.policy != nil {
			return fmt.Errorf("revision %d follows %d: where a source partition switched cannot be seen from outside", e.value["revision"], j.policy.Revision)
		}
		if j.policy, err = readPolicy(e.value["policy"].([]byte)); err != nil {
			return err
		}
	}
	if j.policy == nil {
		return fmt.Errorf("%s.ledger holds no policy", j.o.app)
	}
	return nil
}

// alertID tells an alert's records apart: fired, sent again, resolved.
func alertID(v map[string]any) string {
	return fmt.Sprintf("%s %s by %s/%d/%d", v["alert_id"], v["state"], v["topic"], v["partition"], v["offset"])
}

// events folds each source partition and compares with the alerts that the ledger has of it.
func (j *judgement) events(ctx context.Context) error {
	partitions, n := map[int32]*partition{}, 0
	next, err := j.k.read(ctx, j.o.performance, j.r, func(rec *kgo.Record) {
		n++
		p := partitions[rec.Partition]
		if p == nil {
			p = newPartition(j.policy, j.schemas, j.o.eventBytes)
			partitions[rec.Partition] = p
		}
		if reason := p.fold(rec); reason != "" {
			j.dead.expect(rec, reason)
		}
	})
	if err != nil {
		return err
	}
	alerts := 0
	for _, number := range sorted(partitions) {
		p, source := partitions[number], fmt.Sprintf("%s/%d", j.o.performance, number)
		if p.err != nil {
			return p.err
		}
		var want []folded
		for _, a := range p.alerts {
			want = append(want, folded{id: alertID(a), value: a})
		}
		alerts += len(want)
		same("alert", want, j.alerts[source], j.r)
		delete(j.alerts, source)
	}
	for _, source := range sorted(j.alerts) {
		j.r.mismatch("%d alerts of %s, which is no partition with events", len(j.alerts[source]), source)
	}
	j.r.saw(n, "events")
	j.r.saw(alerts, "alerts")
	return j.k.folded(ctx, j.o.app, j.o.performance, next, j.r)
}

// progress and requests are forwarded to the ledger, each good record once and in order.
func (j *judgement) progress(ctx context.Context) error {
	return j.forwarded(ctx, j.o.app+".progress", "Progress", func(v map[string]any) string {
		metrics, _ := v["metrics"].(map[string]any)
		for _, x := range metrics {
			if f, ok := x.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
				return "invalid_value"
			}
		}
		return firstBad(v, []string{"command_id", "new_version"}, v["kind"])
	})
}

func (j *judgement) requests(ctx context.Context) error {
	return j.forwarded(ctx, j.o.app+".requests", "Request", func(v map[string]any) string {
		if v["action"] == nil || v["action"] == "unknown" {
			return "invalid_value"
		}
		return firstBad(v, []string{"request_id", "model"}, v["verb"])
	})
}

func firstBad(v map[string]any, ids []string, kind any) string {
	for _, f := range ids {
		if id, ok := v[f].(string); ok && badID(id) {
			return "invalid_value"
		}
	}
	if kind == "unknown" {
		return "unknown_kind"
	}
	return ""
}

func (j *judgement) forwarded(ctx context.Context, topic, kind string, bad func(map[string]any) string) error {
	var want []folded
	next, err := j.k.read(ctx, topic, j.r, func(rec *kgo.Record) {
		v, reason := j.schemas.open(rec.Value, "io.visutility."+kind)
		switch {
		case rec.Value == nil:
			reason = "tombstone"
		case reason == "":
			reason = bad(v)
		}
		if reason != "" {
			j.dead.expect(rec, reason)
			return
		}
		want = append(want, folded{id: fmt.Sprint(len(want)), value: v}) // known by their order: two may be equal
	})
	if err != nil {
		return err
	}
	j.r.saw(len(want), topic[len(j.o.app)+1:])
	same(kind, want, j.forwards[kind], j.r)
	return j.k.folded(ctx, j.o.app, topic, next, j.r)
}

// controller folds the ledger.
func (j *judgement) controller(context.Context) error {
	c := newController(func(kind, key string, value map[string]any) {
		j.want[kind] = append(j.want[kind], folded{key: key, id: outcomeID(kind, value), value: value})
	})
	for i, e := range j.entries {
		if err := c.step(e.at, e.value); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return nil
}

func outcomeID(kind string, v map[string]any) string {
	switch kind {
	case "Decision":
		return fmt.Sprint(v["decision_id"])
	case "Command":
		return fmt.Sprint(v["command_id"])
	case "Result":
		return fmt.Sprintf("%s %s at %d", v["command_id"], v["state"], v["finished_at"])
	}
	return ""
}

// outcomes compares what the controller published.
func (j *judgement) outcomes(ctx context.Context) error {
	for _, x := range []struct {
		topic, kind string
		compare     func(string, []folded, []folded, *report)
	}{
		{"decisions", "Decision", same}, {"commands", "Command", same}, {"results", "Result", same},
		{"models", "Model", compacted}, {"policy", "Policy", compacted},
	} {
		var got []folded
		if _, err := j.k.read(ctx, j.o.app+"."+x.topic, j.r, func(rec *kgo.Record) {
			at := place(rec.Topic, rec.Partition, rec.Offset)
			v, reason := j.schemas.open(rec.Value, "io.visutility."+x.kind)
			if reason != "" {
				j.r.mismatch("%s at %s cannot be read: %s", x.kind, at, reason)
				return
			}
			if id, ok := v["command_id"].(string); x.topic == "commands" && (!ok || header(rec, "ce_id") != id) {
				j.r.mismatch("Command at %s: header ce_id is %q; it must be %s", at, header(rec, "ce_id"), id)
			}
			got = append(got, folded{at: at, key: string(rec.Key), id: outcomeID(x.kind, v), value: v})
		}); err != nil {
			return err
		}
		j.r.saw(len(got), x.topic)
		x.compare(x.kind, j.want[x.kind], got, j.r)
	}
	return nil
}

// checkpoints are bytes of the program's own; from outside one sees only that no transaction is open in them.
func (j *judgement) checkpoints(ctx context.Context) error {
	for _, input := range []string{j.o.performance, "ledger", "progress", "requests"} {
		topic := j.o.app + ".checkpoint." + input
		all, err := j.k.bounds(ctx, topic)
		if err != nil {
			return err
		}
		j.k.hanging(topic, all, j.r)
	}
	return nil
}
