package consumer_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/internal/sim"
)

// A record that is done quickly waits for its commit. One behind it, done meanwhile and committed at once, covers it: the group is
// not taken back to the first.
func TestACommitOfTheRecordBehindItCoversAQuickOne(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		w.Append(command(1, "quick", 0), command(1, "slow", 200*time.Millisecond))
		w.Start("a", working(&b, "a", &l), nil)
		w.Until(time.Minute, "both are committed", func() bool { return w.Offsets(workers)[commands][1].Offset == 2 })
		for range 50 {
			time.Sleep(50 * time.Millisecond)
			if at := w.Offsets(workers)[commands][1].Offset; at != 2 {
				t.Errorf("the group was taken back to %d", at)
				return
			}
		}
	})
}

// A commit is stuck in the network and arrives when a later one has long been answered: it does not take the group back, for it
// was said again in the next generation, and is of the one before.
func TestACommitThatWasStuckDoesNotTakeTheGroupBack(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		stuck := sim.Nth(1, sim.Key(kmsg.OffsetCommit), sim.Fault{Act: sim.Stray, Delay: 30 * time.Second})
		w.Start("a", working(&b, "a", &l), stuck)
		for i, name := range []string{"first", "second"} {
			w.Append(command(1, name, 0))
			w.Until(25*time.Second, name+" is committed", func() bool { return w.Offsets(workers)[commands][1].Offset == int64(i+1) })
		}
		time.Sleep(time.Minute)
		if at := w.Offsets(workers)[commands][1].Offset; at != 2 {
			t.Errorf("the group was taken back to %d", at)
		}
		if n := len(w.Trace.All().Where(sim.Key(kmsg.OffsetCommit))); n < 3 {
			t.Errorf("%d commits; want the one that was stuck, the same again, and one more", n)
		}
		b.wants(t, "first", "a")
		b.wants(t, "second", "a")
	})
}
