package consumer_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/internal/sim"
)

// right is one that can be taken away: what is answered without it, and what is said.
type right struct {
	name  string
	fault kfake.Fault
	says  string
	later bool // it is not needed before something is to be committed
}

func rights() []right {
	return []right{
		{"Read on the input", kfake.Fault{Topic: input, Err: kerr.TopicAuthorizationFailed,
			Keys: []kmsg.Key{kmsg.Metadata, kmsg.Fetch, kmsg.ListOffsets, kmsg.OffsetFetch, kmsg.TxnOffsetCommit}}, "on topic " + input, false},
		{"Read on the input, for fetches", kfake.Fault{Topic: input, Err: kerr.TopicAuthorizationFailed, Keys: []kmsg.Key{kmsg.Fetch}}, "Read on topic " + input, false},
		{"Write on the output", kfake.Fault{Topic: totals, Err: kerr.TopicAuthorizationFailed, Keys: []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.Produce}}, "Write on topic ", true},
		{"Write on the checkpoint", kfake.Fault{Topic: checkpoint, Err: kerr.TopicAuthorizationFailed, Keys: []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.Produce}}, "Write on topic " + checkpoint, false},
		{"Read on the revisions", kfake.Fault{Topic: revisions, Err: kerr.TopicAuthorizationFailed, Keys: []kmsg.Key{kmsg.Fetch}}, "Read on topic " + revisions, false},
		{"Read on the group", kfake.Fault{Group: app, Err: kerr.GroupAuthorizationFailed,
			Keys: []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetFetch, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit}}, "Read on group " + app, false},
		{"Write on the transactional id", kfake.Fault{TxnID: app + ".in.0", Err: kerr.TransactionalIDAuthorizationFailed,
			Keys: []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn}}, "Write on transactional-id " + app + ".in.0", false},
		{"Write on the transactional id, at the end", kfake.Fault{TxnID: app + ".in.0", Err: kerr.TransactionalIDAuthorizationFailed, Keys: []kmsg.Key{kmsg.EndTxn}},
			"Write on transactional-id " + app + ".in.0", false},
	}
}

// A right that is taken away while the service runs is waited for, and said; when it is given back all goes on: nothing is lost,
// doubled or a dead letter, and no state was loaded again and again meanwhile.
func TestARightTakenAwayIsWaitedFor(t *testing.T) {
	for _, r := range rights() {
		t.Run(r.name, func(t *testing.T) {
			sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
				var l logs
				var c atomic.Pointer[consumer.Consumer]
				revise(w, 1, 2)
				i := w.Start("a", seen(&l, c.Store, static("a")), nil)
				w.Feed(20, 100*time.Millisecond, event)()
				begun(w, time.Minute)
				loads := l.count(`"state":"replaying"`)
				r.fault.Count = -1
				taken := w.Cluster.Fault(r.fault)
				w.Feed(20, 100*time.Millisecond, event)()
				for range 5 { // it waits, and does not only pass
					w.Until(20*time.Second, r.says+" is said", func() bool {
						st := c.Load().Status()
						said := st.Why
						for _, x := range st.Tasks {
							said += x.Why
						}
						return !st.Ready() && strings.Contains(said, "give the principal the right") && strings.Contains(said, r.says)
					})
					time.Sleep(5 * time.Second)
				}
				select {
				case <-i.Ended():
					t.Fatalf("it has ended: %v", i.Stop())
				default:
				}
				if n := l.count(`"state":"replaying"`) - loads; n > 2*partitions {
					t.Errorf("partitions were loaded %d times while a right was missing", n)
				}
				taken.Remove()
				w.Until(10*time.Second, "all runs", func() bool { st := c.Load().Status(); return st.Ready() })
				revise(w, 2, 3)
				w.Feed(20, 100*time.Millisecond, event)()
				settled(w, time.Minute)
				if err := judge(w, map[int]int{1: 2, 2: 3}); err != nil {
					t.Error(err)
				}
				if err := w.Trace.All().Serial(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// At the start a right that is missing ends the process with the same sentence.
func TestARightMissingAtTheStartEndsIt(t *testing.T) {
	for _, r := range rights() {
		if r.later {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
				revise(w, 1, 2)
				r.fault.Count = -1
				w.Cluster.Fault(r.fault)
				i := w.Start("a", counting(t.Output(), static("a")), nil)
				select {
				case <-i.Ended():
				case <-time.After(time.Minute):
					t.Fatal("it goes on")
				}
				err := i.Stop()
				if mistake := (*consumer.SetupError)(nil); !errors.As(err, &mistake) || !strings.Contains(fmt.Sprint(err), r.says) {
					t.Errorf("it ends with %v", err)
				}
			})
		})
	}
}

// A transactional id that may not be written to keeps its own partition waiting, and no other, also where the group begins anew meanwhile.
func TestARightMissingForOnePartitionKeepsNoOtherWaiting(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var c atomic.Pointer[consumer.Consumer]
		revise(w, 1, 2)
		w.Start("a", seen(t.Output(), c.Store, static("a")), nil)
		w.Feed(20, 100*time.Millisecond, event)()
		begun(w, time.Minute)
		taken := w.Cluster.Fault(kfake.Fault{TxnID: app + ".in.0", Err: kerr.TransactionalIDAuthorizationFailed, Count: -1,
			Keys: []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn}})
		w.Cluster.Fault(kfake.Fault{Group: app, Err: kerr.RebalanceInProgress, Keys: []kmsg.Key{kmsg.Heartbeat}})
		time.Sleep(5 * time.Second)
		w.Until(10*time.Second, "the other partition runs", func() bool {
			running := 0
			st := c.Load().Status()
			for _, x := range st.Tasks {
				if x.State == "running" {
					running++
				}
			}
			return st.Generation > 1 && running == 1
		})
		taken.Remove()
		w.Feed(20, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		if err := judge(w, map[int]int{1: 2}); err != nil {
			t.Error(err)
		}
	})
}
