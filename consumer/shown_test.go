package consumer_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/internal/sim"
)

// whys is all that a Status says of what is waited for.
func whys(s consumer.Status) string {
	all := s.Why
	for _, t := range s.Tasks {
		all += "\n" + t.Why
	}
	return all
}

// Whatever does not get an answer when a process starts, for however long: the process waits and says for what, not now and then but
// until it is answered. What is away is never taken for lost.
func TestAStartSaysForWhatItWaits(t *testing.T) {
	const away = 100 * time.Second
	for _, c := range []struct {
		name    string
		request sim.Match
		says    string
	}{
		{"the group's coordinator", sim.Key(kmsg.FindCoordinator), "coordinator of app: "},
		{"an answer to the join", sim.Key(kmsg.JoinGroup), "JoinGroup of group app: "},
		{"the assignment", sim.Key(kmsg.SyncGroup), "Group of group app: "}, // whose coordinator forgets who waits too long
		{"the coordinator of transactions", sim.Key(kmsg.InitProducerID), "InitProducerID app.in."},
		{"the group's offsets", sim.Key(kmsg.OffsetFetch), "OffsetFetch: "},
		{"the checkpoint's end", sim.All(sim.Key(kmsg.ListOffsets), sim.Topic(checkpoint)), "offsets of app.checkpoint.in/"},
		{"the checkpoint's leader", sim.All(sim.Key(kmsg.Fetch), sim.Topic(checkpoint)), "fetch: "},
		{"the leader of the revisions", sim.All(sim.Key(kmsg.Fetch), sim.Topic(revisions)), "waiting for app.every: fetch: "},
		{"the input's leader", sim.All(sim.Key(kmsg.Fetch), sim.Topic(input)), "fetch: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
				var l logs
				revise(w, 1, 2)
				a := w.Start("a", counting(&l), nil)
				w.Feed(20, 100*time.Millisecond, event)()
				settled(w, time.Minute)
				a.Crash(false)
				time.Sleep(10 * time.Second) // its session is over
				var b atomic.Pointer[consumer.Consumer]
				until := w.Now() + away
				w.Start("b", seen(&l, func(c *consumer.Consumer) { b.Store(c) }), func(x *sim.Exchange) sim.Fault {
					if w.Now() < until && c.request(x) {
						return sim.Fault{Act: sim.Reset}
					}
					return sim.Fault{}
				})
				said := func() bool { return b.Load() != nil && strings.Contains(whys(b.Load().Status()), c.says) }
				w.Until(10*time.Second, "it says for what it waits", said)
				for w.Now() < until-time.Second {
					if s := b.Load().Status(); !said() || s.Ready() {
						t.Fatalf("%v before it is there, it is ready (%v) or does not say %q: %+v", until-w.Now(), s.Ready(), c.says, s)
					}
					time.Sleep(70 * time.Millisecond)
				}
				w.Feed(12, 100*time.Millisecond, func(i int) *kgo.Record { return event(i + 20) })()
				settled(w, time.Minute)
				if s := b.Load().Status(); !s.Ready() {
					t.Errorf("it is not ready when all is there: %+v", s)
				}
				if err := judge(w, map[int]int{1: 2}); err != nil {
					t.Errorf("%v\n%s", err, l.b.String())
				}
				if n := l.count(`"level":"error"`); n > 0 {
					t.Errorf("%d errors were logged, though nothing was lost:\n%s", n, l.b.String())
				}
			})
		})
	}
}

// A member that cannot read the revisions takes over a partition that a peer has folded under one that it does not know: it
// waits until it can, and does not take the revision for lost.
func TestARevisionThatCannotBeReadIsWaitedFor(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		var away atomic.Bool
		var b atomic.Pointer[consumer.Consumer]
		revise(w, 1, 2)
		a := w.Start("a", counting(&l), nil)
		other := w.Start("b", seen(&l, func(c *consumer.Consumer) { b.Store(c) }), func(x *sim.Exchange) sim.Fault {
			if away.Load() && sim.All(sim.Key(kmsg.Fetch), sim.Topic(revisions))(x) {
				return sim.Fault{Act: sim.Reset}
			}
			return sim.Fault{}
		})
		w.Feed(20, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		away.Store(true)
		time.Sleep(time.Second) // the fetch that waits is answered
		revise(w, 2, 3)
		w.Until(10*time.Second, "a has gone over to revision 2", func() bool { return l.count(`"to":2`) > 0 })
		w.Still(time.Second, time.Minute)
		a.Crash(false)
		w.Until(30*time.Second, "b waits for revision 2", func() bool { return strings.Contains(whys(b.Load().Status()), "waiting for app.every: fetch: ") })
		time.Sleep(100 * time.Second)
		select {
		case <-other.Ended():
			t.Fatalf("it has ended:\n%s", l.b.String())
		default:
		}
		away.Store(false)
		w.Feed(12, 100*time.Millisecond, func(i int) *kgo.Record { return event(i + 20) })()
		settled(w, time.Minute)
		if err := judge(w, map[int]int{1: 2, 2: 3}); err != nil {
			t.Errorf("%v\n%s", err, l.b.String())
		}
	})
}
