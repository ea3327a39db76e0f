package consumer_test

import (
	"testing"
	"time"

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
