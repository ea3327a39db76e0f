package consumer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/wire"
)

// Topic is a topic as it is, or as it shall be made.
type Topic struct {
	Name        string
	Partitions  int32
	Replication int16             // replicas of a partition; 0 in a topic to be made: the broker's default
	Configs     map[string]string // all that are in force; in a topic to be made those that differ from the broker's
	operations  int32             // what this client's principal may do with it, a bit each by its number; unknownOperations
}

// Brokers counts the brokers of the cluster.
func (c *Client) Brokers(ctx context.Context) (int, error) {
	res, err := c.metadata(ctx)
	if err != nil {
		return 0, err
	}
	return len(res.Brokers), nil
}

// Topics describes those of the topics that are there, by name.
func (c *Client) Topics(ctx context.Context, names ...string) (map[string]Topic, error) {
	there := map[string]Topic{}
	err := c.wait(ctx, func(ctx context.Context) error {
		res, err := c.metadata(ctx, names...)
		if err != nil {
			return err
		}
		clear(there)
		for i := range res.Topics {
			t := &res.Topics[i]
			switch f := fateOf(t.ErrorCode); {
			case t.ErrorCode == kerr.UnknownTopicOrPartition.Code: // it is not there, or not for us to see
			case t.ErrorCode != 0:
				return &fault{fate: f, what: "topic " + text(t.Topic), code: t.ErrorCode, want: toDescribe(text(t.Topic))}
			default:
				there[*t.Topic] = Topic{Name: *t.Topic, Partitions: int32(len(t.Partitions)), Replication: replicas(t.Partitions), operations: t.AuthorizedOperations}
			}
		}
		return nil
	})
	if err == nil && len(there) > 0 {
		err = c.wait(ctx, func(ctx context.Context) error { return c.describeConfigs(ctx, there) })
	}
	return there, err
}

// TopicNames are those of all topics that this client may see, in order, but for the cluster's own.
func (c *Client) TopicNames(ctx context.Context) (names []string, err error) {
	req := kmsg.NewPtrMetadataRequest() // no list of topics asks for all
	err = c.wait(ctx, func(ctx context.Context) error {
		res, err := wire.Do[*kmsg.MetadataResponse](ctx, c.wire, wire.AnyNode, req)
		if err != nil {
			return asFault("metadata", err)
		}
		names = names[:0]
		for i := range res.Topics {
			if t := &res.Topics[i]; t.ErrorCode == 0 && !t.IsInternal {
				names = append(names, *t.Topic)
			}
		}
		slices.Sort(names)
		return nil
	})
	return names, err
}

// replicas is the least number of replicas of a partition.
func replicas(partitions []kmsg.MetadataResponseTopicPartition) int16 {
	least := 0
	for i := range partitions {
		if n := len(partitions[i].Replicas); i == 0 || n < least {
			least = n
		}
	}
	return int16(least)
}

