//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// widen gives a topic more partitions, as its owner does.
func (c *cluster) widen(ctx context.Context, topic string, partitions int32) {
	c.t.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = topic, partitions
	req.Topics = append(req.Topics, t)
	res, err := req.RequestWith(ctx, c.client)
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].ErrorCode)
	}
	if err != nil {
		c.t.Fatalf("more partitions for %s: %v", topic, err)
	}
}

// remove deletes a topic and waits until the cluster does not name it any more.
func (c *cluster) remove(ctx context.Context, topic string) {
	c.t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = &topic
	req.Topics, req.TopicNames = append(req.Topics, t), []string{topic}
	res, err := req.RequestWith(ctx, c.client)
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].ErrorCode)
	}
	for err == nil {
		m := kmsg.NewPtrMetadataRequest()
		mt := kmsg.NewMetadataRequestTopic()
		mt.Topic = &topic
		m.Topics = append(m.Topics, mt)
		var named *kmsg.MetadataResponse
		if named, err = m.RequestWith(ctx, c.client); err == nil && named.Topics[0].ErrorCode == kerr.UnknownTopicOrPartition.Code {
			return
		}
		_ = wait(ctx, 50*time.Millisecond)
	}
	c.t.Fatalf("deleting %s: %v", topic, err)
}

// create makes a topic as somebody does who does not know of `topics apply`.
func (c *cluster) create(ctx context.Context, topic string, partitions int32) {
	c.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, partitions, -1
	req.Topics, req.TimeoutMillis = append(req.Topics, t), 5000
	res, err := req.RequestWith(ctx, c.client)
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].ErrorCode)
	}
	if err != nil {
		c.t.Fatalf("making %s: %v", topic, err)
	}
}

// address of a broker.
func (c *cluster) address(node int32) string { return strings.Split(c.brokers, ",")[node-1] }

// whole waits until every replica of every partition has what is committed, so that another broker may be away.
func (c *cluster) whole(ctx context.Context) {
	c.t.Helper()
	for {
		m := kmsg.NewPtrMetadataRequest()
		m.Topics = nil // all
		res, err := m.RequestWith(ctx, c.client)
		lacking := fmt.Sprint(err)
		if err == nil {
			lacking = ""
			for _, t := range res.Topics {
				for _, p := range t.Partitions {
					if len(p.ISR) < len(p.Replicas) || p.Leader < 0 {
						lacking += fmt.Sprintf("%s/%d ", *t.Topic, p.Partition)
					}
				}
			}
			if lacking == "" {
				return
			}
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			c.t.Fatalf("waiting until all replicas are in sync: %v; not yet: %s", err, lacking)
		}
	}
}
