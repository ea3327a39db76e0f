package consumer

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/wire"
)

// committedOffset is the group's offset of one partition.
type committedOffset struct {
	offset int64 // -1: none
	ours   bool  // it carries our metadata
}

// committed asks for a group's offset of one partition as committed transactions left it.
func (c *cluster) committed(ctx context.Context, group, topic string, id [16]byte, partition int32) (at committedOffset, err error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable, req.Group = true, group
	rt := kmsg.NewOffsetFetchRequestTopic()
	rt.Topic, rt.Partitions = topic, []int32{partition}
	req.Topics = append(req.Topics, rt)
	g := kmsg.NewOffsetFetchRequestGroup() // v8 and later
	g.Group = group
	gt := kmsg.NewOffsetFetchRequestGroupTopic()
	gt.Topic, gt.TopicID, gt.Partitions = topic, id, rt.Partitions
	g.Topics = append(g.Topics, gt)
	req.Groups = append(req.Groups, g)
	route, lost := c.toCoordinator(groups, group)
	err = c.persist(ctx, 2*requestTimeout, ask{what: "OffsetFetch", route: route, lost: lost, rights: rights{29: "Read on topic " + topic, 30: "Read on group " + group},
		send: func(ctx context.Context, node int32) (code int16, err error) {
			ctx, cancel := context.WithTimeout(ctx, requestTimeout)
			defer cancel()
			res, err := wire.Do[*kmsg.OffsetFetchResponse](ctx, c.client, node, req)
			if err != nil {
				return 0, err
			}
			at, code = readCommitted(res)
			return code, nil
		}})
	return at, err
}

func readCommitted(res *kmsg.OffsetFetchResponse) (at committedOffset, code int16) {
	at.offset = -1
	if res.ErrorCode != 0 {
		return at, res.ErrorCode
	}
	for i := range res.Groups {
		if res.Groups[i].ErrorCode != 0 {
			return at, res.Groups[i].ErrorCode
		}
		for j := range res.Groups[i].Topics {
			for _, p := range res.Groups[i].Topics[j].Partitions {
				return committedOffset{p.Offset, text(p.Metadata) == offsetMetadata && p.Offset >= 0}, p.ErrorCode
			}
		}
	}
	for i := range res.Topics {
		for _, p := range res.Topics[i].Partitions {
			return committedOffset{p.Offset, text(p.Metadata) == offsetMetadata && p.Offset >= 0}, p.ErrorCode
		}
	}
	return at, 0
}

// commit commits offsets of one topic outside any transaction, under the generation's number and member: it is refused
// unless they are the live ones. Where no answer comes the generation is over, and the same is to be said in the next: only
// that keeps a request that is still in the network from taking the group back behind a later commit.
func (g *generation) commit(ctx context.Context, topic string, id [16]byte, offsets map[int32]int64) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = g.group, g.number, g.member, g.instanceID()
	rt := kmsg.NewOffsetCommitRequestTopic()
	rt.Topic, rt.TopicID = topic, id
	for _, p := range slices.Sorted(maps.Keys(offsets)) {
		rp := kmsg.NewOffsetCommitRequestTopicPartition()
		rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p, offsets[p], -1, kmsg.StringPtr(offsetMetadata)
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	route, lost := g.cluster.toCoordinator(groups, g.group)
	return g.cluster.persist(ctx, requestTimeout, ask{what: "OffsetCommit of group " + g.group, route: route, lost: lost,
		rights: rights{29: "Read on topic " + topic, 30: "Read on group " + g.group},
		send: func(ctx context.Context, node int32) (int16, error) {
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			res, err := wire.Do[*kmsg.OffsetCommitResponse](ctx, g.client, node, req)
			if err != nil && !errors.Is(err, wire.ErrNotSent) {
				err = &fault{fate: fateEnd, what: "OffsetCommit of group " + g.group, err: err}
			}
			if err != nil {
				return 0, err
			}
			return worstOf(res, len(offsets))
		}})
}

// worstOf is the error code that decides what becomes of a commit of n partitions.
func worstOf(res *kmsg.OffsetCommitResponse, n int) (worst int16, err error) {
	for i := range res.Topics {
		for _, p := range res.Topics[i].Partitions {
			if n--; fateOf(p.ErrorCode) > fateOf(worst) {
				worst = p.ErrorCode
			}
		}
	}
	if n != 0 {
		return 0, errors.New("an answer without all partitions")
	}
	return worst, nil
}
