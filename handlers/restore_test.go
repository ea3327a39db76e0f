package handlers

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
)

var (
	_ record.Versioned = (*Events)(nil)
	_ record.Timed     = (*Ledger)(nil)
	_ record.Handler   = (*Forward)(nil)
)

// checkpoint is what a checkpoint topic holds.
type checkpoint map[string][]byte

func (c checkpoint) save(h record.Handler, all bool) {
	if all {
		clear(c)
	}
	h.Snapshot(all, func(key, value []byte) {
		if value == nil {
			delete(c, string(key))
		} else {
			c[string(key)] = slices.Clone(value)
		}
	})
}

func (c checkpoint) load(t testing.TB, h record.Handler) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if err := h.Restore([]byte(key), slices.Clone(c[key])); err != nil {
			t.Fatal(err)
		}
	}
}

func sameOutputs(a, b []record.Output) bool {
	return slices.EqualFunc(a, b, func(x, y record.Output) bool {
		return x.Topic == y.Topic && bytes.Equal(x.Key, y.Key) && bytes.Equal(x.Value, y.Value) &&
			slices.EqualFunc(x.Headers, y.Headers, func(g, h record.Header) bool { return g.Key == h.Key && bytes.Equal(g.Value, h.Value) })
	})
}

const shortPolicy = `{"resend_delay":"0s","source_ttl":"1h","max_event_age":"1h","defaults":{"cooldown":"1m","deploy_within":"10m","train":{"start_by":"2m"}},
 "observe":[{"on":"performance","rules":[{"threshold":{"of":"mAP_change","below":-0.05,"clear":-0.02},"action":"soft"},
  {"sustained":{"of":"mAP_change","below":-0.1,"k":2,"n":3},"action":"full"},
  {"cusum":{"of":"mAP_change","scale":"linear","worse":"down","warmup":3,"votes":1,"arl":10},"action":"soft"}]}]}`

// twin folds everything by two handlers, of which one is restarted from its checkpoint's bytes again and again.
type twin struct {
	steady, other record.Handler
	anew          func() record.Handler
	saved         checkpoint
}

func (w *twin) fold(rt *rapid.T, t testing.TB, r *record.Record) []record.Output {
	want, errWant := w.steady.Fold(r, nil)
	got, errGot := w.other.Fold(r, nil)
	if !sameOutputs(want, got) || (errWant == nil) != (errGot == nil) {
		rt.Fatalf("%s/%d at %d: %d outputs, %v; undisturbed %d, %v", r.Topic, r.Partition, r.Offset, len(got), errGot, len(want), errWant)
	}
	if rapid.IntRange(0, 3).Draw(rt, "restart") == 0 {
		w.saved.save(w.other, false)
		w.other = w.anew()
		w.saved.load(t, w.other)
		if a, ok := w.steady.(*Ledger); ok && a.controller.OpenCommands() != w.other.(*Ledger).controller.OpenCommands() {
			rt.Fatalf("a restart changes how many commands are open")
		}
	}
	return want
}

func TestRestartingFromBytesAnywhereGivesTheSameBytes(t *testing.T) {
	entry, revision := policy(t, shortPolicy)
	rapid.Check(t, func(rt *rapid.T) {
		newEvents := func() record.Handler {
			h := NewPerformance(Settings{App: "retrain"})
			if err := h.Use(revision); err != nil {
				t.Fatal(err)
			}
			return h
		}
		newLedger := func() record.Handler { return NewLedger(Settings{App: "retrain"}) }
		events := &twin{newEvents(), newEvents(), newEvents, checkpoint{}}
		ledger := &twin{newLedger(), newLedger(), newLedger, checkpoint{}}
		now, offset, entries := int64(moment), int64(0), int64(0)
		var commands []string
		enter := func(value []byte) {
			for _, o := range ledger.fold(rt, t, &record.Record{Topic: "retrain.ledger", Offset: entries, Time: now, Value: value}) {
				if o.Topic == "retrain.commands" {
					commands = append(commands, decoded(t, CommandCodec, o.Value).CommandID)
				}
			}
			entries++
		}
		enter(entry)
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			now += rapid.SampledFrom([]int64{0, 1, 1000, 60_000, 600_000, 3_600_001, -60_000}).Draw(rt, "pause")
			switch kind := rapid.IntRange(0, 9).Draw(rt, "kind"); {
			case kind < 6:
				for _, alert := range events.fold(rt, t, &record.Record{Topic: "p", Offset: offset, Time: now, Value: drawPerformance(rt, t, now)}) {
					enter(alert.Value)
				}
				offset++
			case kind < 8 && len(commands) > 0:
				enter(encoded(t, ProgressCodec, &retrain.Progress{CommandID: commands[len(commands)-1], At: now,
					Kind: rapid.SampledFrom([]retrain.ProgressKind{retrain.Started, retrain.Succeeded, retrain.Failed}).Draw(rt, "progress")}))
			default:
				enter(TickValue())
			}
		}
	})
}

