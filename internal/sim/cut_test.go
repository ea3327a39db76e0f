package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// copied is a world in which the toy has copied n records, and the toy's connection for more: out holds a record and a
// marker for each.
func copied(t *testing.T, n int, then func(w *World, hand *toy)) {
	t.Helper()
	Bubble(t, toyTopics, func(w *World) {
		hand := &toy{dial: w.net.dial}
		if err := hand.fence(); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := hand.publish(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.Batches("out", 0); len(got) != 2*n {
			t.Fatalf("%d batches, want %d", len(got), 2*n)
		}
		then(w, hand)
		hand.hangUp()
	})
}

func (w *World) values(topic string) (vs []string) {
	for _, r := range w.Committed(topic)[0] {
		vs = append(vs, string(r.Value))
	}
	return vs
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestACutPartitionEndsBeforeAndGivesItsOffsetsOutAgain(t *testing.T) {
	copied(t, 4, func(w *World, hand *toy) {
		epoch := w.Cluster.PartitionInfo("out", 0).Epoch
		w.CutPartition("out", 0, 4)
		i := w.Cluster.PartitionInfo("out", 0)
		equal(t, "high watermark, stable, epochs on", []int64{i.HighWatermark, i.LastStableOffset, int64(i.Epoch - epoch)}, []int64{4, 4, 1})
		equal(t, "committed", w.values("out"), []string{"0", "1"})
		if err := hand.publish("new"); err != nil {
			t.Fatal(err)
		}
		got := w.Committed("out")[0]
		equal(t, "committed", w.values("out"), []string{"0", "1", "new"})
		equal(t, "offset of the new one", got[2].Offset, 4)
	})
}

func TestACutInsideATransactionLeavesItOpen(t *testing.T) {
	copied(t, 4, func(w *World, hand *toy) {
		w.CutPartition("out", 0, 7)
		i := w.Cluster.PartitionInfo("out", 0)
		equal(t, "high watermark, stable", []int64{i.HighWatermark, i.LastStableOffset}, []int64{7, 6})
		equal(t, "committed", w.values("out"), []string{"0", "1", "2"})
	})
}

func TestAnEmptiedPartitionStartsAtZero(t *testing.T) {
	copied(t, 3, func(w *World, hand *toy) {
		w.EmptyPartition("out", 0)
		i := w.Cluster.PartitionInfo("out", 0)
		equal(t, "start, high watermark, stable", []int64{i.LogStartOffset, i.HighWatermark, i.LastStableOffset}, []int64{0, 0, 0})
		equal(t, "committed", w.values("out"), []string{})
		if err := hand.publish("new"); err != nil {
			t.Fatal(err)
		}
		equal(t, "committed", w.values("out"), []string{"new"})
		equal(t, "batches", len(w.Batches("out", 0)), 2)
	})
}

// As Apache Kafka 4.4 does with a segment cut by hand (docs/model/MODEL.md, rule 2).
func TestALostMarkerHoldsTheStableOffsetUntilItsIdAborts(t *testing.T) {
	copied(t, 3, func(w *World, hand *toy) {
		stable := func() int64 { return w.Cluster.PartitionInfo("out", 0).LastStableOffset }
		w.LoseLastMarker("out", 0)
		equal(t, "stable", stable(), 4)
		equal(t, "committed", w.values("out"), []string{"0", "1"})
		if err := hand.fence(); err != nil {
			t.Fatal(err)
		}
		equal(t, "stable after the next epoch's fence", stable(), 4)
		if err := hand.abort(); err != nil {
			t.Fatal(err)
		}
		equal(t, "stable after an abort under it", stable(), 6)
		equal(t, "committed", w.values("out"), []string{"0", "1"})
		if err := hand.publish("new"); err != nil {
			t.Fatal(err)
		}
		equal(t, "committed", w.values("out"), []string{"0", "1", "new"})
	})
}

func TestACutMovesThePartitionToAnotherBroker(t *testing.T) {
	cfg := toyTopics
	cfg.Brokers = 3
	Bubble(t, cfg, func(w *World) {
		w.Append(&kgo.Record{Topic: "out", Value: []byte("0")})
		w.Append(&kgo.Record{Topic: "out", Value: []byte("1")})
		before := w.Cluster.LeaderFor("out", 0)
		w.CutPartition("out", 0, 1)
		equal(t, "leader", w.Cluster.LeaderFor("out", 0), (before+1)%3)
		w.Append(&kgo.Record{Topic: "out", Value: []byte("new")})
		equal(t, "committed", w.values("out"), []string{"0", "new"})
	})
}

func TestAReaderWaitingAtTheOldEndIsToldThatItIsOutOfRange(t *testing.T) {
	copied(t, 3, func(w *World, hand *toy) {
		hand.offset = 6
		answered := make(chan error, 1)
		go func() {
			_, err := hand.fetchFrom("out")
			answered <- err
		}()
		time.Sleep(100 * time.Millisecond)
		w.CutPartition("out", 0, 2)
		equal(t, "long poll", <-answered, "OFFSET_OUT_OF_RANGE: The requested offset is not within the range of offsets maintained by the server.")
	})
}

func TestAnOffsetIsResetByHand(t *testing.T) {
	copied(t, 3, func(w *World, hand *toy) {
		w.Append(&kgo.Record{Topic: "in", Value: []byte("x")}, &kgo.Record{Topic: "in", Value: []byte("y")})
		equal(t, "committed offset", w.Offsets("g")["in"][0].Offset, 3)
		w.ResetOffset("g", "in", 0, -2)
		equal(t, "to earliest", w.Offsets("g")["in"][0].Offset, 0)
		w.ResetOffset("g", "in", 0, -1)
		equal(t, "to latest", w.Offsets("g")["in"][0].Offset, 2)
	})
}

func (t *toy) abort() error {
	add := kmsg.NewPtrAddPartitionsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch = toyTxn, t.pid, t.epoch
	at := kmsg.NewAddPartitionsToTxnRequestTopic()
	at.Topic, at.Partitions = "out", []int32{0}
	add.Topics = append(add.Topics, at)
	if _, err := add.RequestWith(bg, t); err != nil {
		return err
	}
	return t.end(false)
}
