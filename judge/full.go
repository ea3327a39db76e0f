package main

import (
	"context"
	"fmt"
	"math"
	"strings"

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
	policies map[int64]*policy   // those that were active, by revision
	first    *policy             // of them
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
		forwards: map[string][]folded{}, want: map[string][]folded{}, policies: map[int64]*policy{}}
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
	return j.active()
}

// active reads the policies that became active: each of a greater revision than all before.
func (j *judgement) active() error {
	last := int64(-1)
	for _, e := range j.entries {
		if e.value[""] != "Policy" || e.value["revision"].(int64) <= last {
			continue
		}
		p, err := readPolicy(e.value["policy"].([]byte))
		if err != nil {
			return err
		}
		last = e.value["revision"].(int64)
		j.policies[last] = p
		if j.first == nil {
			j.first = p
		}
	}
	if j.first == nil {
		return fmt.Errorf("%s.ledger holds no policy", j.o.app)
	}
	j.r.saw(len(j.policies), "policies")
	return nil
}

// alertID tells an alert's records apart: fired, sent again, resolved.
func alertID(v map[string]any) string {
	return fmt.Sprintf("%s %s by %s/%d/%d", v["alert_id"], v["state"], v["topic"], v["partition"], v["offset"])
}

// events compares the alerts that follow from each source partition with those that the ledger has of it.
func (j *judgement) events(ctx context.Context) error {
	n, switches, kinds := 0, 0, map[string]int{}
	for _, t := range j.o.events() {
		partitions, next, err := j.foldEvents(ctx, t)
		if err != nil {
			return err
		}
		for _, number := range sorted(partitions) {
			p := partitions[number]
			n, switches = n+p.records, switches+len(p.switches)
			j.alertsOf(fmt.Sprintf("%s/%d", t.topic, number), p, kinds)
		}
		if err := j.k.folded(ctx, j.o.app, t.topic, next, j.r); err != nil {
			return err
		}
	}
	for _, source := range sorted(j.alerts) {
		j.r.mismatch("%d alerts of %s, which is no partition with events", len(j.alerts[source]), source)
	}
	j.r.saw(n, "events")
	j.r.saw(switches, "switches between them")
	for _, kind := range sorted(kinds) {
		j.r.saw(kinds[kind], "alerts "+kind)
	}
	return nil
}

// foldEvents folds the partitions of a topic, each under the policies that it recorded.
func (j *judgement) foldEvents(ctx context.Context, t eventTopic) (partitions map[int32]*partition, next map[int32]int64, err error) {
	turns, err := j.turns(ctx, t.topic)
	if err != nil {
		return nil, nil, err
	}
	partitions = map[int32]*partition{}
	var untold error
	next, err = j.k.read(ctx, t.topic, j.r, func(rec *kgo.Record) {
		p := partitions[rec.Partition]
		if p == nil {
			under, err := j.under(turns[rec.Partition], rec)
			if err != nil {
				untold = err
			}
			p = newPartition(t.kind, under, j.schemas, j.o.eventBytes)
			partitions[rec.Partition] = p
		}
		if reason := p.fold(rec); reason != "" {
			j.dead.expect(rec, reason)
		}
	})
	if err == nil {
		err = untold
	}
	return partitions, next, err
}

// alertsOf compares the alerts of one partition, and counts what they are on and how they ended.
func (j *judgement) alertsOf(source string, p *partition, kinds map[string]int) {
	p.switchUpTo(math.MaxInt64)
	var want []folded
	for _, a := range p.alerts {
		want = append(want, folded{id: alertID(a), value: a})
		if kinds["on "+a["on"].(string)]++; a["resolved_by"] != nil {
			kinds["resolved "+a["resolved_by"].(string)]++
		}
	}
	same("alert", want, j.alerts[source], j.r)
	delete(j.alerts, source)
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
	j.r.saw(len(c.late), "timers")
	if j.o.timers > 0 {
		j.r.within(c.late, j.o.timers)
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

// checkpoint is the topic of the checkpoints of an input.
func (j *judgement) checkpoint(input string) string {
	return j.o.app + ".checkpoint." + strings.TrimPrefix(input, j.o.app+".")
}

// checkpoints: no transaction may be open in them.
func (j *judgement) checkpoints(ctx context.Context) error {
	inputs := []string{"ledger", "progress", "requests"}
	for _, t := range j.o.events() {
		inputs = append(inputs, t.topic)
	}
	for _, input := range inputs {
		topic := j.checkpoint(input)
		all, err := j.k.bounds(ctx, topic)
		if err != nil {
			return err
		}
		j.k.hanging(topic, all, j.r)
	}
	return nil
}
