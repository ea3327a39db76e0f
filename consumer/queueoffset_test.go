package consumer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/visutility/retrainer/internal/sim"
)

// An offset outside the log goes on at the log's start, and is told: records that retention took before they were read, an
// offset beyond the end, a topic made anew with fewer records than were committed.
func TestQueueGoesOnAtTheLogsStart(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(w *sim.World)
		left []string // of c0 to c5, not done by the first life
	}{
		{"retention was faster", func(w *sim.World) {
			for i := 3; i < 6; i++ {
				w.Append(command(1, fmt.Sprint("c", i), time.Second))
			}
			if err := w.Cluster.DeleteRecords(commands, 1, 5); err != nil {
				w.T.Error(err)
			}
		}, []string{"c5"}},
		{"an offset beyond the end", func(w *sim.World) { w.ResetOffset(workers, commands, 1, 999) }, []string{"c0", "c1", "c2"}},
		{"a topic made anew", func(w *sim.World) {
			w.Remake(commands, lanes)
			w.Append(command(1, "c4", time.Second), command(1, "c5", time.Second))
			w.ResetOffset(workers, commands, 1, 3)
		}, []string{"c4", "c5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
				var b book
				var l logs
				a := w.Start("a", working(&b, "a", &l), nil)
				for i := range 3 {
					w.Append(command(1, fmt.Sprint("c", i), time.Second))
				}
				allDone(w, time.Minute)
				if err := a.Stop(); err != nil {
					t.Error(err)
				}
				c.harm(w)
				w.Start("b", working(&b, "b", &l), nil)
				last := c.left[len(c.left)-1]
				w.Until(time.Minute, last+" is done by b", func() bool { got := b.of(last); return len(got) > 0 && got[len(got)-1] == "b" })
				time.Sleep(10 * time.Second)
				by := 0
				for i := range 6 {
					for _, who := range b.of(fmt.Sprint("c", i)) {
						if who == "b" {
							by++
						}
					}
				}
				if by != len(c.left) {
					t.Errorf("the second life worked on %d records, want %q", by, c.left)
				}
				end := w.Cluster.PartitionInfo(commands, 1).HighWatermark
				w.Until(time.Second, "all committed", func() bool { return w.Offsets(workers)[commands][1].Offset == end })
				if l.count("log's start") == 0 {
					t.Errorf("nothing was said:\n%s", l.b.String())
				}
			})
		})
	}
}

// A topic made anew while a record of the old one is in work: the work goes on, its offset means nothing in the new topic and
// is not committed, and every record of the new topic is given.
func TestTopicMadeAnewUnderAQueue(t *testing.T) {
	for _, busy := range []bool{false, true} {
		sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
			var b book
			var l logs
			w.Start("a", working(&b, "a", &l), nil)
			for i := range 3 {
				w.Append(command(1, fmt.Sprint("old", i), 0))
			}
			allDone(w, time.Minute)
			if busy {
				w.Append(command(1, "long", 5*time.Minute))
				b.inWork(w, "long")
			}
			w.Remake(commands, lanes)
			for i := range 6 {
				w.Append(command(1, fmt.Sprint("new", i), time.Second))
			}
			w.Until(10*time.Minute, "the last of the new topic is done", func() bool { return b.done("new5") == 1 })
			time.Sleep(time.Second)
			for i := range 6 {
				b.wants(t, fmt.Sprint("new", i), "a")
			}
			if at := w.Offsets(workers)[commands][1].Offset; at != 6 {
				t.Errorf("busy %v: the group's offset is %d, want 6", busy, at)
			}
			if n := l.count("its offset is not committed"); busy && n != 1 {
				t.Errorf("said %d times that an offset is not committed:\n%s", n, l.b.String())
			}
			if err := b.overlapping(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Partitions added to the topic are taken up.
func TestQueueTakesUpAddedPartitions(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		w.Start("a", working(&b, "a", &l), nil)
		w.Append(command(0, "long", 3*time.Minute))
		b.inWork(w, "long")
		w.Start("b", working(&b, "b", &l), nil)
		w.Widen(commands, lanes+1)
		w.Append(command(lanes, "new", time.Second))
		w.Until(5*time.Minute, "the new partition's record is done", func() bool { return b.done("new") == 1 })
		w.Until(5*time.Minute, "the long one is done", func() bool { return b.done("long") == 1 })
	})
}
