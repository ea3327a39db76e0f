package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

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
	j.saw(c)
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

// saw counts what became of commands.
func (j *judgement) saw(c *controller) {
	for _, what := range sorted(c.seen) {
		j.r.saw(c.seen[what], what)
	}
}

// headers are those of CloudEvents 1.0 in Kafka's binary mode, of what trainers read.
func headers(app, kind string, v map[string]any) map[string]string {
	at := map[string]string{"Command": "issued_at", "Result": "finished_at"}[kind]
	if at == "" {
		return nil
	}
	ms, _ := v[at].(int64)
	return map[string]string{
		"ce_specversion": "1.0", "ce_id": fmt.Sprint(v["command_id"]), "ce_type": "io.visutility.retrain." + strings.ToLower(kind) + ".v1",
		"ce_source": "/retrainer/" + app, "ce_subject": fmt.Sprint(v["model"]),
		"ce_time": time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z"), "content-type": "application/avro",
	}
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
		if _, err := j.read(ctx, j.o.app+"."+x.topic, j.r, func(rec *kgo.Record) {
			at := place(rec.Topic, rec.Partition, rec.Offset)
			v, reason := j.schemas.open(rec.Value, "io.visutility."+x.kind)
			if reason != "" {
				j.r.mismatch("%s at %s cannot be read: %s", x.kind, at, reason)
				return
			}
			headers := headers(j.o.app, x.kind, v)
			for _, name := range sorted(headers) {
				if got := header(rec, name); got != headers[name] {
					j.r.mismatch("%s at %s: header %s is %q; it must be %q", x.kind, at, name, got, headers[name])
				}
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
