package consumer_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/internal/sim"
)

// inWork waits until one works on a record.
func (b *book) inWork(w *sim.World, what string) {
	w.T.Helper()
	w.Until(time.Minute, what+" is in work", func() bool { return len(b.of(what)) == 1 })
}

// away takes all ways from a host to the cluster; its bytes vanish.
func away(string) (time.Duration, bool) { return 0, false }

// Members come and go while one works for three hours: the work is neither interrupted nor begun again, the group does not
// wait for it, and beats all the time.
func TestQueueKeepsItsRecordWhileMembersComeAndGo(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		w.Start("a", working(&b, "a", &l), nil)
		w.Append(command(5, "long", 3*time.Hour))
		b.inWork(w, "long")
		for i := range 5 {
			name := fmt.Sprint("b", i)
			peer := w.Start(name, working(&b, name, &l), nil)
			time.Sleep(3 * time.Second)
			for p := range int32(4) {
				w.Append(command(p, fmt.Sprint(name, "-", p), time.Second))
			}
			time.Sleep(30 * time.Second)
			if err := peer.Stop(); err != nil {
				t.Errorf("stopping %s: %v", name, err)
			}
		}
		time.Sleep(2*time.Hour + 30*time.Minute)
		b.wants(t, "long", "a...")
		allDone(w, time.Hour)
		b.wants(t, "long", "a")
		if err := b.overlapping(); err != nil {
			t.Error(err)
		}
		xs := w.Trace.All()
		if n := len(xs.Where(sim.All(sim.On("a.1"), sim.Key(kmsg.JoinGroup)))); n < 7 {
			t.Errorf("a joined %d times: the peers that came and went were to make it join again", n)
		}
		for _, x := range xs.Where(sim.Key(kmsg.JoinGroup)) {
			if took := x.Done.At - x.Sent.At; !x.Answered() || took > 2*time.Second {
				t.Errorf("the group waited: %v", x)
			}
		}
		last := time.Duration(0)
		for _, x := range xs.Where(sim.All(sim.On("a.1"), sim.Key(kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup))) {
			if x.Sent.At-last > 2*time.Second {
				t.Errorf("not a beat between %v and %v", last, x.Sent.At)
			}
			last = x.Sent.At
		}
	})
}

// What a member at work for long cannot begin goes to peers that are free, and when it is done it has its share again.
func TestBusyMemberGivesAwayWhatItCannotBegin(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		names := []string{"a", "b", "c"}
		for _, n := range names {
			w.Start(n, working(&b, n, &l), nil)
		}
		time.Sleep(10 * time.Second)
		w.Append(command(2, "long", 20*time.Minute), command(5, "too", 20*time.Minute))
		b.inWork(w, "long")
		b.inWork(w, "too")
		time.Sleep(time.Minute)
		for p := range int32(lanes) {
			w.Append(command(p, fmt.Sprint("c", p), time.Second))
		}
		w.Until(time.Minute, "what can be done is done", func() bool {
			n := 0
			for p := range lanes {
				n += b.done(fmt.Sprint("c", p))
			}
			return n == 6
		})
		allDone(w, time.Hour)
		time.Sleep(10 * time.Second)
		for p := range int32(lanes) {
			w.Append(command(p, fmt.Sprint("d", p), 20*time.Second))
		}
		allDone(w, 80*time.Second) // by three, three each at most
		for _, name := range []string{"long", "too"} {
			if got := b.of(name); len(got) != 1 {
				t.Errorf("%s was worked on by %q", name, got)
			}
		}
		if n := l.count("this member is busy"); n != 2 {
			t.Errorf("said %d times that a member is busy, want twice", n)
		}
		if err := b.overlapping(); err != nil {
			t.Error(err)
		}
	})
}

// Twelve members for eight partitions: those without one take over where others go, and nothing is done twice.
func TestMoreMembersThanPartitions(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		members := make([]*sim.Instance, 12)
		for i := range members {
			name := fmt.Sprint("m", i)
			members[i] = w.Start(name, working(&b, name, &l), nil)
			w.Append(command(int32(i%lanes), fmt.Sprint("first", i), time.Minute))
		}
		time.Sleep(5 * time.Minute)
		for i := range 6 {
			if err := members[i].Stop(); err != nil {
				t.Error(err)
			}
			w.Append(command(int32(i%lanes), fmt.Sprint("second", i), time.Minute))
		}
		allDone(w, 10*time.Minute)
		for i := range 12 {
			if name := fmt.Sprint("first", i); b.done(name) != 1 {
				t.Errorf("%s: %q", name, b.of(name))
			}
		}
		for i := range 6 {
			if name := fmt.Sprint("second", i); b.done(name) != 1 {
				t.Errorf("%s: %q", name, b.of(name))
			}
		}
		if err := b.overlapping(); err != nil {
			t.Error(err)
		}
	})
}

