package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (w *World) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}

// Append writes records as a plain producer and waits for the answers. Partition counts, not the key.
func (w *World) Append(records ...*kgo.Record) {
	w.T.Helper()
	ctx, stop := w.bounded()
	defer stop()
	if err := w.plain.ProduceSync(ctx, records...).FirstErr(); err != nil {
		w.T.Errorf("append: %v", err)
	}
}

// Feed appends one record after the other, so much apart, from a goroutine of its own; wait returns after the last.
func (w *World) Feed(n int, apart time.Duration, record func(i int) *kgo.Record) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			w.Append(record(i))
			time.Sleep(apart)
		}
	}()
	return func() { <-done }
}

// Committed is what a reader with isolation read_committed finds in a topic, by partition, in order.
func (w *World) Committed(topic string) [][]*kgo.Record {
	w.T.Helper()
	out := make([][]*kgo.Record, len(w.Cluster.PartitionInfos(topic)))
	for p := range out {
		err := w.scan(topic, int32(p), kgo.ReadCommitted(), func(f *kmsg.FetchResponseTopicPartition, from int64) (int64, error) {
			o := kgo.ProcessFetchPartitionOpts{Offset: from, IsolationLevel: kgo.ReadCommitted(), Topic: topic, Partition: int32(p)}
			got, next := kgo.ProcessFetchPartition(o, f, decompressor{}, nil)
			out[p] = append(out[p], got.Records...)
			return next, got.Err
		})
		if err != nil {
			w.T.Errorf("read %s/%d: %v", topic, p, err)
		}
	}
	return out
}

// Batches is the log of a partition as it stands, control batches and open transactions included.
func (w *World) Batches(topic string, partition int32) (bs []kmsg.RecordBatch) {
	w.T.Helper()
	err := w.scan(topic, partition, kgo.ReadUncommitted(), func(f *kmsg.FetchResponseTopicPartition, from int64) (int64, error) {
		for raw := f.RecordBatches; len(raw) > 12; {
			n := 12 + int(binary.BigEndian.Uint32(raw[8:]))
			if n > len(raw) {
				break
			}
			var b kmsg.RecordBatch
			if err := b.ReadFrom(raw[:n]); err != nil {
				return from, err
			}
			bs = append(bs, b)
			from = b.FirstOffset + int64(b.LastOffsetDelta) + 1
			raw = raw[n:]
		}
		return from, nil
	})
	if err != nil {
		w.T.Errorf("read %s/%d: %v", topic, partition, err)
	}
	return bs
}

// scan fetches a partition from its start until an answer brings nothing more.
func (w *World) scan(topic string, partition int32, level kgo.IsolationLevel, take func(*kmsg.FetchResponseTopicPartition, int64) (int64, error)) error {
	ctx, stop := w.bounded()
	defer stop()
	from := w.Cluster.PartitionInfo(topic, partition).LogStartOffset
	for {
		r := kmsg.NewPtrFetchRequest()
		// kfake leaves out the aborted list when MaxBytes ends an answer inside a partition.
		r.MaxBytes, r.SessionEpoch = 1<<30, -1
		if level == kgo.ReadCommitted() {
			r.IsolationLevel = 1
		}
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = topic, w.Cluster.TopicInfo(topic).TopicID
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, from, 1<<24
		t.Partitions = append(t.Partitions, p)
		r.Topics = append(r.Topics, t)
		answer, err := r.RequestWith(ctx, w.plain.Broker(int(w.Cluster.LeaderFor(topic, partition))))
		if err != nil {
			return err
		}
		if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
			return fmt.Errorf("fetch: one partition asked, %d topics answered, code %d", len(answer.Topics), answer.ErrorCode)
		}
		f := &answer.Topics[0].Partitions[0]
		if err := kerr.ErrorForCode(f.ErrorCode); err != nil {
			return err
		}
		next, err := take(f, from)
		if err != nil || next == from {
			return err
		}
		from = next
	}
}

// Offsets are a group's committed offsets and their metadata, by topic and partition.
func (w *World) Offsets(group string) map[string]map[int32]kfake.GroupCommit {
	g := w.Cluster.GroupInfo(group)
	if g == nil {
		return nil
	}
	return g.Commits
}

// ResetOffset moves a committed offset by hand, as kafka-consumer-groups --reset-offsets does: the group must have no
// members. -2 is the log's start, -1 its end.
func (w *World) ResetOffset(group, topic string, partition int32, offset int64) {
	w.T.Helper()
	switch i := w.Cluster.PartitionInfo(topic, partition); offset {
	case -2:
		offset = i.LogStartOffset
	case -1:
		offset = i.HighWatermark
	}
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group = group
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic, t.TopicID = topic, w.Cluster.TopicInfo(topic).TopicID
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = partition, offset
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	ctx, stop := w.bounded()
	defer stop()
	answer, err := r.RequestWith(ctx, w.plain)
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		w.T.Errorf("reset %s %s/%d: %v", group, topic, partition, err)
	}
}

// Widen adds partitions to a topic, as an operator does.
func (w *World) Widen(topic string, partitions int32) {
	w.T.Helper()
	r := kmsg.NewPtrCreatePartitionsRequest()
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = topic, partitions
	r.Topics = append(r.Topics, rt)
	for _, t := range w.Ask(r).(*kmsg.CreatePartitionsResponse).Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			w.T.Fatalf("widen %s: %v", topic, err)
		}
	}
	w.plain.ForceMetadataRefresh()
	time.Sleep(time.Second)
}

// Ask sends any request beside the instances and gives the answer.
func (w *World) Ask(r kmsg.Request) kmsg.Response {
	w.T.Helper()
	ctx, stop := w.bounded()
	defer stop()
	answer, err := w.plain.Request(ctx, r)
	if err != nil {
		w.T.Fatalf("%s: %v", kmsg.NameForKey(r.Key()), err)
	}
	return answer
}

// Remake deletes a topic and makes it again, empty and with another id.
func (w *World) Remake(topic string, partitions int32) {
	w.T.Helper()
	if err := w.Cluster.DeleteTopic(topic); err != nil {
		w.T.Fatal(err)
	}
	if err := w.Cluster.CreateTopic(topic, partitions, nil); err != nil {
		w.T.Fatal(err)
	}
	w.Trace.learn(w.Cluster.TopicInfo(topic).TopicID, topic)
	w.plain.ForceMetadataRefresh()
	w.plain.PurgeTopicsFromProducing(topic)
}
