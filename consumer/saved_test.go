package consumer_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer"
)

// positionOf is a position record's value of format 1.
func positionOf(offset, checkpoint int64) []byte {
	b := append([]byte{1}, make([]byte, 16)...)
	b = binary.BigEndian.AppendUint64(b, uint64(offset))
	b = binary.BigEndian.AppendUint64(b, uint64(checkpoint))
	b = binary.BigEndian.AppendUint32(b, 3)
	return append(b, make([]byte, 16)...)
}

func TestACheckpointIsReadWithWhereItStands(t *testing.T) {
	withBroker(t, []string{"cp"}, func(t *testing.T, b *broker) {
		write := func(partition int32, key string, value []byte) {
			t.Helper()
			if err := b.plain.ProduceSync(t.Context(), &kgo.Record{Topic: "cp", Partition: partition, Key: []byte(key), Value: value}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		write(1, "/a", []byte("1"))
		write(1, "position", positionOf(5, 5))
		write(1, "/a", []byte("2"))
		write(1, "/b", nil)
		write(1, "position", positionOf(19, 7))
		var got []string
		restore := func(partition int32, key, value []byte) error {
			got = append(got, fmt.Sprintf("%d %s=%s %v", partition, key, value, value == nil))
			return nil
		}
		saved, err := b.ours.ReadCheckpoint(t.Context(), "cp", restore)
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(got, ", "); text != "1 a=1 false, 1 a=2 false, 1 b= true" {
			t.Error(text)
		}
		if s, ok := saved[1]; len(saved) != 1 || !ok || s.Position != 19 || s.Checkpoint != 7 || s.Revision != 3 || s.Time == 0 {
			t.Errorf("%+v", saved)
		}

		refused := errors.New("refused")
		if _, err := b.ours.ReadCheckpoint(t.Context(), "cp", func(int32, []byte, []byte) error { return refused }); !errors.Is(err, refused) || !strings.Contains(err.Error(), "cp/1 at 0") {
			t.Errorf("what restore says: %v", err)
		}
		write(0, "position", []byte{9})
		if _, err := b.ours.ReadCheckpoint(t.Context(), "cp", restore); err == nil || !strings.Contains(err.Error(), "cp/0 at 0") || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("a newer position: %v", err)
		}
	})
	withBroker(t, []string{"cp"}, func(t *testing.T, b *broker) {
		b.write(t, "cp", 0, "no key")
		_, err := b.ours.ReadCheckpoint(t.Context(), "cp", func(int32, []byte, []byte) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "delete the checkpoint topic") {
			t.Errorf("a foreign record: %v", err)
		}
	})
	var none *consumer.SetupError
	withBroker(t, nil, func(t *testing.T, b *broker) {
		if _, err := b.ours.ReadCheckpoint(t.Context(), "cp", nil); !errors.As(err, &none) {
			t.Errorf("a missing topic: %v", err)
		}
	})
}

func TestAPieceOfEachPartitionIsRead(t *testing.T) {
	withBroker(t, []string{"in"}, func(t *testing.T, b *broker) {
		b.write(t, "in", 0, "a", "b", "c", "d")
		b.write(t, "in", 1, "e", "f", "g")
		r, err := b.ours.NewRangeReader(t.Context(), "in", map[int32]consumer.Range{0: {1, 3}, 1: {2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got := values(t, r, -1); got != [2]string{"b c ", "g "} {
			t.Errorf("%q", got)
		}
		only, err := b.ours.NewRangeReader(t.Context(), "in", map[int32]consumer.Range{1: {0, 2}})
		if err != nil {
			t.Fatal(err)
		}
		defer only.Close()
		if got := values(t, only, -1); got != [2]string{"", "e f "} {
			t.Errorf("%q", got)
		}
		var none *consumer.SetupError
		if _, err := b.ours.NewRangeReader(t.Context(), "other", nil); !errors.As(err, &none) {
			t.Errorf("a missing topic: %v", err)
		}
	})
}

func TestThePositionOfTheLastCommitIsFoundWithoutTheKeys(t *testing.T) {
	withBroker(t, []string{"cp"}, func(t *testing.T, b *broker) {
		write := func(records ...*kgo.Record) {
			t.Helper()
			if err := b.plain.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		position := func(want int64, there bool) {
			t.Helper()
			s, ok, err := b.ours.ReadPosition(t.Context(), "cp", 1)
			if err != nil || ok != there || s.Position != want {
				t.Errorf("%+v, %v, %v; expected position %d, %v", s, ok, err, want, there)
			}
		}
		key := func(i int) *kgo.Record {
			return &kgo.Record{Topic: "cp", Partition: 1, Key: fmt.Appendf(nil, "/%d", i)}
		}
		write(key(0))
		position(0, false)
		write(&kgo.Record{Topic: "cp", Partition: 1, Key: []byte("position"), Value: positionOf(5, 5)}, key(1))
		position(5, true)
		many := make([]*kgo.Record, 6000) // more than are looked at first
		for i := range many {
			many[i] = key(i)
		}
		write(many...)
		position(5, true)
		write(&kgo.Record{Topic: "cp", Partition: 1, Key: []byte("position"), Value: positionOf(9, 5)})
		position(9, true)
	})
}

func TestWhatIsSettledDoesNotChangeAnyMore(t *testing.T) {
	withBroker(t, []string{"in"}, func(t *testing.T, b *broker) {
		b.write(t, "in", 0, "a", "b")
		if got, err := b.ours.Settled(t.Context(), "in"); err != nil || got[0] != (consumer.Range{From: 0, To: 2}) || got[1] != (consumer.Range{}) {
			t.Errorf("%v, %v", got, err)
		}
		txn := b.client(t, kgo.TransactionalID("t"), kgo.TransactionTimeout(40*time.Second))
		if err := txn.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := txn.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Partition: 1, Value: []byte("c")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			<-time.After(5 * time.Second) // of virtual time
			ended <- txn.EndTransaction(t.Context(), kgo.TryCommit)
		}()
		began := time.Now()
		got, err := b.ours.Settled(t.Context(), "in")
		if waited := time.Since(began); err != nil || got[1] != (consumer.Range{From: 0, To: 1}) || waited < 5*time.Second {
			t.Errorf("%v, %v after %v", got, err, waited)
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if err := txn.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := txn.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Partition: 1, Value: []byte("d")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ours.Settled(t.Context(), "in"); err == nil || !strings.Contains(err.Error(), "a transaction in topic in has been open for more than 30s") {
			t.Errorf("a transaction that does not end: %v", err)
		}
		var none *consumer.SetupError
		if _, err := b.ours.Settled(t.Context(), "other"); !errors.As(err, &none) {
			t.Errorf("a missing topic: %v", err)
		}
	})
}
