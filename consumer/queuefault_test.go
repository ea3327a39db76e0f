package consumer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/internal/sim"
)

// The coordinator moves to another broker and answers so, the leaders move, and brokers say what they say while they start:
// nothing is done twice, nothing left out.
func TestQueueUnderAnswersThatPass(t *testing.T) {
	answers := map[kmsg.Key][]*kerr.Error{
		kmsg.FindCoordinator: {kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress},
		kmsg.JoinGroup:       {kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.UnknownMemberID, kerr.RebalanceInProgress},
		kmsg.SyncGroup:       {kerr.NotCoordinator, kerr.RebalanceInProgress, kerr.UnknownMemberID, kerr.IllegalGeneration},
		kmsg.Heartbeat:       {kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.RebalanceInProgress, kerr.UnknownMemberID, kerr.IllegalGeneration},
		kmsg.OffsetFetch:     {kerr.NotCoordinator, kerr.UnstableOffsetCommit, kerr.CoordinatorLoadInProgress},
		kmsg.OffsetCommit:    {kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.RequestTimedOut, kerr.RebalanceInProgress, kerr.UnknownMemberID, kerr.IllegalGeneration},
		kmsg.Fetch:           {kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.OffsetNotAvailable, kerr.ReplicaNotAvailable},
		kmsg.ListOffsets:     {kerr.NotLeaderForPartition, kerr.OffsetNotAvailable},
	}
	for key, errs := range answers {
		for _, err := range errs {
			t.Run(key.Name()+"/"+err.Message, func(t *testing.T) {
				sim.Bubble(t, sim.Config{Brokers: 3, Topics: commandTopics()}, func(w *sim.World) {
					var b book
					var l logs
					n := 0
					hit := w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: 3, When: func(kmsg.Request) bool { n++; return n > 1 }})
					w.Start("a", working(&b, "a", &l), nil)
					for i := range 12 {
						w.Append(command(int32(i%lanes), fmt.Sprint("c", i), time.Duration(i%3)*time.Second))
						time.Sleep(500 * time.Millisecond)
						if i == 6 {
							w.Cluster.ShufflePartitionLeaders()
							w.Cluster.RehashCoordinators()
							w.Start("b", working(&b, "b", &l), nil)
						}
					}
					allDone(w, 2*time.Minute)
					for i := range 12 {
						if got := b.of(fmt.Sprint("c", i)); len(got) != 1 {
							t.Errorf("c%d was worked on by %q", i, got)
						}
					}
					if hit.Hits() == 0 {
						t.Error("never answered so")
					}
					if t.Failed() {
						t.Log(l.b.String())
					}
				})
			})
		}
	}
}

// What an operator has to mend ends Run with a sentence.
func TestQueueRefusedForGood(t *testing.T) {
	kind := func(k string) func(*consumer.QueueConfig) { return func(c *consumer.QueueConfig) { c.Kind = k } }
	for _, c := range []struct {
		name      string
		configure func(*consumer.QueueConfig)
		key       kmsg.Key
		err       *kerr.Error
		says      string
	}{
		{name: "a topic that is not there", configure: func(c *consumer.QueueConfig) { c.Topic = "other" }, says: "topic other"},
		{name: "members of another kind", configure: kind("text"), says: `does not take a member that works on kind "text"`},
		{name: "members of any kind", configure: kind(""), says: "does not take a member that works on all kinds"},
		{name: "no right to the group", configure: kind("images"), key: kmsg.JoinGroup, err: kerr.GroupAuthorizationFailed, says: "give the principal the right Read on group app.workers"},
		{name: "no right to the topic", configure: kind("images"), key: kmsg.Fetch, err: kerr.TopicAuthorizationFailed, says: "give the principal the right Read on topic app.commands"},
		{name: "no right to commit", configure: kind("images"), key: kmsg.OffsetCommit, err: kerr.TopicAuthorizationFailed, says: "give the principal the right Read on topic app.commands"},
		{name: "a session the broker does not allow", configure: func(c *consumer.QueueConfig) { c.Kind, c.SessionTimeout = "images", time.Hour }, says: "INVALID_SESSION_TIMEOUT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
				var b book
				var l logs
				w.Start("a", working(&b, "a", &l, kind("images")), nil)
				w.Append(command(1, "long", time.Hour))
				b.inWork(w, "long")
				if c.err != nil {
					w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{c.key}, Err: c.err, Count: -1})
				}
				for p := range int32(lanes) {
					w.Append(command(p, "quick", 0))
				}
				refused := w.Start("b", working(&b, "b", &l, c.configure), nil)
				select {
				case <-refused.Ended():
				case <-time.After(time.Minute):
				}
				err := refused.Stop()
				var s *consumer.SetupError
				if !errors.As(err, &s) || !strings.Contains(s.Error(), c.says) {
					t.Errorf("ended with %v", err)
				}
				if c.err == nil {
					b.wants(t, "long", "a...")
				}
			})
		})
	}
}

// A connection that breaks before or behind a request, or in which one is stuck and arrives later, does not make anything be
// done twice, for the session outlives it.
func TestQueueConnectionLostAtEveryRequest(t *testing.T) {
	which := sim.Key(kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetFetch, kmsg.OffsetCommit, kmsg.Metadata, kmsg.FindCoordinator, kmsg.LeaveGroup)
	sim.Wherever(t, "a.1", which, sim.Breaks(3*time.Second), queueLife(1))
}

// Killed at any request, everything is done at least once, and by none while another is at it.
func TestQueueKilledAtEveryRequest(t *testing.T) {
	which := sim.Key(kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetFetch, kmsg.OffsetCommit, kmsg.Metadata, kmsg.FindCoordinator, kmsg.LeaveGroup)
	sim.Wherever(t, "a.1", which, sim.Crashes(3*time.Second), queueLife(3))
}

// queueLife is a life of two members with commands for each, most of them quick. most is how often one may be worked on.
func queueLife(most int) sim.Life {
	return func(t *testing.T, faults sim.Faults) (xs sim.Exchanges, err error) {
		sim.Bubble(t, sim.Config{Topics: []sim.TopicConfig{{Name: commands, Partitions: 3}}}, func(w *sim.World) {
			var b book
			var l logs
			w.Keep("a", working(&b, "a", &l), faults, time.Second)
			feed := w.Feed(12, 300*time.Millisecond, func(i int) *kgo.Record {
				return command(int32(i%3), fmt.Sprint("c", i), time.Duration(i%4)*500*time.Millisecond)
			})
			time.Sleep(time.Second)
			peer := w.Start("b", working(&b, "b", &l), nil)
			feed()
			if err := peer.Stop(); err != nil {
				t.Error(err)
			}
			w.Until(time.Minute, "all commands committed", func() bool {
				at := w.Offsets(workers)[commands]
				return at[0].Offset == 4 && at[1].Offset == 4 && at[2].Offset == 4
			})
			for i := range 12 {
				if name := fmt.Sprint("c", i); b.done(name) == 0 || b.done(name) > most {
					err = errors.Join(err, fmt.Errorf("%s was worked on by %q", name, b.of(name)))
				}
			}
			if err != nil {
				t.Log(l.b.String())
			}
			xs = w.Trace.All()
		})
		return xs, err
	}
}
