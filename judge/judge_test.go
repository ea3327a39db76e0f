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

// judge publishes the world to a broker of its own and judges it.
func (w *world) judge(open *kgo.Record) (int, string) {
	w.t.Helper()
	address := broker(w.t, worldTopics...)
	offsets := map[string]int64{"monitoring.performance": 1000, "monitoring.drift": 1000, "retrain.ledger": 1000, "retrain.progress": 1000, "retrain.requests": 1000}
	for topic, n := range w.folded {
		offsets[topic] = n
	}
	publish(w.t, address, "retrain", w.records, offsets, open)
	return ask(w.t, "full", "--brokers", address, "--schemas", "../schemas")
}

func TestAnUndisturbedRunHasNoMismatch(t *testing.T) {
	w := newWorld(t)
	for topic, least := range map[string]int{"retrain.commands": 2, "retrain.decisions": 6, "retrain.results": 2, "retrain.models": 4, "retrain.dlq": 1} {
		if n := len(w.records[topic]); n < least {
			t.Errorf("the world has only %d records in %s", n, topic)
		}
	}
	if n, printed := w.judge(nil); n != 0 {
		t.Errorf("%d mismatches:\n%s", n, printed)
	} else if like("*, 1 alerts on concept_drift, 3 alerts on drift, 22 alerts on performance, 11 alerts resolved recovered, 1 alerts resolved rule_removed, *", printed) {
		t.Log(printed)
	} else {
		t.Errorf("the world has other alerts: %s", printed)
	}
}

