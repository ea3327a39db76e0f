package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/internal/sim"
)

// loseBetween runs an instance, lets lose take something away while the instance is down or (live) idle, and goes on. It
// wants every record once.
func loseBetween(t *testing.T, what string, live bool, lose func(w *sim.World)) {
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
		}
		lose(w)
		if !live {
			w.Start("a", counting("a", &log), nil)
		}
		feed(w, 4, 6, 200*time.Millisecond)
		caughtUp(w)
		if _, err := outcomeOf(w, &log); err != nil {
			w.T.Errorf("%s: %v", what, err)
		}
	})
}

// checkpointEnds are the offsets at which the checkpoint partition can be cut after the first four records.
func checkpointEnds(t *testing.T) (ends []int64) {
	loseBetween(t, "nothing lost", false, func(w *sim.World) {
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
			loseBetween(t, fmt.Sprintf("cut at %d, live %v", to, live), live, func(w *sim.World) { w.CutPartition(checkpoint, 0, to) })
		}
	}
}

// The sender has given up, the packets have not.
func TestARequestThatArrivesLongAfterItsDeadlineDoesNoHarm(t *testing.T) {
	steps := sim.Key(append(sim.TransactionKeys(), kmsg.OffsetFetch, kmsg.ListOffsets, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat)...)
	sim.Wherever(t, "a.1", steps, []sim.Fault{{Delay: 20 * time.Second}}, staticLife)
}
