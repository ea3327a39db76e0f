package consumer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/internal/sim"
)

// A rolling restart of 8 static instances under load: each comes back within its session, so nobody else's partition is
// loaded again.
func TestRollingRestartOfStaticMembersReloadsOnlyTheirOwn(t *testing.T) {
	const instances, width = 8, 16
	wide := topics()
	wide[0].Partitions, wide[1].Partitions = width, width
	sim.Bubble(t, sim.Config{Brokers: 3, Topics: wide}, func(w *sim.World) {
		var l logs
		revise(w, 1, 2)
		running := make([]*sim.Instance, instances)
		for i := range running {
			running[i] = w.Start(fmt.Sprint("i", i), counting(&l, static(fmt.Sprint("i", i))), nil)
		}
		w.Until(time.Minute, "all partitions run", func() bool { return len(w.Offsets(app)[input]) == width })
		w.Still(3*time.Second, time.Minute)
		loads := l.count(`"state":"loading"`)
		record := func(i int) *kgo.Record {
			return &kgo.Record{Topic: input, Partition: int32(i % width), Key: fmt.Appendf(nil, "k%d", i%width), Value: []byte("x")}
		}
		fed := w.Feed(400, 50*time.Millisecond, record)
		for i := range running {
			if err := running[i].Stop(); err != nil {
				t.Errorf("stopping i%d: %v", i, err)
			}
			time.Sleep(time.Second)
			running[i] = w.Start(fmt.Sprint("i", i), counting(&l, static(fmt.Sprint("i", i))), nil)
			time.Sleep(time.Second)
		}
		fed()
		w.Still(3*time.Second, time.Minute)
		if err := judge(w, map[int]int{1: 2}); err != nil {
			t.Error(err)
		}
		again := l.count(`"state":"loading"`) - loads
		t.Logf("%d partitions loaded again by a rolling restart of %d instances with %d partitions", again, instances, width)
		if again != width {
			t.Errorf("%d partitions were loaded again, want %d: each once, by the instance that came back", again, width)
		}
	})
}

// Partitions added to an input are taken up by the members themselves, whoever leads the group.
func TestAddedPartitionsAreTakenUp(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		w.Start("a", counting(&l), nil)
		w.Start("b", counting(&l), nil)
		w.Feed(8, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		w.Widen(checkpoint, partitions+1)
		w.Widen(input, partitions+1)
		w.Append(&kgo.Record{Topic: input, Partition: partitions, Key: []byte("new"), Value: []byte("x")})
		w.Until(2*time.Minute, "the new partition is read", func() bool {
			c, ok := w.Offsets(app)[input][partitions]
			return ok && c.Offset == 1
		})
		if err := judge(w, map[int]int{1: 1}); err != nil {
			t.Errorf("%v\n%s", err, l.b.String())
		}
	})
}

// A second process with the same instance id takes the first one's place, and the first one ends with a sentence instead of
// taking it back.
func TestSameInstanceIDTwice(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		first := w.Start("a", counting(&l, static("same")), nil)
		w.Feed(8, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		w.Start("b", counting(&l, static("same")), nil)
		w.Feed(8, 500*time.Millisecond, func(i int) *kgo.Record { return event(i + 8) })()
		<-first.Ended()
		if err := first.Stop(); err == nil || !strings.Contains(err.Error(), "same instance id") {
			t.Errorf("the first ended with %v", err)
		}
		settled(w, time.Minute)
		if err := judge(w, map[int]int{1: 1}); err != nil {
			t.Error(err)
		}
	})
}

// A missing topic is a mistake in the set-up, said in one sentence, and nothing is read.
func TestMissingTopicIsRefused(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()[:4]}, func(w *sim.World) {
		var l logs
		a := w.Start("a", counting(&l), nil)
		<-a.Ended()
		if err := a.Stop(); err == nil || !strings.Contains(err.Error(), deadTopic) || !strings.Contains(err.Error(), "topics apply") {
			t.Errorf("ended with %v", err)
		}
	})
}

// An input topic made anew has other records at the same offsets: it is refused, not read on.
func TestTopicMadeAnewIsRefused(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		a := w.Start("a", counting(&l), nil)
		w.Feed(8, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		w.Remake(input, partitions)
		w.Feed(8, time.Second, event)()
		<-a.Ended()
		if err := a.Stop(); err == nil || !strings.Contains(err.Error(), "made anew") {
			t.Errorf("the running instance ended with %v", err)
		}
		b := w.Start("b", counting(&l), nil)
		<-b.Ended()
		if err := b.Stop(); err == nil || !strings.Contains(err.Error(), "made anew") {
			t.Errorf("its successor ended with %v", err)
		}
	})
}