// A member is killed in the middle of its work: its record goes to a peer when the session is over, and one that comes back
// does not begin it beside the peer.
func TestRecordOfAKilledMemberIsTakenOver(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
		var b book
		var l logs
		a := w.Start("a", working(&b, "a", &l), nil)
		w.Append(command(1, "long", 10*time.Minute))
		b.inWork(w, "long")
		w.Start("b", working(&b, "b", &l), nil)
		time.Sleep(10 * time.Second)
		a.Crash(true)
		w.Until(9*time.Second, "b has taken it over", func() bool { return len(b.of("long")) == 2 })
		w.Start("a", working(&b, "a2", &l), nil)
		allDone(w, time.Hour)
		b.wants(t, "long", "a, cut", "b")
	})
}

// The whole cluster is away for longer than the session, with two members at work: both go on, keep their partitions, and
// commit what was done meanwhile.
func TestQueueWorksOnWhileTheClusterIsAway(t *testing.T) {
	for _, lasts := range []time.Duration{20 * time.Second, 2 * time.Minute} {
		sim.Bubble(t, sim.Config{Brokers: 3, Topics: commandTopics()}, func(w *sim.World) {
			var b book
			var l logs
			members := []*sim.Instance{w.Start("a", working(&b, "a", &l), nil), w.Start("b", working(&b, "b", &l), nil)}
			time.Sleep(10 * time.Second)
			for p := range int32(lanes) {
				w.Append(command(p, fmt.Sprint("c", p), 5*time.Minute))
			}
			w.Until(time.Minute, "both are at work", func() bool {
				return len(slices.Concat(b.of("c0"), b.of("c1"), b.of("c2"), b.of("c3"), b.of("c4"), b.of("c5"), b.of("c6"), b.of("c7"))) == 2
			})
			for _, m := range members {
				m.SetRoute(away)
			}
			time.Sleep(lasts)
			for _, m := range members {
				m.SetRoute(nil)
			}
			allDone(w, time.Hour)
			for p := range lanes {
				if got := b.of(fmt.Sprint("c", p)); len(got) != 1 {
					t.Errorf("away for %v: c%d was worked on by %q", lasts, p, got)
				}
			}
			if err := b.overlapping(); err != nil {
				t.Error(err)
			}
			if t.Failed() {
				t.Log(l.b.String())
			}
		})
	}
}

// One member alone is cut off for longer than the session: its record goes to a peer and is in work twice. What the first has
// done then is not committed, nor does it take the group back behind what the peer has done since.
func TestWorkOfAMemberThatWasCutOff(t *testing.T) {
	for _, peerGoes := range []bool{false, true} {
		sim.Bubble(t, sim.Config{Topics: commandTopics()}, func(w *sim.World) {
			var b book
			var l logs
			a := w.Start("a", working(&b, "a", &l), nil)
			w.Append(command(1, "long", 10*time.Minute))
			b.inWork(w, "long")
			peer := w.Start("b", working(&b, "b", &l, quickly), nil)
			time.Sleep(10 * time.Second)
			a.SetRoute(away)
			w.Append(command(1, "next", time.Second), command(1, "last", time.Second))
			allDone(w, 30*time.Second)
			if peerGoes { // and a has the partition again when its work ends
				if err := peer.Stop(); err != nil {
					t.Error(err)
				}
			}
			a.SetRoute(nil)
			time.Sleep(12 * time.Minute)
			b.wants(t, "long", "a", "b")
			b.wants(t, "next", "b")
			if at := w.Offsets(workers)[commands][1].Offset; at != 3 {
				t.Errorf("peer goes %v: the group's offset is %d, want 3", peerGoes, at)
			}
			if n := l.count("its offset is not committed"); n != 1 {
				t.Errorf("peer goes %v: said %d times that an offset is not committed:\n%s", peerGoes, n, l.b.String())
			}
			w.Append(command(1, "after", time.Second))
			allDone(w, time.Minute)
			if err := b.overlapping(); err != nil {
				t.Error(err)
			}
		})
	}
}

// quickly makes a member do in no time what takes others long.
func quickly(c *consumer.QueueConfig) {
	work := c.Work
	c.Work = func(ctx context.Context, r *record.Record) error {
		quick := *r
		quick.Value = []byte("1s")
		return work(ctx, &quick)
	}
}
