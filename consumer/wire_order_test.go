package consumer_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/internal/sim"
)

// Some rules are backed up by others, so that breaking one does not show in what is published: these tests look at the
// requests themselves.

// Each offset is fenced by the group: it carries the generation and the member of the last SyncGroup, and our metadata.
func TestOffsetsCarryGenerationAndMember(t *testing.T) {
	xs, err := busyLife(static("a"))(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	generation, member := int32(0), ""
	n := 0
	for _, x := range xs.Where(sim.On("a.1")) {
		switch r := x.Request.(type) {
		case *kmsg.SyncGroupRequest:
			generation, member = r.Generation, r.MemberID
		case *kmsg.TxnOffsetCommitRequest:
			n++
			if r.Generation != generation || r.MemberID != member || r.InstanceID == nil || *r.InstanceID != "a" {
				t.Errorf("generation %d, member %q, instance %v: want %d, %q, a: %v", r.Generation, r.MemberID, r.InstanceID, generation, member, x)
			}
			if m := r.Topics[0].Partitions[0].Metadata; m == nil || *m != "retrainer" {
				t.Errorf("without our metadata: %v", x)
			}
		}
	}
	if n == 0 {
		t.Error("no offset was ever committed")
	}
	if plain := xs.Where(sim.Key(kmsg.OffsetCommit)); len(plain) > 0 {
		t.Errorf("offsets outside transactions: %v", plain)
	}
}

// A rebalance that comes while a transaction is open waits for its answer: JoinGroup is the last thing of a generation.
func TestJoinOnlyWhenAllTasksHaveEnded(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		slow := sim.Each(sim.All(sim.Key(kmsg.EndTxn), sim.On("a.1")), sim.Fault{Answer: 1500 * time.Millisecond})
		w.Start("a", counting(&l), slow)
		fed := w.Feed(40, 200*time.Millisecond, event)
		time.Sleep(4 * time.Second)
		w.Start("b", counting(&l), nil)
		fed()
		settled(w, 2*time.Minute)
		xs := w.Trace.All()
		if joins := xs.Where(sim.All(sim.On("a.1"), sim.Key(kmsg.JoinGroup))); len(joins) < 3 { // with and without a member id, and again for b
			t.Errorf("a joined %d times, so no rebalance met an open transaction", len(joins))
		}
		if err := xs.JoinsIdle(); err != nil {
			t.Error(err)
		}
		if err := judge(w, map[int]int{1: 1}); err != nil {
			t.Error(err)
		}
	})
}

// A task whose epoch was taken over by another InitProducerID is refused once, fences again, and goes on from what is
// committed: nothing is lost and nothing said twice.
func TestFencedTaskFencesAgain(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		w.Start("a", counting(&l), nil)
		w.Feed(8, 200*time.Millisecond, event)()
		settled(w, time.Minute)
		before := len(w.Trace.All().Where(sim.Key(kmsg.InitProducerID)))
		r := kmsg.NewPtrInitProducerIDRequest()
		r.TransactionalID, r.TransactionTimeoutMillis = kmsg.StringPtr(app+".in.0"), 10_000
		w.Ask(r)
		w.Feed(8, 200*time.Millisecond, func(i int) *kgo.Record { return event(i + 8) })()
		settled(w, time.Minute)
		xs := w.Trace.All()
		if again := len(xs.Where(sim.Key(kmsg.InitProducerID))) - before; again != 1 {
			t.Errorf("fenced again %d times, want once:\n%s", again, l.b.String())
		}
		refused := xs.Where(func(x *sim.Exchange) bool { return len(x.Codes()) > 0 && x.TxnID() != "" })
		if len(refused) != 1 || (refused[0].Codes()[0] != 47 && refused[0].Codes()[0] != 90) {
			t.Errorf("refused: %v", refused)
		}
		if err := judge(w, map[int]int{1: 1}); err != nil {
			t.Error(err)
		}
	})
}

// All tasks of a member fence before the first of them loads, however long one of the fences takes.
func TestAllFencesBeforeTheFirstLoad(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		revise(w, 1, 1)
		fences := sim.All(sim.Key(kmsg.InitProducerID), func(x *sim.Exchange) bool { return x.TxnID() != "" })
		w.Start("a", counting(&l), sim.Nth(2, fences, sim.Fault{Delay: 700 * time.Millisecond}))
		w.Feed(8, 200*time.Millisecond, event)()
		settled(w, time.Minute)
		if err := w.Trace.All().FencesFirst(); err != nil {
			t.Error(err)
		}
	})
}