// A broker that does not know a topic for a moment, at the worst moment, does not leave its partitions unassigned for ever.
func TestTopicUnknownForAMomentIsNotForgotten(t *testing.T) {
	for _, topic := range []string{input, checkpoint} {
		for nth := 1; nth <= 4; nth++ {
			sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
				var l logs
				revise(w, 1, 1)
				n := 0
				w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.UnknownTopicOrPartition, Topic: topic, Count: 1,
					When: func(kmsg.Request) bool { n++; return n > nth }})
				w.Start("a", counting(&l), nil)
				w.Feed(8, 100*time.Millisecond, event)()
				settled(w, time.Minute)
				if err := judge(w, map[int]int{1: 1}); err != nil {
					t.Errorf("%s, request %d: %v\n%s", topic, nth, err, l.b.String())
				}
			})
		}
	}
}

// Partitions added to an input before its checkpoint topic has them wait alone: the others go on.
func TestPartitionWithoutCheckpointWaitsAlone(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		w.Start("a", counting(&l), nil)
		w.Feed(8, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		w.Widen(input, partitions+1)
		w.Start("b", counting(&l), nil) // one that starts by then is not refused
		time.Sleep(time.Minute)
		w.Feed(8, 100*time.Millisecond, func(i int) *kgo.Record { return event(i + 8) })()
		settled(w, time.Minute)
		if l.count("`retrainer topics apply` adds the missing ones") == 0 {
			t.Errorf("nobody says what the new partition waits for:\n%s", l.b.String())
		}
		w.Widen(checkpoint, partitions+1)
		w.Append(&kgo.Record{Topic: input, Partition: partitions, Key: []byte("new"), Value: []byte("x")})
		w.Until(time.Minute, "the new partition is read", func() bool { return w.Offsets(app)[input][partitions].Offset == 1 })
		if err := judge(w, map[int]int{1: 1}); err != nil {
			t.Errorf("%v\n%s", err, l.b.String())
		}
	})
}

// Partitions that are added while static members are away: each finds its assignment of before, and the number of partitions as it
// is now. They belong to nobody until a member says that they were not shared out.
func TestPartitionsAddedWhileStaticMembersAreAway(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		all := map[string]*sim.Instance{}
		for _, name := range []string{"a", "b"} {
			all[name] = w.Start(name, counting(&l, static(name)), nil)
		}
		w.Feed(8, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		for _, i := range all {
			i.Crash(true)
		}
		w.Widen(input, partitions+1)
		w.Widen(checkpoint, partitions+1)
		for name := range all {
			w.Start(name, counting(&l, static(name)), nil)
		}
		w.Append(&kgo.Record{Topic: input, Partition: partitions, Key: []byte("new"), Value: []byte("x")})
		w.Until(20*time.Second, "the new partition is read", func() bool { return w.Offsets(app)[input][partitions].Offset == 1 })
		if err := judge(w, map[int]int{1: 1}); err != nil {
			t.Errorf("%v\n%s", err, l.b.String())
		}
	})
}

// A join that waited for a dead member as long as a session lasts is not taken for a lost session.
func TestJoinThatWaitedForADeadMemberIsTheLast(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		w.Start("a", counting(&l), nil)
		dead := w.Start("b", counting(&l), nil)
		w.Feed(8, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		beats := func() int { return len(w.Trace.All().Where(sim.All(sim.On("b.1"), sim.Key(kmsg.Heartbeat)))) }
		n := beats()
		w.Until(time.Second, "b has just beaten", func() bool { return beats() > n })
		dead.Crash(true)
		w.Start("c", counting(&l), nil)
		time.Sleep(20 * time.Second)
		joins := w.Trace.All().Where(sim.All(sim.On("c.1"), sim.Key(kmsg.JoinGroup)))
		if len(joins) != 2 { // without and with a member id
			t.Errorf("c joined %d times", len(joins))
		}
		if waited := joins[len(joins)-1]; len(joins) == 2 && waited.Done.At-waited.Sent.At < 5500*time.Millisecond {
			t.Errorf("c did not wait for the dead member: %v", waited)
		}
		if l.count("no answer to heartbeats") > 0 {
			t.Errorf("a lost session was told of:\n%s", l.b.String())
		}
	})
}
