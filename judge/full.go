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
	read    reader // of the topics
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
	j := newJudgement(s, o, r)
	j.k, j.read = k, k.read
	for _, step := range []func(context.Context) error{j.ledger, j.events, j.progress, j.requests, j.controller, j.outcomes, j.checkpoints} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.saw(len(j.dead), "dead letters")
	return j.dead.compare(ctx, k, o.app+".dlq", r)
}

func newJudgement(s *schemas, o options, r *report) *judgement {
	return &judgement{o: o, r: r, schemas: s, dead: deadLetters{}, alerts: map[string][]folded{},
		forwards: map[string][]folded{}, want: map[string][]folded{}, policies: map[int64]*policy{}}
}

// reader hands over the committed records of a topic; next is, by partition, the offset after the last.
type reader func(ctx context.Context, topic string, r *report, each func(*kgo.Record)) (next map[int32]int64, err error)

// ledger reads the entries, and takes apart whose fold each of them is. An app that stops may leave Ticks unfolded: they are
// time that passed for nobody.
func (j *judgement) ledger(ctx context.Context) error {
	committed, err := j.k.committed(ctx, j.o.app, j.o.app+".ledger")
	if err != nil {
		return err
	}
	if _, err := j.read(ctx, j.o.app+".ledger", j.r, func(rec *kgo.Record) {
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
	next, err = j.read(ctx, t.topic, j.r, func(rec *kgo.Record) {
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
