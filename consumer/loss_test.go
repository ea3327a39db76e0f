package consumer_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/internal/sim"
)

// lossLife runs an instance, stops it, lets harm happen, and runs a successor over more input. sentence must be said, once a
// partition that was harmed.
func lossLife(t *testing.T, harm func(w *sim.World), sentence string, times int) {
	t.Helper()
	sim.Bubble(t, sim.Config{Brokers: 3, Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 2)
		// Checkpoints are rare, so that the state is a checkpoint and a replay.
		rare := func(c *consumer.Config) { c.CheckpointInterval = 3 * time.Second }
		a := w.Start("a", counting(&l, rare), nil)
		w.Feed(31, 200*time.Millisecond, event)()
		settled(w, time.Minute)
		a.Crash(false)
		time.Sleep(10 * time.Second) // the group is empty
		harm(w)
		w.Start("b", counting(&l, rare), nil)
		w.Feed(12, 200*time.Millisecond, func(i int) *kgo.Record { return event(i + 31) })()
		settled(w, 2*time.Minute)
		if err := judge(w, map[int]int{1: 2}); err != nil {
			t.Errorf("%v\n%s", err, l.b.String())
		}
		if n := l.count(sentence); n != times {
			t.Errorf("%q was said %d times, want %d:\n%s", sentence, n, times, l.b.String())
		}
	})
}

func TestCheckpointPartitionEmptied(t *testing.T) {
	lossLife(t, func(w *sim.World) { w.EmptyPartition(checkpoint, 0) }, "the checkpoint topic app.checkpoint.in is lost", 1)
}

func TestCheckpointPartitionCutShort(t *testing.T) {
	lossLife(t, func(w *sim.World) {
		bs := w.Batches(checkpoint, 0)
		w.CutPartition(checkpoint, 0, bs[len(bs)-4].FirstOffset) // two transactions: each a batch and its marker
	}, "lost acknowledged records", 1)
}

func TestCheckpointPartitionLostItsLastMarker(t *testing.T) {
	lossLife(t, func(w *sim.World) { w.LoseLastMarker(checkpoint, 0) }, "closing what it left open", 1)
}

func TestGroupOffsetResetToEarliest(t *testing.T) {
	lossLife(t, func(w *sim.World) { w.ResetOffset(app, input, 0, -2) }, "was changed by hand", 1)
}

func TestGroupOffsetResetToLatest(t *testing.T) {
	lossLife(t, func(w *sim.World) {
		w.Append(event(31), event(33))
		w.ResetOffset(app, input, 1, -1)
	}, "was changed by hand", 1)
}

// A running task notices that its checkpoint partition was cut by where its next record lands, ends no transaction on it,
// and begins again from what is left.
func TestCheckpointPartitionCutUnderARunningTask(t *testing.T) {
	sim.Bubble(t, sim.Config{Brokers: 3, Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 2)
		w.Start("a", counting(&l), nil)
		w.Feed(24, 200*time.Millisecond, event)()
		settled(w, time.Minute)
		w.EmptyPartition(checkpoint, 0)
		w.EmptyPartition(checkpoint, 1)
		w.Feed(24, 200*time.Millisecond, func(i int) *kgo.Record { return event(i + 24) })()
		settled(w, 2*time.Minute)
		if err := judge(w, map[int]int{1: 2}); err != nil {
			t.Errorf("%v\n%s", err, l.b.String())
		}
		if l.count("the log was cut") == 0 {
			t.Errorf("the cut was not noticed:\n%s", l.b.String())
		}
	})
}

// A load stands at the high watermark, not at the last stable offset, and asks for it only after the committed offset.
func TestLoadAsksForStableOffsetThenHighWatermark(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 2)
		w.Start("a", counting(&l), nil)
		w.Feed(8, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		xs := w.Trace.All()
		for _, x := range xs.Where(sim.Key(kmsg.OffsetFetch)) {
			if !x.Request.(*kmsg.OffsetFetchRequest).RequireStable {
				t.Errorf("not a stable offset: %v", x)
			}
		}
		ends := xs.Where(sim.All(sim.Key(kmsg.ListOffsets), sim.Topic(checkpoint), func(x *sim.Exchange) bool {
			return x.Request.(*kmsg.ListOffsetsRequest).Topics[0].Partitions[0].Timestamp == -1
		}))
		if len(ends) != partitions {
			t.Errorf("%d questions for the end of the checkpoint, want one a task", len(ends))
		}
		for _, x := range ends {
			if x.Request.(*kmsg.ListOffsetsRequest).IsolationLevel != 0 || x.Version < 5 {
				t.Errorf("not the high watermark as v5 or later: %v", x)
			}
		}
	})
}

