package handlers

import (
	"slices"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
)

var (
	_ record.Counting = (*Events)(nil)
	_ record.Counting = (*Ledger)(nil)
)

func TestEachOutcomeOfAnEventIsCounted(t *testing.T) {
	_, revision := policy(t, shortPolicy)
	h := NewPerformance(Settings{App: "retrain"})
	if err := h.Use(revision); err != nil {
		t.Fatal(err)
	}
	event := func(at int64, id string, change *float64) []byte {
		return encoded(t, performanceCodec, &performanceEvent{ModelID: "m/v1", MAPChange: change, Value: new(0.1), Timestamp: at, EventID: &id})
	}
	for i, value := range [][]byte{
		event(moment, "a", new(-0.01)), event(moment+1, "b", new(-0.01)), event(moment+2, "c", new(-0.2)), // folded
		event(moment+2, "c", new(-0.2)), event(moment+2, "c", new(-0.2)), // duplicate
		event(moment, "a", new(-0.01)), // old
		event(moment+3, "d", nil),      // not_applicable: no rule wants its number
		nil, []byte("{}"),              // dead letters
	} {
		_, _ = h.Fold(&record.Record{Topic: "p", Offset: int64(i), Time: moment + 10, Value: value}, nil)
	}
	if _, err := h.Pass(&record.Record{Topic: "p", Offset: 9, Time: moment + 10}, nil); err != nil {
		t.Fatal(err)
	}
	counts := h.AppendCounts(nil)
	for i, outcome := range EventOutcomes() {
		want := map[string]int64{"folded": 3, "duplicate": 2, "old": 1, "not_applicable": 1, "dead_letter": 3}[outcome]
		if counts[i] != want {
			t.Errorf("%d events are %s, want %d", counts[i], outcome, want)
		}
	}
	if len(counts) != len(EventOutcomes()) {
		t.Errorf("%d counts of %d outcomes", len(counts), len(EventOutcomes()))
	}
	room := make([]int64, 0, 16)
	if n := testing.AllocsPerRun(100, func() { room = h.AppendCounts(room[:0]) }); n != 0 {
		t.Errorf("giving the counts allocates %v times", n)
	}
}

func TestEntriesWithoutEffectAndOpenCommandsAreCounted(t *testing.T) {
	entry, _ := policy(t, shortPolicy)
	h := NewLedger(Settings{App: "retrain"})
	at := int64(moment)
	enter := func(value []byte) {
		t.Helper()
		at += 1000
		if _, err := h.Fold(&record.Record{Topic: "retrain.ledger", Offset: at, Time: at, Value: value}, nil); err != nil {
			t.Fatal(err)
		}
	}
	says := func(want ...int64) {
		t.Helper()
		if got := h.AppendCounts(nil); !slices.Equal(got, want) || len(got) != len(LedgerCounts()) {
			t.Errorf("%v of %v, want %v", got, LedgerCounts(), want)
		}
	}
	enter(TickValue()) // before the first policy
	enter(entry)
	enter(entry) // once more
	request, err := RequestValue(&retrain.Request{RequestID: "r", Verb: retrain.Trigger, Model: "m", Action: new(retrain.FullRetrain), Create: true, Author: "ann", At: at})
	if err != nil {
		t.Fatal(err)
	}
	says(1, 1, 0, 0, 0, 0, 0, 0)
	enter(request)
	says(1, 1, 0, 0, 0, 0, 0, 1)
	enter(encoded(t, ProgressCodec, &retrain.Progress{CommandID: "another", Kind: retrain.Started, At: at}))
	says(1, 1, 0, 0, 0, 1, 0, 1)
}

// What a test of dead letters names is told beforehand, so that whoever counts by reason can begin at 0.
func TestEveryReasonIsKnownBeforehand(t *testing.T) {
	all := DeadLetterReasons()
	if len(all) != 11 || !slices.Contains(all, record.ReasonPanic) {
		t.Errorf("%d reasons: %v", len(all), all)
	}
	if slices.Sort(all); len(slices.Compact(all)) != 11 {
		t.Errorf("a reason is given twice: %v", all)
	}
}