func (c *Client) describeConfigs(ctx context.Context, topics map[string]Topic) error {
	req := kmsg.NewPtrDescribeConfigsRequest()
	for _, n := range slices.Sorted(maps.Keys(topics)) {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, n
		req.Resources = append(req.Resources, r)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := wire.Do[*kmsg.DescribeConfigsResponse](ctx, c.wire, wire.AnyNode, req)
	if err != nil {
		return asFault("DescribeConfigs", err)
	}
	for i := range res.Resources {
		r := &res.Resources[i]
		if r.ErrorCode != 0 {
			return answer("configs of topic "+r.ResourceName, r.ErrorCode, r.ErrorMessage, "DescribeConfigs on topic "+r.ResourceName+", which AlterConfigs on it gives as well")
		}
		t := topics[r.ResourceName]
		t.Configs = map[string]string{}
		for j := range r.Configs {
			t.Configs[r.Configs[j].Name] = text(r.Configs[j].Value)
		}
		topics[r.ResourceName] = t
	}
	return nil
}

// CreateTopics makes topics and waits until the cluster names them. Those that are there already are left as they are.
func (c *Client) CreateTopics(ctx context.Context, topics ...Topic) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(requestTimeout.Milliseconds())
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = t.Name, t.Partitions, t.Replication
		if t.Replication == 0 {
			rt.ReplicationFactor = -1
		}
		for _, k := range slices.Sorted(maps.Keys(t.Configs)) {
			rc := kmsg.NewCreateTopicsRequestTopicConfig()
			rc.Name, rc.Value = k, kmsg.StringPtr(t.Configs[k])
			rt.Configs = append(rt.Configs, rc)
		}
		req.Topics = append(req.Topics, rt)
	}
	err := c.toController(ctx, func(ctx context.Context, node int32) error {
		res, err := wire.Do[*kmsg.CreateTopicsResponse](ctx, c.wire, node, req)
		if err != nil {
			return asFault("CreateTopics", err)
		}
		for i := range res.Topics {
			if code := res.Topics[i].ErrorCode; code != 0 && code != kerr.TopicAlreadyExists.Code {
				return answer("making topic "+res.Topics[i].Topic, code, res.Topics[i].ErrorMessage, "Create on topic "+res.Topics[i].Topic)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	const enough = 20 // tries, over a quarter of a minute: on a busy cluster a broker learns late of what the controller has made
	var missing []string
	err = c.wait(ctx, func(ctx context.Context) (err error) {
		missing, err = c.cluster.missing(ctx, names, enough)
		return err
	})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("topic %s was made, but the cluster does not name it yet: try again in a moment", strings.Join(missing, ", "))
	}
	return err
}

// AddPartitions gives a topic as many partitions as total says.
func (c *Client) AddPartitions(ctx context.Context, topic string, total int32) error {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = int32(requestTimeout.Milliseconds())
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = topic, total
	req.Topics = append(req.Topics, rt)
	return c.toController(ctx, func(ctx context.Context, node int32) error {
		res, err := wire.Do[*kmsg.CreatePartitionsResponse](ctx, c.wire, node, req)
		if err != nil {
			return asFault("CreatePartitions", err)
		}
		for i := range res.Topics {
			if code := res.Topics[i].ErrorCode; code != 0 {
				return answer("adding partitions to topic "+topic, code, res.Topics[i].ErrorMessage, "Alter on topic "+topic)
			}
		}
		return nil
	})
}

// SetConfigs sets configs of a topic and leaves the others.
func (c *Client) SetConfigs(ctx context.Context, topic string, configs map[string]string) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	for _, k := range slices.Sorted(maps.Keys(configs)) {
		rc := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		rc.Name, rc.Op, rc.Value = k, kmsg.IncrementalAlterConfigOpSet, kmsg.StringPtr(configs[k])
		r.Configs = append(r.Configs, rc)
	}
	req.Resources = append(req.Resources, r)
	return c.toController(ctx, func(ctx context.Context, node int32) error {
		res, err := wire.Do[*kmsg.IncrementalAlterConfigsResponse](ctx, c.wire, node, req)
		if err != nil {
			return asFault("IncrementalAlterConfigs", err)
		}
		for i := range res.Resources {
			if code := res.Resources[i].ErrorCode; code != 0 {
				return answer("setting configs of topic "+topic, code, res.Resources[i].ErrorMessage, "AlterConfigs on topic "+topic)
			}
		}
		return nil
	})
}

// toController sends what only the controller takes, asking before each try which broker that is.
func (c *Client) toController(ctx context.Context, send func(ctx context.Context, node int32) error) error {
	return c.wait(ctx, func(ctx context.Context) error {
		res, err := c.metadata(ctx)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, requestTimeout+time.Second)
		defer cancel()
		return send(ctx, res.ControllerID)
	})
}

// answer is a fault with the sentence that the broker gave for it.
func answer(what string, code int16, message *string, want string) error {
	if m := text(message); m != "" {
		what += fmt.Sprintf(" (%s)", m)
	}
	return &fault{fate: fateOf(code), what: what, code: code, want: want}
}
