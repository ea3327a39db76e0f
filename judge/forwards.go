package main

import (
	"context"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// progress and requests are forwarded to the ledger, each good record once and in order.
func (j *judgement) progress(ctx context.Context) error {
	return j.forwarded(ctx, j.o.app+".progress", "Progress", func(v map[string]any) string {
		metrics, _ := v["metrics"].(map[string]any)
		best, _ := v["best_params"].(map[string]any)
		if keptBytes(metrics)+keptBytes(best) > 256<<10 {
			return "oversized"
		}
		for _, x := range metrics {
			if f, ok := x.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
				return "invalid_value"
			}
		}
		shorten(v, "worker", 512)
		shorten(v, "error_code", 512)
		shorten(v, "error_message", 32<<10)
		return firstBad(v, []string{"command_id", "new_version"}, v["kind"])
	})
}

// keptBytes is what the registry has to keep of figures or parameters: 20 bytes each beside the texts.
func keptBytes(m map[string]any) int {
	n := 0
	for name, x := range m {
		text, _ := x.(string)
		n += len(name) + len(text) + 20
	}
	return n
}

// shorten cuts a text that is too long before a character, and says so.
func shorten(v map[string]any, field string, most int) {
	text, _ := v[field].(string)
	if len(text) <= most {
		return
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	v[field] = text[:most] + "..."
}

func (j *judgement) requests(ctx context.Context) error {
	return j.forwarded(ctx, j.o.app+".requests", "Request", func(v map[string]any) string {
		shorten(v, "author", 512)
		shorten(v, "comment", 16<<10)
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
	dead := map[string]int{}
	next, err := j.read(ctx, topic, j.r, func(rec *kgo.Record) {
		v, reason := j.schemas.open(rec.Value, "io.visutility."+kind)
		switch {
		case rec.Value == nil:
			reason = "tombstone"
		case reason == "":
			reason = bad(v)
		}
		if reason != "" {
			j.dead.expect(rec, reason)
			dead[reason]++
			return
		}
		want = append(want, folded{id: fmt.Sprint(len(want)), value: v}) // known by their order: two may be equal
	})
	if err != nil {
		return err
	}
	j.r.saw(len(want), topic[len(j.o.app)+1:])
	for _, reason := range sorted(dead) {
		j.r.saw(dead[reason], kind+" "+reason)
	}
	same(kind, want, j.forwards[kind], j.r)
	return j.k.folded(ctx, j.o.app, topic, next, j.r)
}
