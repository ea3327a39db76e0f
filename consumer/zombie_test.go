package consumer_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/internal/sim"
)

// zombieLife is a run in which instance a stands still where the faults say, longer than its session, while b takes over and
// runs; then a wakes with the request still in its hands, or with the answer at its door.
func zombieLife(t *testing.T, faults sim.Faults) (xs sim.Exchanges, err error) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 2)
		w.Start("a", counting(&l), faults)
		w.Feed(8, 150*time.Millisecond, event)()
		w.Start("b", counting(&l), nil)
		w.Feed(8, 2*time.Second, event)()
		settled(w, 3*time.Minute)
		if err = judge(w, map[int]int{1: 2}); err == nil {
			err = w.Trace.All().Serial()
		}
		if err != nil {
			t.Log(l.b.String())
		}
		xs = w.Trace.All()
	})
	return xs, err
}

// Every request of a's life is a place to stop: every state of a task, and between any two steps of a commit; with an old answer
// at its door everywhere, with the request in its hands where that could change something.
func TestZombieAtEveryRequestCommitsNothing(t *testing.T) {
	sim.Everywhere(t, "a.1", []sim.Fault{{Act: sim.StopAfter, Delay: 10 * time.Second}}, zombieLife)
	sim.Wherever(t, "a.1", sim.Writing, []sim.Fault{{Act: sim.StopBefore, Delay: 10 * time.Second}}, zombieLife)
}

// A step that was in the network when its sender died, and arrives after the successor's fence, is refused.
func TestStepOfADeadOwnerIsRefused(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn} {
		t.Run(key.Name(), func(t *testing.T) {
			sent := sim.All(sim.Key(key), sim.On("a.1"), func(x *sim.Exchange) bool { return x.TxnID() != "" || key == kmsg.TxnOffsetCommit })
			xs, err := zombieLife(t, sim.Nth(6, sent, sim.Fault{Act: sim.Late, Delay: 12 * time.Second}))
			if err != nil {
				t.Fatal(err)
			}
			late := xs.Where(sent)[5]
			if late.Landed.Order == 0 || len(late.Codes()) == 0 {
				t.Errorf("not refused, or never arrived: %v", late)
			}
		})
	}
}