// What a spoiled run shows: each kind of loss, repetition and falsehood is found, and named.
func TestEachMismatchIsFound(t *testing.T) {
	const ledger, commands, decisions, events, drifts = "retrain.ledger", "retrain.commands", "retrain.decisions", performanceTopic, driftTopic
	for _, c := range []struct {
		name  string
		spoil func(w *world)
		want  string
	}{
		{"a command twice", func(w *world) { w.twice(commands, 0) }, "is there for the 2. time"},
		{"a command lost", func(w *world) { w.drop(commands, 0) }, "Command * is missing"},
		{"a command from nothing", func(w *world) {
			w.edit(commands, 0, map[string]any{"command_id": "9f14efb7-2223-5986-814f-c02551077746"})
		}, "follows from nothing"},
		{"another base version", func(w *world) { w.edit(commands, 0, map[string]any{"base_version": "v9"}) }, ".base_version is v9; it must be v1"},
		{"a command without explanation", func(w *world) { w.edit(commands, 0, map[string]any{"explanation": ""}) }, ".explanation"},
		{"another key", func(w *world) { w.records[commands][0].Key = []byte("c") }, `key "c"; it must be "a"`},
		{"another id in the headers", func(w *world) { w.records[commands][0].Headers[0].Value = []byte("x") }, "header ce_id"},
		{"a decision lost", func(w *world) { w.drop(decisions, 1) }, "Decision * is missing"},
		{"decisions of a model in another order", func(w *world) {
			d := w.records[decisions]
			a := w.at(decisions, "model", "a")
			d[a[0]], d[a[1]] = d[a[1]], d[a[0]]
		}, "stands after what follows it"},
		{"a result twice", func(w *world) { w.twice("retrain.results", 0) }, "Result * is there for the 2. time"},
		{"another model in the headers of a result", func(w *world) { w.records["retrain.results"][1].Headers[3].Value = []byte("z") }, `header ce_subject is "z"; it must be`},
		{"bad progress that no dead letter keeps", func(w *world) { w.drop("retrain.dlq", 1) }, "dead letter of retrain.progress/0/* is missing"},
		{"a dead letter of good progress", func(w *world) {
			w.records["retrain.dlq"] = append(w.records["retrain.dlq"], letter(w.records["retrain.progress"][3], "invalid_value"))
		}, "the record at retrain.progress/0/3 is not bad"},
		{"the last model record lost", func(w *world) { w.drop("retrain.models", len(w.records["retrain.models"])-1) }, "Model: the last record"},
		{"a model record that never was", func(w *world) { w.edit("retrain.models", 0, map[string]any{"latest": "v9"}) }, "Model at"},
		{"an alert lost, and all that follows from it", func(w *world) { w.drop(ledger, w.find(ledger, "Alert", 0)); w.fold() }, "alert * firing * is missing"},
		{"an alert twice in the ledger", func(w *world) { w.twice(ledger, w.find(ledger, "Alert", 0)); w.fold() }, "alert * is there for the 2. time"},
		{"alerts of a partition in another order", func(w *world) {
			a, b := w.find(ledger, "Alert", 0), w.find(ledger, "Alert", 1)
			l := w.records[ledger]
			l[a].Value, l[b].Value = l[b].Value, l[a].Value
			w.fold()
		}, "alert * stands after what follows it"},
		{"an alert of another value", func(w *world) { w.edit(ledger, w.find(ledger, "Alert", 0), map[string]any{"value": -0.2}); w.fold() }, ".value is -0.2"},
		{"an event that no alert came of", func(w *world) {
			again := *w.records[events][0]
			w.records[events] = append(w.records[events], &again)
			w.edit(events, len(w.records[events])-1, map[string]any{"timestamp": worldTime + 60_000, "event_id": "new"})
			again.Timestamp = time.UnixMilli(worldTime + 60_000)
		}, "alert * is missing"},
		{"an alert of a rule that is gone, and not resolved", func(w *world) { w.drop(ledger, w.alert("resolved_by", "rule_removed")); w.fold() }, "alert * resolved by monitoring.performance/0/8 of key * is missing"},
		{"an alert of a stream lost", func(w *world) { w.drop(ledger, w.alert("stream", "s")); w.fold() }, "alert * firing by monitoring.drift/0/4 of key * is missing"},
		{"another beginning of a drift", func(w *world) {
			w.edit(ledger, w.alert("on", "concept_drift"), map[string]any{"since": worldTime + 7000})
			w.fold()
		}, ".since is * it must be"},
		{"a switch one record later than it was noted", func(w *world) { w.say(events, 2, position{offset: 10, revision: 2}) }, ".policy_revision is 2; it must be 1"},
		{"a switch that was not noted", func(w *world) {
			w.say(events, 2, position{offset: 9, revision: 1})
			w.say(events, 3, position{offset: 12, revision: 1})
		}, "resolved by monitoring.performance/0/8) follows from nothing"},
		{"a policy that goes back", func(w *world) { w.say(drifts, 3, position{offset: 12, revision: 1}) }, "goes back from revision 2 to 1"},
		{"a policy that never was", func(w *world) { w.say(drifts, 3, position{offset: 12, revision: 3}) }, "names revision 3, which was never active"},
		{"no position", func(w *world) { w.records["retrain.checkpoint."+drifts] = nil }, "monitoring.drift/0: no position says"},
		{"progress that was not forwarded", func(w *world) { w.drop(ledger, w.find(ledger, "Progress", 0)); w.fold() }, "Progress 6 * is missing"},
		{"progress forwarded twice", func(w *world) { w.twice(ledger, w.find(ledger, "Progress", 0)); w.fold() }, "Progress * follows from nothing"},
		{"an entry that cannot be read", func(w *world) { w.records[ledger][3].Value = []byte("?") }, "cannot be read: framing"},
		{"a dead letter lost", func(w *world) { w.drop("retrain.dlq", 0) }, "dead letter of monitoring.performance/0/12 (framing) is missing"},
		{"a dead letter twice", func(w *world) { w.twice("retrain.dlq", 0) }, "for the 2. time"},
		{"a dead letter of a good record", func(w *world) {
			w.records["retrain.dlq"] = append(w.records["retrain.dlq"], letter(w.records[events][2], "malformed"))
		}, "is not bad"},
		{"a dead letter with another reason", func(w *world) { w.records["retrain.dlq"][0].Headers[3].Value = []byte("malformed") }, "reason malformed; it must be framing"},
		{"a dead letter of other bytes", func(w *world) { w.records["retrain.dlq"][0].Value = []byte("no avro") }, "its bytes are not"},
		{"drift events that were not folded", func(w *world) { w.folded = map[string]int64{drifts: 5} }, "monitoring.drift/0: committed offset 5"},
		{"events that were not folded", func(w *world) { w.folded = map[string]int64{events: 5} }, "committed offset 5"},
		{"a ledger that was not folded", func(w *world) { w.folded = map[string]int64{ledger: 5} }, "is not folded: the committed offset is 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.spoil(w)
			n, printed := w.judge(nil)
			if n == 0 || !like("*"+c.want+"*", printed) {
				t.Errorf("%d mismatches; want %q in\n%s", n, c.want, printed)
			}
		})
	}
}

