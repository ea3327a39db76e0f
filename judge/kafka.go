package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const readCommitted = 1

// kafka reads whole topics as they stand: committed records only.
type kafka struct {
	seeds []string
	admin *kgo.Client
	ids   map[string][16]byte // topic ids (KIP-516), of the topics asked for so far
}

func dial(seeds []string) (*kafka, error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(seeds...))
	return &kafka{seeds, c, map[string][16]byte{}}, err
}

func (k *kafka) Close() { k.admin.Close() }

// bounds of a partition: the first offset, the one after the last record that is decided, the one after the last.
type bounds struct{ start, stable, high int64 }

func (k *kafka) bounds(ctx context.Context, topic string) (map[int32]*bounds, error) {
	m := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	m.Topics = append(m.Topics, t)
	meta, err := m.RequestWith(ctx, k.admin)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(meta.Topics[0].ErrorCode); err != nil {
		return nil, fmt.Errorf("topic %s: %w", topic, err)
	}
	k.ids[topic] = meta.Topics[0].TopicID
	all := map[int32]*bounds{}
	for _, p := range meta.Topics[0].Partitions {
		all[p.Partition] = &bounds{}
	}
	for _, ask := range []struct {
		isolation int8
		time      int64
		to        func(*bounds) *int64
	}{
		{0, -2, func(b *bounds) *int64 { return &b.start }},
		{readCommitted, -1, func(b *bounds) *int64 { return &b.stable }},
		{0, -1, func(b *bounds) *int64 { return &b.high }},
	} {
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID, req.IsolationLevel = -1, ask.isolation
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = topic
		for p := range all {
			rp := kmsg.NewListOffsetsRequestTopicPartition()
			rp.Partition, rp.Timestamp = p, ask.time
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
		res, err := req.RequestWith(ctx, k.admin)
		if err != nil {
			return nil, err
		}
		for _, t := range res.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("%s/%d: %w", topic, p.Partition, err)
				}
				*ask.to(all[p.Partition]) = p.Offset
			}
		}
	}
	return all, nil
}

// hanging reports transactions that are still open.
func (k *kafka) hanging(topic string, all map[int32]*bounds, r *report) {
	for _, p := range sorted(all) {
		if b := all[p]; b.stable < b.high {
			r.mismatch("%s/%d: a transaction is open from %d on; the log ends at %d", topic, p, b.stable, b.high)
		}
	}
}

// read hands over every committed record of a topic, each partition in order.
// next is, by partition, the offset after the last record that was handed over.
func (k *kafka) read(ctx context.Context, topic string, r *report, each func(*kgo.Record)) (next map[int32]int64, err error) {
	all, err := k.bounds(ctx, topic)
	if err != nil {
		return nil, err
	}
	k.hanging(topic, all, r)
	next = map[int32]int64{}
	offsets := map[int32]kgo.Offset{}
	for _, p := range sorted(all) {
		b := all[p]
		next[p] = 0
		if b.start < b.stable {
			offsets[p] = kgo.NewOffset().At(b.start)
		}
	}
	if len(offsets) == 0 {
		return next, nil
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(k.seeds...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		// An answer is limited by partition only: kfake leaves the aborted list out where a whole answer is cut.
		kgo.FetchMaxBytes(1<<30), kgo.BrokerMaxReadBytes(1<<30), kgo.FetchMaxPartitionBytes(4<<20))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for left := len(offsets); left > 0; {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("reading %s: %w", topic, err)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			if rec.Offset >= all[rec.Partition].stable {
				return
			}
			if rec.Offset == all[rec.Partition].stable-1 {
				left-- // control records are kept, so the last one is always seen
			}
			if !rec.Attrs.IsControl() {
				next[rec.Partition] = rec.Offset + 1
				each(rec)
			}
		})
	}
	return next, nil
}

// committed are a group's offsets of a topic, by partition; -1: none.
func (k *kafka) committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	all, err := k.bounds(ctx, topic) // learns the topic's id
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.RequireStable = group, true
	rt := kmsg.NewOffsetFetchRequestTopic()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	gt := kmsg.NewOffsetFetchRequestGroupTopic()
	rt.Topic, gt.Topic, gt.TopicID = topic, topic, k.ids[topic]
	for p := range all {
		rt.Partitions, gt.Partitions = append(rt.Partitions, p), append(gt.Partitions, p)
	}
	req.Topics, g.Topics = append(req.Topics, rt), append(g.Topics, gt)
	req.Groups = append(req.Groups, g)
	res, err := req.RequestWith(ctx, k.admin)
	if err != nil {
		return nil, err
	}
	offsets := map[int32]int64{}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			offsets[p.Partition] = p.Offset
		}
	}
	for _, g := range res.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return nil, fmt.Errorf("offsets of group %s: %w", group, err)
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("offset of group %s, %s/%d: %w", group, topic, p.Partition, err)
				}
				offsets[p.Partition] = p.Offset
			}
		}
	}
	return offsets, nil
}

// folded checks that the group's committed offsets have come to the end of an input.
func (k *kafka) folded(ctx context.Context, group, topic string, next map[int32]int64, r *report) error {
	offsets, err := k.committed(ctx, group, topic)
	if err != nil {
		return err
	}
	for _, p := range sorted(next) {
		if offsets[p] < next[p] {
			r.mismatch("%s/%d: committed offset %d, the last record is at %d: not folded to its end", topic, p, offsets[p], next[p]-1)
		}
	}
	return nil
}

func sorted[K int32 | int64 | string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func header(rec *kgo.Record, key string) string {
	for _, h := range rec.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
