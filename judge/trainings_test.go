package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// trainings adds what trainers say of the last command and of others: it fails, succeeds after all, and the next command begins with
// what was best; words on no command and after the end; words that nobody can use.
func (w *world) trainings() {
	last := w.decoded("retrain.commands", len(w.records["retrain.commands"])-1)
	id := last["command_id"]
	w.says(202_000, "started", map[string]any{"command_id": id, "worker": "w2"})
	w.says(203_000, "progress", map[string]any{"command_id": id, "step": int64(1), "total": int64(2), "metrics": map[string]any{"loss": 0.5}})
	w.says(204_000, "failed", map[string]any{"command_id": id, "error_code": "exit_1", "error_message": "no file", "retryable": true})
	w.says(204_500, "progress", map[string]any{"command_id": id})
	w.says(204_500, "succeeded", map[string]any{"command_id": "nobody's"})
	w.says(205_000, "succeeded", map[string]any{"command_id": id, "worker": "w3", "new_version": "mine", "metrics": map[string]any{"mAP": 0.8},
		"best_params": map[string]any{"lr": "0.002", "batch_size": "24"}})
	w.forward(300_000, "Request", map[string]any{"request_id": "t", "verb": "trigger", "model": "a", "action": "soft", "create": false, "author": "t", "comment": "", "at": worldTime})
	good := w.word("succeeded", map[string]any{"command_id": id})
	for value, reason := range map[string]string{"": "tombstone", "no Avro": "framing", string(good[:len(good)-1]): "malformed", string(w.word("unknown", map[string]any{"command_id": id})): "unknown_kind",
		string(w.word("succeeded", map[string]any{"command_id": id, "new_version": "\x7f"})): "invalid_value"} {
		rec := &kgo.Record{Topic: "retrain.progress", Key: []byte("k"), Value: []byte(value), Offset: int64(len(w.records["retrain.progress"])), Timestamp: time.UnixMilli(worldTime + 301_000)}
		if value == "" {
			rec.Value = nil
		}
		w.records[rec.Topic] = append(w.records[rec.Topic], rec)
		w.records["retrain.dlq"] = append(w.records["retrain.dlq"], letter(rec, reason))
	}
}

func (w *world) says(after int64, kind string, v map[string]any) {
	w.forward(after, "Progress", w.progress(kind, v))
}

func (w *world) word(kind string, v map[string]any) []byte {
	return frame(w.t, w.schemas, w.names["Progress"], w.progress(kind, v))
}

func (w *world) progress(kind string, v map[string]any) map[string]any {
	return with(map[string]any{"command_id": nil, "kind": kind, "worker": nil, "at": worldTime, "step": nil, "total": nil, "metrics": nil,
		"best_params": nil, "new_version": nil, "error_code": nil, "error_message": nil, "retryable": nil}, v)
}

func TestTheWorldHasTrainingsOfAllKinds(t *testing.T) {
	_, printed := newWorld(t).judge(nil)
	for _, want := range []string{"trainings unclaimed", "trainings failed", "1 trainings succeeded,", "1 trainings succeeded late", "1 words on no command", "1 words after the end",
		"1 commands that begin with the parent's parameters", "1 Progress framing", "1 Progress invalid_value", "1 Progress malformed", "1 Progress tombstone", "1 Progress unknown_kind"} {
		if !strings.Contains(printed, want) {
			t.Errorf("no %q in %s", want, printed)
		}
	}
}

// Whatever field of a record is another than what follows from the ledger, the judge says so.
func TestEachFieldIsLookedAt(t *testing.T) {
	w := newWorld(t)
	fields := map[string]int{}
	for topic, kind := range map[string]string{"commands": "Command", "decisions": "Decision", "results": "Result", "models": "Model", "policy": "Policy"} {
		topic := "retrain." + topic
		if n, printed := w.outcomes(topic, -1, nil); n != 0 {
			t.Fatalf("nothing was changed, and there are %d mismatches:\n%s", n, printed)
		}
		for i := range w.records[topic] {
			v := w.decoded(topic, i)
			for _, x := range w.names[kind].others(v) {
				if x.path == ".explanation" { // has only to be there
					continue
				}
				path := kind + x.path
				fields[path]++
				if fields[path] > 3 { // of a kind
					continue
				}
				value := frame(t, w.schemas, w.names[kind], body(x.value.(map[string]any)))
				if n, printed := w.outcomes(topic, i, value); n == 0 {
					t.Errorf("%s of record %d is another, and nothing is said: %s", path, i, printed)
				}
			}
		}
	}
	for _, path := range []string{"Command.trials[0].values{lr}", "Command.evidence[0].since", "Command.base_version", "Result.best_params{lr}", "Result.metrics{mAP}", "Result.worker", "Result.started_at",
		"Result.retryable", "Result.late", "Model.versions[0].parent", "Model.versions[0].best_params", "Model.alerts[0].value", "Decision.blocked_by", "Policy.policy"} {
		if fields[path] == 0 {
			t.Errorf("no record of the world has %s", path)
		}
	}
	t.Logf("%d fields", len(fields))
}

