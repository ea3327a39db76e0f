package consumer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
)

func TestTopicsAreMadeDescribedAndWidened(t *testing.T) {
	withBroker(t, []string{"there"}, func(t *testing.T, b *broker) {
		c, ctx := b.ours, t.Context()
		if err := c.CreateTopics(ctx, consumer.Topic{Name: "new", Partitions: 3, Replication: 2, Configs: map[string]string{"cleanup.policy": "compact"}}); err != nil {
			t.Fatal(err)
		}
		if err := c.CreateTopics(ctx, consumer.Topic{Name: "new", Partitions: 8}); err != nil {
			t.Errorf("making what is there: %v", err)
		}
		if err := c.AddPartitions(ctx, "new", 5); err != nil {
			t.Fatal(err)
		}
		if err := c.SetConfigs(ctx, "new", map[string]string{"message.timestamp.type": "LogAppendTime"}); err != nil {
			t.Fatal(err)
		}
		topics, err := c.Topics(ctx, "new", "there", "nowhere")
		if err != nil {
			t.Fatal(err)
		}
		if len(topics) != 2 {
			t.Errorf("%v", topics)
		}
		got := topics["new"]
		if got.Partitions != 5 || got.Replication != 2 || got.Configs["cleanup.policy"] != "compact" || got.Configs["message.timestamp.type"] != "LogAppendTime" {
			t.Errorf("%+v", got)
		}
		if got := topics["there"]; got.Partitions != 2 || got.Configs["cleanup.policy"] != "delete" {
			t.Errorf("%+v", got)
		}
	})
}

func TestBrokersAreCounted(t *testing.T) {
	withBroker(t, nil, func(t *testing.T, b *broker) {
		if n, err := b.ours.Brokers(t.Context()); err != nil || n != 2 {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestMakingTopicsFindsTheControllerAgain(t *testing.T) {
	withBroker(t, nil, func(t *testing.T, b *broker) {
		refused := 0
		b.fake.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
			b.fake.KeepControl()
			if refused++; refused > 2 {
				return nil, nil, false
			}
			res := kreq.ResponseKind().(*kmsg.CreateTopicsResponse)
			rt := kmsg.NewCreateTopicsResponseTopic()
			rt.Topic, rt.ErrorCode = "new", 41 // NOT_CONTROLLER
			res.Topics = append(res.Topics, rt)
			return res, nil, true
		})
		if err := b.ours.CreateTopics(t.Context(), consumer.Topic{Name: "new", Partitions: 1}); err != nil || refused != 3 {
			t.Errorf("%v after %d requests", err, refused)
		}
	})
}

func TestMakingTopicsWaitsUntilTheClusterNamesThem(t *testing.T) {
	withBroker(t, nil, func(t *testing.T, b *broker) {
		began := time.Now()
		b.fake.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
			b.fake.KeepControl()
			for _, asked := range req.(*kmsg.MetadataRequest).Topics {
				if time.Since(began) < 10*time.Second { // of virtual time
					*asked.Topic = "unknown"
				}
			}
			return nil, nil, false
		})
		if err := b.ours.CreateTopics(t.Context(), consumer.Topic{Name: "new", Partitions: 1}); err != nil || time.Since(began) < 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestWhatTheClusterRefusesIsSaidInOneSentence(t *testing.T) {
	withBroker(t, nil, func(t *testing.T, b *broker) {
		err := b.ours.CreateTopics(t.Context(), consumer.Topic{Name: "wide", Partitions: 1, Replication: 3})
		var mistake *consumer.SetupError
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), "making topic wide") || !strings.Contains(err.Error(), "REPLICATION") {
			t.Errorf("%v", err)
		}
	})
}