// Every read of the task is of committed records.
func TestEveryFetchIsCommitted(t *testing.T) {
	xs, err := busyLife()(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range xs.Where(sim.Key(kmsg.Fetch)) {
		if x.Request.(*kmsg.FetchRequest).IsolationLevel != 1 {
			t.Fatalf("a fetch of uncommitted records: %v", x)
		}
	}
}

// A broker that was killed may leave a group's offsets open to a transaction that its coordinator does not know any more: the fence
// does not close it. An abort under the new epoch does.
func TestOffsetsThatStayUnstableAreClosed(t *testing.T) {
	var closed atomic.Bool
	lossLife(t, func(w *sim.World) {
		for _, q := range sim.Quirks() {
			if q.Err == kerr.UnstableOffsetCommit {
				w.Install(q, kmsg.OffsetFetch, -1, func(kmsg.Request) bool {
					closed.Store(len(w.Trace.All().Where(sim.Commit(false))) > 0)
					return !closed.Load()
				})
			}
		}
	}, "is kept open by a transaction that nobody knows any more", partitions)
	if !closed.Load() {
		t.Error("nothing was aborted")
	}
}

// A broker that is killed between the decision of a transaction and its markers may take them for written: then the offset, the
// checkpoint and the outputs stay open, and nobody is asked any more. All are closed alike, or the next commit would commit the outputs
// beside those that are said again.
func TestATransactionWhoseMarkersAreAllLostIsClosedEverywhere(t *testing.T) {
	sim.Bubble(t, sim.Config{Brokers: 3, Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		never := func(c *consumer.Config) { c.CheckpointInterval = time.Hour } // the last transaction is one with outputs
		a := w.Start("a", counting(&l, never), nil)
		w.Feed(2*partitions, 200*time.Millisecond, event)()
		settled(w, time.Minute)
		w.Append(event(2 * partitions)) // the last transaction is that of partition 0
		settled(w, time.Minute)
		a.Crash(false)
		time.Sleep(10 * time.Second) // the group is empty
		losesMarkers(w, 0)
		w.ResetOffset(app, input, 0, w.Cluster.PartitionInfo(input, 0).HighWatermark-1)
		unstable(w, 0)
		w.Start("b", counting(&l, never), nil)
		w.Feed(12, 200*time.Millisecond, func(i int) *kgo.Record { return event(i + 2*partitions + 1) })()
		settled(w, 2*time.Minute)
		if err := judge(w, map[int]int{1: 1}); err != nil {
			t.Errorf("%v\n%s", err, l.b.String())
		}
		if n := l.count("is kept open by a transaction that nobody knows any more"); n != 1 {
			t.Errorf("closed %d times:\n%s", n, l.b.String())
		}
	})
}

// losesMarkers takes the markers of a partition's last transaction away, wherever they are the last.
func losesMarkers(w *sim.World, partition int32) {
	w.T.Helper()
	all := w.Batches(checkpoint, partition)
	producer, lost := all[len(all)-1].ProducerID, 0
	w.LoseLastMarker(checkpoint, partition)
	for p := range int32(2) {
		if all := w.Batches(totals, p); len(all) > 0 && all[len(all)-1].ProducerID == producer {
			w.LoseLastMarker(totals, p)
			lost++
		}
	}
	if lost != 1 {
		w.T.Fatalf("the last transaction has markers in %d partitions of %s, not in one", lost, totals)
	}
}

// unstable keeps the offset of a partition open until an abort.
func unstable(w *sim.World, partition int32) {
	for _, q := range sim.Quirks() {
		if q.Err == kerr.UnstableOffsetCommit {
			w.Install(q, kmsg.OffsetFetch, -1, func(req kmsg.Request) bool {
				asked := req.(*kmsg.OffsetFetchRequest)
				return len(w.Trace.All().Where(sim.Commit(false))) == 0 && asks(asked, partition)
			})
		}
	}
}

// asks tells whether the offset of a partition is asked for.
func asks(req *kmsg.OffsetFetchRequest, partition int32) bool {
	for _, g := range req.Groups {
		for _, t := range g.Topics {
			if slices.Contains(t.Partitions, partition) {
				return true
			}
		}
	}
	for _, t := range req.Topics {
		if slices.Contains(t.Partitions, partition) {
			return true
		}
	}
	return false
}