func TestEachFieldThatIsForwardedIsLookedAt(t *testing.T) {
	w := newWorld(t)
	fields := map[string]int{}
	for i := range w.records["retrain.ledger"] {
		v := w.decoded("retrain.ledger", i)
		kind := v[""].(string)
		if kind != "Progress" && kind != "Request" && kind != "Alert" {
			continue
		}
		for _, x := range w.names[kind].others(v) {
			fields[kind+x.path]++
			r := &report{out: io.Discard}
			if same(kind, []folded{{value: v}}, []folded{{value: x.value.(map[string]any)}}, r); r.n == 0 {
				t.Errorf("%s%s of entry %d is another, and nothing is said", kind, x.path, i)
			}
		}
	}
	for _, path := range []string{"Progress.metrics{loss}", "Progress.step", "Progress.retryable", "Request.comment", "Alert.since"} {
		if fields[path] == 0 {
			t.Errorf("no entry of the world has %s", path)
		}
	}
}

// outcomes judges what the controller published, with one value replaced.
func (w *world) outcomes(topic string, at int, value []byte) (int, string) {
	w.t.Helper()
	var out strings.Builder
	r := &report{out: &out, printed: 10}
	j := newJudgement(w.schemas, options{app: "retrain"}, r)
	for _, rec := range w.records["retrain.ledger"] {
		v, _ := w.schemas.open(rec.Value, "")
		j.entries = append(j.entries, entry{rec.Timestamp.UnixMilli(), v})
	}
	j.read = reading(w.records, topic, at, value)
	must(w.t, j.controller(w.t.Context()))
	must(w.t, j.outcomes(w.t.Context()))
	r.close()
	return r.n, out.String()
}

// other is a value with one field changed.
type other struct {
	path  string
	value any
}

// others are the values that differ from v in one place: each field, the first item of each list, one key of each map.
func (s *schema) others(v any) (all []other) {
	within := func(path string, of *schema, part any, put func(any) any) {
		for _, x := range of.others(part) {
			all = append(all, other{path + x.path, put(x.value)})
		}
	}
	switch s.kind {
	case "record":
		m := v.(map[string]any)
		for i, name := range s.names {
			within("."+name, s.of[i], m[name], func(x any) any { return with(m, map[string]any{name: x}) })
		}
	case "union":
		if v == nil {
			return []other{{"", s.of[1].zero()}}
		}
		all = append(all, other{"", nil})
		within("", s.of[1], v, func(x any) any { return x })
	case "array":
		list := v.([]any)
		all = append(all, other{"", append(append([]any{}, list...), s.of[0].zero())})
		if len(list) > 0 {
			all = append(all, other{"", list[1:]})
			within("[0]", s.of[0], list[0], func(x any) any { return append([]any{x}, list[1:]...) })
		}
	case "map":
		m := v.(map[string]any)
		all = append(all, other{"", with(m, map[string]any{"more": s.of[0].zero()})})
		for _, key := range sorted(m) {
			within("{"+key+"}", s.of[0], m[key], func(x any) any { return with(m, map[string]any{key: x}) })
		}
	case "enum":
		symbol := s.symbols[0]
		if v == symbol {
			symbol = s.symbols[1]
		}
		return []other{{"", symbol}}
	case "string":
		return []other{{"", v.(string) + "x"}}
	case "bytes":
		return []other{{"", append(append([]byte{}, v.([]byte)...), ' ')}}
	case "int", "long":
		return []other{{"", v.(int64) + 1}}
	case "double":
		return []other{{"", v.(float64) + 0.25}}
	case "boolean":
		return []other{{"", v != true}}
	}
	return all
}

// zero is some value of the type.
func (s *schema) zero() any {
	switch s.kind {
	case "record":
		m := map[string]any{}
		for i, name := range s.names {
			m[name] = s.of[i].zero()
		}
		return m
	case "array":
		return []any{}
	case "map":
		return map[string]any{}
	case "enum":
		return s.symbols[0]
	case "string":
		return ""
	case "bytes":
		return []byte{}
	case "int", "long":
		return int64(0)
	case "double":
		return 0.0
	case "boolean":
		return false
	case "union":
		return nil
	}
	panic(fmt.Sprint("no zero of ", s.kind))
}

// reading hands over records that were never published, one of them with another value.
func reading(records map[string][]*kgo.Record, topic string, at int, value []byte) reader {
	return func(_ context.Context, of string, _ *report, each func(*kgo.Record)) (map[int32]int64, error) {
		for i, rec := range records[of] {
			if of == topic && i == at {
				changed := *rec
				changed.Value = value
				rec = &changed
			}
			each(rec)
		}
		return nil, nil
	}
}