func drawPerformance(rt *rapid.T, t testing.TB, now int64) []byte {
	if rapid.IntRange(0, 9).Draw(rt, "bad") == 0 {
		return []byte("{}")
	}
	e := &performanceEvent{
		ModelID:   rapid.SampledFrom([]string{"a/v1", "a/v2", "a/v3", "b"}).Draw(rt, "model"),
		MAPChange: new(rapid.SampledFrom([]float64{-0.3, -0.12, -0.06, -0.03, 0, 0.01}).Draw(rt, "change")),
		Timestamp: now + rapid.SampledFrom([]int64{0, 0, 0, -1000, -7_200_000, 2_332_800_000_000}).Draw(rt, "clock"),
	}
	if rapid.Bool().Draw(rt, "named") {
		e.EventID = new(rapid.SampledFrom([]string{"e1", "e2"}).Draw(rt, "id"))
	}
	return encoded(t, performanceCodec, e)
}

func TestASwitchOfRevisionEndsTheAlertsOfItsRules(t *testing.T) {
	_, first := policy(t, shortPolicy)
	_, second := policy(t, `{"revision":2,"observe":[]}`)
	h := NewPerformance(Settings{App: "retrain"})
	if err := h.Use(first); err != nil {
		t.Fatal(err)
	}
	value := encoded(t, performanceCodec, &performanceEvent{ModelID: "m/v1", MAPChange: new(-0.06), Timestamp: moment})
	fired, err := h.Fold(&record.Record{Topic: "p", Time: moment, Value: value}, nil)
	if err != nil || len(fired) != 1 {
		t.Fatalf("%d outputs, %v", len(fired), err)
	}
	ended, err := h.Switch(second, nil)
	if err != nil || len(ended) != 1 {
		t.Fatalf("%d outputs, %v", len(ended), err)
	}
	a, b := decoded(t, AlertCodec, fired[0].Value), decoded(t, AlertCodec, ended[0].Value)
	if b.State != retrain.Resolved || *b.ResolvedBy != retrain.RuleRemoved || b.PolicyRevision != 2 || a.AlertID != b.AlertID {
		t.Errorf("%+v", b)
	}
	if err := h.Use(record.Revision{Number: 3, Value: []byte("x")}); err == nil {
		t.Error("a revision that is no Policy record is taken")
	}
	if _, err := h.Switch(record.Revision{Number: 3, Value: TickValue()}, nil); err == nil {
		t.Error("a revision that is a Tick is taken")
	}
}

func TestAWrongClockGivesNoSecondCommandAndSilencesNone(t *testing.T) {
	w := newWorld(t, NewPerformance(Settings{App: "retrain"}), `{"defaults":{"cooldown":"0s","deploy_within":"0s"}}`)
	send := func(at, stamp int64, model string, change float64) {
		w.send("p", at, encoded(t, performanceCodec, &performanceEvent{ModelID: model, MAPChange: &change, Timestamp: stamp}))
	}
	only := func(n int) []record.Output {
		t.Helper()
		got := w.take("retrain.commands")
		if len(got) != n {
			t.Fatalf("%d commands, expected %d", len(got), n)
		}
		return got
	}
	const in2099 = 4_070_908_800_000
	send(moment, in2099, "a", -0.12)
	first := decoded(t, CommandCodec, only(1)[0].Value)
	send(moment+1000, moment+1000, "a", -0.13) // on time, after the one of 2099
	send(moment-60_000, moment-60_000, "a", -0.14)
	send(moment+2000, moment+1000, "a", -0.13)
	only(0)
	w.append(moment+3000, encoded(t, ProgressCodec, &retrain.Progress{CommandID: first.CommandID, Kind: retrain.Succeeded}))
	w.append(moment-9000, TickValue()) // the ledger's clock goes back
	only(0)
	send(moment+4000, moment+4000, "a", 0)
	send(moment+5000, moment+5000, "a", -0.2)
	only(1)
	send(moment+5001, in2099, "b", -0.2)
	only(1)
}

func TestAPolicyAndATickAreReadAsTheyWereWritten(t *testing.T) {
	entry, revision := policy(t, `{"revision":7}`)
	e, err := DecodePolicy(entry)
	if err != nil || e.Revision != 7 || e.LedgerID != ledgerID || e.Author != "test" || e.ActivatedAt != nil {
		t.Errorf("%+v, %v", e, err)
	}
	if p, err := policyOf(revision); err != nil || p.Revision != 7 {
		t.Errorf("%v, %v", p, err)
	}
	if x, err := decodeEntry(TickValue()); err != nil {
		t.Error(err)
	} else if _, ok := x.(*retrain.Tick); !ok {
		t.Errorf("%T", x)
	}
}
