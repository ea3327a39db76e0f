package consumer_test

import (
	"testing"
	"time"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/internal/sim"
)

// busyLife is a run with all that a kernel does: first start, outputs, checkpoints, dead letters, a peer that comes and goes,
// a switch of revision. Instance a is killed where the faults say and started again a second later.
func busyLife(configure ...func(*consumer.Config)) sim.Life {
	return func(t *testing.T, faults sim.Faults) (xs sim.Exchanges, err error) {
		sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
			var l logs
			revise(w, 1, 2)
			w.Keep("a", counting(&l, configure...), faults, time.Second)
			w.Feed(12, 150*time.Millisecond, event)()
			b := w.Start("b", counting(&l), nil)
			w.Feed(5, 300*time.Millisecond, event)()
			begun(w, 3*time.Minute) // whatever was killed: under revision 1
			revise(w, 2, 3)
			w.Feed(5, 300*time.Millisecond, event)()
			if err := b.Stop(); err != nil {
				t.Errorf("stopping b: %v", err)
			}
			w.Feed(4, 150*time.Millisecond, event)()
			settled(w, 3*time.Minute)
			err = judge(w, map[int]int{1: 2, 2: 3})
			xs = w.Trace.All()
			if err == nil {
				err = xs.Serial()
			}
			if err != nil {
				t.Log(l.b.String())
			}
		})
		return xs, err
	}
}

func TestCrashAtEveryRequestStatic(t *testing.T) {
	sim.Everywhere(t, "a.1", sim.Crashes(3*time.Second), busyLife(static("a")))
}

// Between two requests that change something a dynamic member is at the same step of its task as a static one.
func TestCrashAtEveryRequestDynamic(t *testing.T) {
	sim.Wherever(t, "a.1", sim.Writing, sim.Crashes(3*time.Second), busyLife())
}

func TestConnectionLostAtEveryRequest(t *testing.T) {
	sim.Everywhere(t, "a.1", sim.Breaks(8*time.Second), busyLife(static("a")))
}
