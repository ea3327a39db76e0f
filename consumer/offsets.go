package consumer

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/wire"
)

// From is where reading begins in each partition; zero: at the log's start.
type From struct {
	End    bool      // what comes from now on
	Offset int64     // where neither End nor Time is set: this offset, or the log's start or end if it lies outside
	Time   time.Time // the first record at or after it; the end, if none is that new
}

// offset finds the place in one partition; ask gives the offset at a time, at earliest or at latest.
func (f From) offset(ask func(at int64) (int64, error)) (int64, error) {
	switch {
	case f.End:
		return ask(latest)
	case !f.Time.IsZero():
		at, err := ask(max(0, f.Time.UnixMilli()))
		if err == nil && at < 0 { // no record is that new
			return ask(latest)
		}
		return at, err
	}
	first, err := ask(earliest)
	if err != nil || f.Offset <= first {
		return first, err
	}
	last, err := ask(latest)
	return min(f.Offset, last), err
}

// Times with a meaning of their own in ListOffsets.
const (
	latest   int64 = -1
	earliest int64 = -2
)

// offsetAt asks for the first offset at or after a time in milliseconds, for the log's start (earliest) or for its high
// watermark (latest). It is asked now, from the leader, as v5 or later: a new leader that does not know its high watermark
// says so (78) and is asked again.
func (c *cluster) offsetAt(ctx context.Context, topic string, partition int32, at int64) (int64, error) {
	return c.offsetOf(ctx, topic, partition, at, allRecords)
}

// Isolation levels of ListOffsets: with committedRecords, latest is the last stable offset, below which no transaction is open.
const (
	allRecords int8 = iota
	committedRecords
)

func (c *cluster) offsetOf(ctx context.Context, topic string, partition int32, at int64, isolation int8) (int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, isolation
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, at
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	offset := int64(-1)
	route, lost := c.toLeader(topic, partition)
	err := c.persist(ctx, requestTimeout, ask{what: fmt.Sprintf("offsets of %s/%d", topic, partition), route: route, lost: lost, rights: rights{29: toDescribe(topic)},
		send: func(ctx context.Context, node int32) (int16, error) {
			res, err := wire.Do[*kmsg.ListOffsetsResponse](ctx, c.client, node, req)
			if err != nil {
				return 0, err
			}
			if len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
				return 0, fmt.Errorf("an answer without the partition")
			}
			offset = res.Topics[0].Partitions[0].Offset
			return res.Topics[0].Partitions[0].ErrorCode, nil
		}})
	return offset, err
}
