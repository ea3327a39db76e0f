package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/internal/sim"
)

// loseBetween runs an instance, lets lose take something away while the instance is down or (live) idle, and goes on. It
// wants every record once, and one of the sentences if it is not "".
func loseBetween(t *testing.T, what string, live bool, sentence string, lose func(w *sim.World)) {
	t.Helper()
	sim.Bubble(t, kernelTopics(1), func(w *sim.World) {
		var log said
		revise(w, 1, 1)
		a := w.Start("a", counting("a", &log), nil)
		feed(w, 0, 4, 200*time.Millisecond)
		caughtUp(w)
		if !live {
			if err := a.Stop(); err != nil {
				w.T.Errorf("%s: stopping: %v", what, err)
			}
			time.Sleep(10 * time.Second) // until its session is over: a static member does not leave
		}
		lose(w)
		if !live {
			w.Start("a", counting("a", &log), nil)
		}
		feed(w, 4, 6, 200*time.Millisecond)
		caughtUp(w)
		if _, err := verdictOn(w, &log); err != nil {
			w.T.Errorf("%s: %v", what, err)
		}
		if n := strings.Count(log.String(), sentence); n == 0 {
			w.T.Errorf("%s: %q was not said:\n%s", what, sentence, &log)
		}
	})
}

// checkpointEnds are the offsets at which the checkpoint partition can be cut after the first four records.
func checkpointEnds(t *testing.T) (ends []int64) {
	loseBetween(t, "nothing lost", false, "", func(w *sim.World) {
		for _, b := range w.Batches(checkpoint, 0) {
			ends = append(ends, b.FirstOffset)
		}
	})
	if len(ends) < 8 {
		t.Fatalf("only %d batches in the checkpoint partition", len(ends))
	}
	return ends
}

func TestACheckpointPartitionCutAnywhereDoublesNothing(t *testing.T) {
	for _, live := range []bool{false, true} {
		for _, to := range checkpointEnds(t) {
			loseBetween(t, fmt.Sprintf("cut at %d, live %v", to, live), live, "", func(w *sim.World) { w.CutPartition(checkpoint, 0, to) })
		}
	}
}

func TestACutCheckpointPartitionIsSaid(t *testing.T) {
	loseBetween(t, "a commit lost", false, "lost acknowledged records", func(w *sim.World) {
		bs := w.Batches(checkpoint, 0)
		w.CutPartition(checkpoint, 0, bs[len(bs)-4].FirstOffset)
	})
	loseBetween(t, "the last marker lost", false, "an unclean election may have cut it", func(w *sim.World) { w.LoseLastMarker(checkpoint, 0) })
	for _, live := range []bool{false, true} {
		loseBetween(t, fmt.Sprintf("emptied, live %v", live), live, "is lost", func(w *sim.World) { w.EmptyPartition(checkpoint, 0) })
	}
}

func TestAnOffsetResetByHandDoublesAndLosesNothing(t *testing.T) {
	loseBetween(t, "to earliest", false, "changed by hand", func(w *sim.World) { w.ResetOffset(app, input, 0, -2) })
	loseBetween(t, "to latest", false, "changed by hand", func(w *sim.World) {
		feed(w, 10, 2, 0)
		w.ResetOffset(app, input, 0, -1)
	})
}

func TestEachAnswerThatKfakeNeverGivesIsLivedThrough(t *testing.T) {
	for _, q := range sim.Quirks() {
		for _, key := range q.Keys {
			hits := 0
			for _, count := range []int{1, 3} { // once; several times running
				sim.Bubble(t, kernelTopics(1), func(w *sim.World) {
					var log said
					revise(w, 1, 1)
					h := w.Install(q, key, count, ofTheInstance)
					w.Start("a", counting("a", &log), nil)
					feed(w, 0, 5, 150*time.Millisecond)
					revise(w, 2, 2)
					feed(w, 5, 5, 150*time.Millisecond)
					caughtUp(w)
					if _, err := verdictOn(w, &log); err != nil {
						w.T.Errorf("%s on %s: %v", q.Name, key.Name(), err)
					}
					hits += h.Hits()
				})
			}
			if hits != 4 {
				t.Errorf("%s on %s: %d answers, want 4", q.Name, key.Name(), hits)
			}
		}
	}
}

// ofTheInstance leaves the plain producer beside the instances alone.
func ofTheInstance(r kmsg.Request) bool {
	p, ok := r.(*kmsg.ProduceRequest)
	return !ok || p.TransactionID != nil
}

func TestTransactionsThatEndAsOnApacheKafkaAreWaitedFor(t *testing.T) {
	sim.Bubble(t, kernelTopics(1), func(w *sim.World) {
		var log said
		h := w.Concurrent(2)
		revise(w, 1, 1)
		w.Keep("a", counting("a", &log), sim.Nth(4, sim.Key(kmsg.EndTxn), sim.Verdict{Act: sim.After}), time.Second)
		feed(w, 0, 10, 150*time.Millisecond)
		caughtUp(w)
		if xs, err := verdictOn(w, &log); err != nil || h.Hits() < 10 || len(xs.Where(sim.On("a.2"))) == 0 {
			w.T.Errorf("%d answers 51: %v", h.Hits(), err)
		}
	})
}

func TestASlowAnswerPastItsDeadlineIsAnUnknownFate(t *testing.T) {
	steps := sim.Key(append(sim.TransactionKeys(), kmsg.OffsetFetch, kmsg.ListOffsets, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat)...)
	sim.Wherever(t, "a.1", steps, []sim.Verdict{{Answer: time.Minute}, {Delay: time.Minute}}, staticLife)
}
