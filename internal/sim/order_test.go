package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// toyTrace is an undisturbed run of the toy, but for its faults.
func toyTrace(t *testing.T, b bug, faults Faults) Exchanges {
	t.Helper()
	xs, _ := toyLife(b)(t, faults)
	return xs
}

func TestSerialHoldsForOneStepAfterTheOther(t *testing.T) {
	xs := toyTrace(t, none, nil)
	if err := xs.Serial(); err != nil {
		t.Error(err)
	}
	if n := len(xs.Where(All(Key(kmsg.EndTxn), Txn(toyTxn), Commit(true), Answered))); n != toyRecords {
		t.Errorf("%d commits in the trace, want %d", n, toyRecords)
	}
	if n := len(xs.Where(All(Key(kmsg.Produce), Topic("out")))); n != toyRecords {
		t.Errorf("%d Produce to out in the trace, want %d", n, toyRecords)
	}
}

func TestSerialSeesEndTxnBeforeProduceIsAnswered(t *testing.T) {
	if err := toyTrace(t, earlyEnd, nil).Serial(); err == nil {
		t.Error("not seen")
	} else {
		t.Log(err)
	}
}

func TestSerialSeesATransactionAfterAnUnknownFate(t *testing.T) {
	lost := Nth(2, Key(kmsg.EndTxn), Fault{Act: Reset})
	if err := toyTrace(t, assume, lost).Serial(); err == nil {
		t.Error("not seen")
	}
	if err := toyTrace(t, none, lost).Serial(); err != nil {
		t.Errorf("a new fence settles it: %v", err)
	}
	lost = Nth(2, Key(kmsg.Produce), Fault{Act: Lose})
	if err := toyTrace(t, resend, lost).Serial(); err == nil {
		t.Error("a Produce under another sequence is not the same request")
	}
}

func TestFencesFirstSeesAnOffsetFetchedBeforeTheFence(t *testing.T) {
	if err := toyTrace(t, none, nil).FencesFirst(); err != nil {
		t.Error(err)
	}
	if err := toyTrace(t, offsetBefore, nil).FencesFirst(); err == nil {
		t.Error("not seen")
	}
}

func TestFencedSeesATransactionThatTheGroupDoesNotFence(t *testing.T) {
	if err := toyTrace(t, none, nil).Fenced(); err == nil || !strings.Contains(err.Error(), "generation -1") {
		t.Errorf("the toy has no group: %v", err)
	}
	if err := toyTrace(t, offsetAfter, nil).Fenced(); err == nil || !strings.Contains(err.Error(), "no offset") {
		t.Errorf("a commit without an offset: %v", err)
	}
	sync := &Exchange{Host: "a.1", Key: kmsg.SyncGroup, Request: &kmsg.SyncGroupRequest{Generation: 3}}
	commit := &Exchange{Host: "a.1", Key: kmsg.TxnOffsetCommit, Done: Moment{Order: 2}, Request: &kmsg.TxnOffsetCommitRequest{TransactionalID: "x", Generation: 3, MemberID: "m"}}
	end := &Exchange{Host: "a.1", Key: kmsg.EndTxn, Sent: Moment{Order: 3}, Request: &kmsg.EndTxnRequest{TransactionalID: "x", Commit: true}}
	if err := (Exchanges{sync, commit, end}).Fenced(); err != nil {
		t.Error(err)
	}
	commit.Request.(*kmsg.TxnOffsetCommitRequest).Generation = 2
	if err := (Exchanges{sync, commit, end}).Fenced(); err == nil {
		t.Error("the generation before: not seen")
	}
}

// spoken builds exchanges by hand: "sent-done key" with moments in order; done 0 is without answer.
func spoken(moments ...[3]int) (xs Exchanges) {
	for _, m := range moments {
		key := kmsg.Key(m[2])
		xs = append(xs, &Exchange{Host: "a.1", Key: key, Sent: Moment{Order: m[0]}, Done: Moment{Order: m[1]}, Request: named(key)})
	}
	return xs
}

func named(key kmsg.Key) kmsg.Request {
	id := "x"
	switch key {
	case kmsg.InitProducerID:
		return &kmsg.InitProducerIDRequest{TransactionalID: &id}
	case kmsg.EndTxn:
		return &kmsg.EndTxnRequest{TransactionalID: id}
	}
	return key.Request()
}

