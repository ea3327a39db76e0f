package consumer

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/wire"
)

// Every code that Kafka has leads somewhere, and those with which the promises stand or fall lead where they must.
func TestFateOfEveryCode(t *testing.T) {
	want := map[*kerr.Error]fate{
		kerr.ConcurrentTransactions: fateAgain, kerr.UnstableOffsetCommit: fateAgain, kerr.NotEnoughReplicas: fateAgain,
		kerr.RequestTimedOut: fateAgain, kerr.CoordinatorLoadInProgress: fateAgain, kerr.OffsetNotAvailable: fateAgain,
		kerr.NotLeaderForPartition: fateRoute, kerr.NotCoordinator: fateRoute, kerr.CoordinatorNotAvailable: fateRoute,
		kerr.KafkaStorageError: fateRoute, kerr.UnknownServerError: fateRoute,
		kerr.InvalidProducerEpoch: fateDrop, kerr.ProducerFenced: fateDrop, kerr.InvalidTxnState: fateDrop,
		kerr.OutOfOrderSequenceNumber: fateDrop, kerr.UnknownProducerID: fateDrop, kerr.InvalidProducerIDMapping: fateDrop,
		kerr.IllegalGeneration: fateEnd, kerr.UnknownMemberID: fateEnd, kerr.RebalanceInProgress: fateEnd, kerr.FencedInstanceID: fateEnd,
		kerr.TransactionalIDAuthorizationFailed: fateDenied, kerr.TopicAuthorizationFailed: fateDenied, kerr.GroupAuthorizationFailed: fateDenied,
		kerr.MessageTooLarge: fateStop, kerr.InvalidTransactionTimeout: fateStop, kerr.InvalidRequest: fateStop,
	}
	for e, f := range want {
		if got := fateOf(e.Code); got != f {
			t.Errorf("%s: %v, want %v", e.Message, got, f)
		}
	}
	for code := int16(-1); code < 140; code++ {
		if e := kerr.ErrorForCode(code); e != nil && kerr.IsRetriable(e) && fateOf(code) > fateRoute {
			t.Errorf("%d %v is retriable for Kafka's clients, and %v here", code, e, fateOf(code))
		}
	}
	if fateOf(0) != fateDone {
		t.Error("no error is not done")
	}
}

// A request that a broker does not know ends the process, also where the fate of an answer that does not come is unknown: no
// repetition mends it. Any other error of the transport does not.
func TestFateOfARequestThatTheBrokerLacks(t *testing.T) {
	lacking := fmt.Errorf("broker 1: %w", &wire.UnsupportedError{Key: 26, Min: 1, Max: 3, BrokerMin: -1, BrokerMax: -1})
	c := &cluster{}
	for _, unknown := range []bool{false, true} {
		for err, want := range map[error]fate{lacking: fateStop, wire.ErrNotSent: map[bool]fate{false: fateRoute, true: fateDrop}[unknown]} {
			a := ask{what: "EndTxn", unknown: unknown, route: func(context.Context) (int32, error) { return 1, nil },
				send: func(context.Context, int32) (int16, error) { return 0, err }}
			if f := c.once(t.Context(), a); f == nil || f.fate != want {
				t.Errorf("%v, unknown fate %v: %v, want %v", err, unknown, f, want)
			}
		}
	}
}

// A tick that a cut of the log took away does not keep the next from being sent for ever.
func TestTickThatIsNeverRead(t *testing.T) {
	sent := time.Unix(100, 0)
	b := brokerClock{pending: 7, sent: sent}
	for after, want := range map[time.Duration]bool{0: true, tickLost - 1: true, tickLost: false} {
		if b.unread(7, sent.Add(after)) != want {
			t.Errorf("%v after it was sent: unread is %v, want %v", after, !want, want)
		}
	}
	if b.unread(8, sent) {
		t.Error("a tick that was read is unread")
	}
}

func TestCommittedOffsetOfAnOldAndANewAnswer(t *testing.T) {
	old := &kmsg.OffsetFetchResponse{Topics: []kmsg.OffsetFetchResponseTopic{{Partitions: []kmsg.OffsetFetchResponseTopicPartition{{Offset: 7, Metadata: kmsg.StringPtr("retrainer")}}}}}
	if at, code := readCommitted(old); at != (committedOffset{7, true}) || code != 0 {
		t.Errorf("v7: %v, %d", at, code)
	}
	by := kmsg.OffsetFetchResponseGroup{Topics: []kmsg.OffsetFetchResponseGroupTopic{{Partitions: []kmsg.OffsetFetchResponseGroupTopicPartition{{Offset: 8, Metadata: kmsg.StringPtr("")}}}}}
	if at, code := readCommitted(&kmsg.OffsetFetchResponse{Groups: []kmsg.OffsetFetchResponseGroup{by}}); at != (committedOffset{8, false}) || code != 0 {
		t.Errorf("v8: %v, %d", at, code)
	}
	by.Topics[0].Partitions[0].ErrorCode = 88
	if _, code := readCommitted(&kmsg.OffsetFetchResponse{Groups: []kmsg.OffsetFetchResponseGroup{by}}); code != 88 {
		t.Errorf("a partition's error was lost: %d", code)
	}
}

func TestPositionReadsBack(t *testing.T) {
	p := position{topicID: [16]byte{1, 15: 2}, offset: 1 << 40, checkpoint: 1<<40 - 5, revision: noRevision, writer: [16]byte{3}}
	got, err := readPosition(p.append(nil))
	if err != nil || got != p {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAPositionThatCannotBeReadSaysHowToGoOn(t *testing.T) {
	whole := (&position{offset: 9, checkpoint: 4}).append(nil)
	backwards := (&position{offset: 4, checkpoint: 9}).append(nil)
	for name, c := range map[string]struct {
		value []byte
		way   string
	}{
		"nothing":            {nil, rebuilding},
		"cut":                {whole[:20], rebuilding},
		"checkpoint too far": {backwards, rebuilding},
		"a later format":     {append([]byte{positionFormat + 1}, whole[1:]...), "run the newer version"},
	} {
		if _, err := readPosition(c.value); err == nil || !strings.HasSuffix(err.Error(), c.way) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A generation that ends while a task waits for a revision ends the task, not the process.
func TestWaitingForARevisionEndsWithTheGeneration(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newRevisions("policy").get(ctx, 7); fateOfError(err) != fateEnd {
		t.Errorf("%v: %v", fateOfError(err), err)
	}
	synctest.Test(t, func(t *testing.T) {
		if _, err := newRevisions("policy").get(t.Context(), 7); fateOfError(err) != fateStop || !strings.Contains(err.Error(), "revision 7") {
			t.Errorf("%v: %v", fateOfError(err), err)
		}
	})
}

func FuzzPosition(f *testing.F) {
	p := position{offset: 9, checkpoint: 4}
	f.Add(p.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readPosition(b)
		if err != nil {
			if fateOfError(err) != fateStop {
				t.Fatalf("a position that cannot be read must stop the process: %v", err)
			}
			return
		}
		if string(p.append(nil)) != string(b) {
			t.Fatalf("%x reads as %v", b, p)
		}
	})
}
