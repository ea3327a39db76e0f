package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/internal/sim"
)

// zombieLife is an instance that stops where the faults say. When it has, a successor starts under the same instance id and
// so takes its place at once; the zombie wakes at the successor's request that the fault waits for, before any deadline of
// its own has passed, and does not know.
func zombieLife(t *testing.T, faults sim.Faults) (xs sim.Exchanges, err error) {
	sim.Bubble(t, kernelTopics(1), func(w *sim.World) {
		var log said
		revise(w, 1, 1)
		stopped := w.Trace.When(func(x *sim.Exchange) bool { return x.Host == "a.1" && x.Act.Stops() })
		a := w.Start("a", counting("a", &log), faults)
		fed := w.Feed(8, 150*time.Millisecond, event)
		select {
		case <-stopped:
			b := w.Start("b", counting("a", &log), nil)
			fenced := a
			select {
			case <-a.Ended():
			case <-b.Ended(): // a had not joined yet when it stopped: it is the newer one
				fenced = b
			case <-time.After(time.Minute):
				w.T.Error("two of the same instance id, and neither has ended")
				w.T.Log(log.String())
				return
			}
			if err := fenced.Stop(); err == nil || !strings.Contains(err.Error(), "same instance id") {
				w.T.Errorf("%s ended: %v", fenced.Name, err)
			}
		case <-time.After(2 * time.Second): // the undisturbed run
		}
		fed()
		caughtUp(w)
		xs, err = outcomeOf(w, &log)
	})
	return xs, err
}

func TestAnInstanceStoppedAtAnyStepDoesNothingWhenItWakesAfterItsSuccessorRuns(t *testing.T) {
	for _, act := range []sim.Act{sim.StopBefore, sim.StopAfter} {
		var faults []sim.Fault
		for _, key := range []kmsg.Key{kmsg.InitProducerID, kmsg.ListOffsets, kmsg.EndTxn} {
			faults = append(faults, sim.Fault{Act: act, Delay: 20 * time.Second, Until: sim.All(sim.On("b.1"), sim.Key(key))})
		}
		t.Run(act.String(), func(t *testing.T) {
			steps := sim.Key(append(sim.TransactionKeys(), kmsg.SyncGroup, kmsg.OffsetFetch, kmsg.ListOffsets)...)
			sim.Wherever(t, "a.1", steps, faults, zombieLife)
		})
	}
}