// alert is the place in the ledger of the first alert whose field has a value.
func (w *world) alert(field string, value any) int {
	for i := range w.records["retrain.ledger"] {
		if v := w.decoded("retrain.ledger", i); v[""] == "Alert" && v[field] == value {
			return i
		}
	}
	w.t.Fatalf("no alert has %s %v", field, value)
	return 0
}

// at are the places of the records of a topic whose field has a value.
func (w *world) at(topic, field string, value any) (places []int) {
	for i := range w.records[topic] {
		if w.decoded(topic, i)[field] == value {
			places = append(places, i)
		}
	}
	return places
}

func TestASwitchThatCompactionTookAwayCannotBeTold(t *testing.T) {
	w := newWorld(t)
	topic := "retrain.checkpoint." + performanceTopic
	w.records[topic] = w.records[topic][2:]
	address := broker(t, worldTopics...)
	publish(t, address, "retrain", w.records, map[string]int64{"retrain.ledger": 1000}, nil)
	_, err := run(t.Context(), []string{"full", "--brokers", address, "--schemas", "../schemas"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "monitoring.performance/0 begins at 0, but the first position that is left is 8") {
		t.Error(err)
	}
}

func TestTimersThatFireLateAreFound(t *testing.T) {
	w := newWorld(t) // its commands' deadlines, and holds of a version, end 60 s later; the Tick comes long after
	address := broker(t, worldTopics...)
	publish(t, address, "retrain", w.records, map[string]int64{"retrain.ledger": 1000, performanceTopic: 1000, driftTopic: 1000, "retrain.progress": 1000, "retrain.requests": 1000}, nil)
	for limit, want := range map[string]string{"0": "", "1h": "", "250ms": "timers fired more than 250ms after their ledger time"} {
		n, printed := ask(t, "full", "--brokers", address, "--schemas", "../schemas", "--timers", limit)
		if n > 0 != (want != "") || !strings.Contains(printed, want) {
			t.Errorf("%s: %s", limit, printed)
		}
	}
}

func TestOneTimerOfFiveMayBeLate(t *testing.T) {
	for _, c := range []struct {
		late []int64
		good bool
	}{{nil, false}, {[]int64{900, 3, 4, 250, 0}, true}, {[]int64{900, 3, 251, 250, 0}, false}, {[]int64{900, 3, 4, 5}, false}} {
		r := &report{out: io.Discard}
		if r.within(c.late, 250*time.Millisecond); r.n == 0 != c.good {
			t.Errorf("%v: %d mismatches", c.late, r.n)
		}
	}
}

func TestATickThatNobodyFoldedIsNothing(t *testing.T) {
	w := newWorld(t)
	const after = 5_000_000
	again := newWorld(t)
	before := again.fold()
	if again.entry(after, "Tick", map[string]any{}); again.fold() == before {
		t.Error("folding the Tick says nothing: its being left out cannot be seen")
	}
	w.entry(after, "Tick", map[string]any{})
	w.folded = map[string]int64{"retrain.ledger": int64(2 * len(w.records["retrain.ledger"]))} // a marker a record, and the aborted one
	if n, printed := w.judge(nil); n != 0 {
		t.Errorf("%d mismatches:\n%s", n, printed)
	}
}

func TestATransactionLeftOpenIsFound(t *testing.T) {
	for _, topic := range []string{"retrain.commands", "retrain.checkpoint.ledger"} {
		t.Run(topic, func(t *testing.T) {
			w := newWorld(t)
			open := *w.records["retrain.commands"][0]
			open.Topic = topic
			n, printed := w.judge(&open)
			if n != 1 || !strings.Contains(printed, topic+"/0: a transaction is open") {
				t.Errorf("%d mismatches:\n%s", n, printed)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(r map[string][]*kgo.Record)
		want  string
	}{
		{"undisturbed", func(map[string][]*kgo.Record) {}, ""},
		{"a total twice", func(r map[string][]*kgo.Record) { r["count.totals"] = append(r["count.totals"], r["count.totals"][1]) }, `says "a 6"`},
		{"a total lost", func(r map[string][]*kgo.Record) { r["count.totals"] = r["count.totals"][:3] }, `the last total said is 3; it must be 6`},
		{"a record counted twice", func(r map[string][]*kgo.Record) { r["count.totals"][1].Value = []byte("a 7") }, `says "a 7"; the next total of this key is "a 6"`},
		{"a dead letter lost", func(r map[string][]*kgo.Record) { r["count.dlq"] = nil }, "(no_value) is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			records := map[string][]*kgo.Record{"count.every": {{Topic: "count.every", Key: []byte("1"), Value: []byte("3")}}}
			for i := range 14 { // 8 of a, 6 of b
				key := []string{"a", "b"}[i%2]
				if i > 11 {
					key = "a"
				}
				records["words"] = append(records["words"], &kgo.Record{Topic: "words", Key: []byte(key), Value: []byte("x"), Offset: int64(i)})
			}
			bad := &kgo.Record{Topic: "words", Key: []byte("a"), Offset: 14}
			records["words"] = append(records["words"], bad)
			for _, said := range []string{"a 3", "a 6", "b 3", "b 6"} {
				records["count.totals"] = append(records["count.totals"], &kgo.Record{Topic: "count.totals", Key: []byte(said[:1]), Value: []byte(said)})
			}
			dead := letter(bad, "no_value")
			dead.Topic = "count.dlq"
			records["count.dlq"] = []*kgo.Record{dead}
			c.spoil(records)
			address := broker(t, "words", "count.totals", "count.dlq", "count.every")
			publish(t, address, "count", records, map[string]int64{"words": 15}, nil)
			n, printed := ask(t, "counts", "--brokers", address, "--app", "count")
			if (n > 0) != (c.want != "") || !strings.Contains(printed, c.want) {
				t.Errorf("%d mismatches; want %q in\n%s", n, c.want, printed)
			}
		})
	}
}

func TestWhatCannotBeToldIsAnError(t *testing.T) {
	address := broker(t, "retrain.ledger")
	for args, want := range map[string]string{
		"":                                  "usage",
		"half":                              "usage",
		"full --schemas nowhere":            "no .avsc files in nowhere",
		"full --schemas ../schemas":         "holds no policy",
		"full --schemas ../schemas --app x": "x.ledger",
		"counts --app x":                    "x.every",
	} {
		var all []string
		if all = strings.Fields(args); len(all) > 1 {
			all = append(all, "--brokers", address)
		}
		if _, err := run(context.Background(), all, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", args, err, want)
		}
	}
}

func TestMismatchesAreCountedBeyondThosePrinted(t *testing.T) {
	var out strings.Builder
	r := &report{out: &out, printed: 2}
	for i := range 5 {
		r.mismatch("%d", i)
	}
	r.saw(5, "things")
	r.close()
	if want := "MISMATCH 0\nMISMATCH 1\n... and 3 more\njudged: 5 things; 5 mismatches\n"; out.String() != want {
		t.Errorf("printed %q; want %q", out.String(), fmt.Sprint(want))
	}
}