func TestGenerationsAreCutAtTheAnswerToSyncGroup(t *testing.T) {
	sync, fence, load := int(kmsg.SyncGroup), int(kmsg.InitProducerID), int(kmsg.OffsetFetch)
	xs := spoken([3]int{1, 2, sync}, [3]int{3, 4, fence}, [3]int{5, 6, load}, [3]int{7, 9, sync}, [3]int{8, 10, load}, [3]int{11, 12, fence}, [3]int{13, 14, load})
	if parts := xs.Split(Key(kmsg.SyncGroup)); len(parts) != 3 || len(parts[0]) != 1 || len(parts[1]) != 4 || len(parts[2]) != 2 {
		t.Errorf("parts:\n%v", parts)
	}
	if err := xs.FencesFirst(); err != nil {
		t.Errorf("a fence of the next generation does not count: %v", err)
	}
	if err := spoken([3]int{1, 2, sync}, [3]int{3, 6, fence}, [3]int{4, 5, load}).FencesFirst(); err == nil {
		t.Error("a fence without answer when the offset is fetched was not seen")
	}
}

func TestJoinsIdleSeesAJoinWithAStepOpen(t *testing.T) {
	join, end := int(kmsg.JoinGroup), int(kmsg.EndTxn)
	if err := spoken([3]int{1, 2, end}, [3]int{3, 4, join}).JoinsIdle(); err != nil {
		t.Error(err)
	}
	if err := spoken([3]int{1, 4, end}, [3]int{2, 3, join}).JoinsIdle(); err == nil {
		t.Error("answered too late: not seen")
	}
	xs := spoken([3]int{1, 0, end}, [3]int{3, 4, join})
	if err := xs.JoinsIdle(); err == nil {
		t.Error("never answered: not seen")
	}
	if xs[0].Failed = (Moment{Order: 2}); xs.JoinsIdle() != nil {
		t.Error("a step that is known to have failed is not waited for")
	}
}

func TestTheTraceTellsWhatTheHostWasToldFromWhatTheBrokerDid(t *testing.T) {
	for act, want := range map[Act]string{Reset: "lost", Lose: "landed lost", Stray: "landed lost", Pass: "answered"} {
		xs := toyTrace(t, none, Nth(2, Key(kmsg.EndTxn), Fault{Act: act, Delay: 10 * time.Millisecond}))
		x := xs.Where(Key(kmsg.EndTxn))[1]
		got := ""
		for _, s := range []struct {
			word string
			is   bool
		}{{"answered", x.Answered()}, {"landed", x.Landed.Order != 0}, {"lost", x.Lost != nil}} {
			if s.is && got != "" {
				got += " "
			}
			if s.is {
				got += s.word
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s: %v", act, got, want, x)
		}
	}
}

func TestARequestWaitsForWhatOvertakesIt(t *testing.T) {
	Bubble(t, toyTopics, func(w *World) {
		w.Append(&kgo.Record{Topic: "in", Value: []byte("0")})
		// The first life dies with its EndTxn in the network; that lands just before the second life fences.
		faults := Nth(1, Key(kmsg.EndTxn), Fault{Act: Late, Until: All(On("toy.2"), Key(kmsg.InitProducerID))})
		w.Keep("toy", none.run, faults, 5*time.Second)
		w.Still(12*time.Second, time.Minute)
		xs := w.Trace.All()
		late, fence := xs.Where(Key(kmsg.EndTxn))[0], xs.Where(All(On("toy.2"), Key(kmsg.InitProducerID)))[0]
		if late.Landed.Order < fence.Sent.Order || late.Landed.Order > fence.Done.Order || len(late.Codes()) != 0 {
			t.Errorf("late EndTxn and the fence:\n%v\n%v", late, fence)
		}
		if err := eachOnce(w.Committed("out")[0], 1); err != nil {
			t.Error(err)
		}
		if c := w.Offsets("g")["in"][0]; c.Offset != 1 {
			t.Errorf("committed offset %d, want 1", c.Offset)
		}
	})
}
