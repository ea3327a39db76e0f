package embedded

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestABatchSentAgainAfterAKillIsTakenOnce: the broker dies behind the write of a batch and before its answer; its producer,
// which lives on, sends it again.
func TestABatchSentAgainAfterAKillIsTakenOnce(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := start(t, data)
	var batches [][]byte
	b.fake.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.fake.KeepControl()
		batches = append(batches, bytes.Clone(req.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records))
		return nil, nil, false
	})
	c := connect(t, b)
	for _, v := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		produce(t, c, &kgo.Record{Topic: "one", Value: []byte(v)})
	}
	c.Close()
	after := killed(t, data)
	b.Close()

	b = start(t, after)
	defer b.Close()
	c = connect(t, b)
	send := func(batch []byte) int64 {
		t.Helper()
		req := kmsg.NewPtrProduceRequest()
		req.Acks, req.TimeoutMillis = -1, 5000
		rt := kmsg.NewProduceRequestTopic()
		rt.Topic, rt.TopicID = "one", b.fake.TopicInfo("one").TopicID
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Records = batch
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		res, err := req.RequestWith(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if p := res.Topics[0].Partitions[0]; p.ErrorCode == 0 {
			return p.BaseOffset
		}
		return -1
	}
	if len(batches) != 7 {
		t.Fatalf("%d batches", len(batches))
	}
	for i, want := range []int64{2, 3, 4, 5, 6} {
		if got := send(batches[i+2]); got != want {
			t.Errorf("batch %d sent again: offset %d", want, got)
		}
	}
	if got := send(batches[0]); got != -1 {
		t.Errorf("a batch from long ago was taken: offset %d", got)
	}
	c.Close()
	if got, want := committed(t, b), "one: a b c d e f g; three: ; two: "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestOnlyTheProducersThatWroteLastAreRemembered(t *testing.T) {
	t.Parallel()
	w, p := windows{}, partition{"one", 0}
	batch := make([]byte, atRecords)
	for id := range int64(mostWindows + 3) {
		batch[7], batch[6], batch[atProducer+7], batch[atProducer+6] = byte(id), byte(id>>8), byte(id), byte(id>>8)
		w.saw(p, batch)
	}
	w.saw(partition{"two", 0}, batch)
	w.forget(p)
	if len(w) != mostWindows+1 || w[windowKey{2, p}] != nil || w[windowKey{3, p}] == nil {
		t.Errorf("%d windows", len(w))
	}
}
