package consumer_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
)

func TestAppendPlacesKeysAsJavaDoesAndKeepsTheirOrder(t *testing.T) {
	withBroker(t, []string{"out"}, func(t *testing.T, b *broker) {
		a := b.ours.NewAppender()
		var want [2]string
		place := kgo.StickyKeyPartitioner(nil).ForTopic("out")
		for i := range 40 {
			o := record.Output{Topic: "out", Key: fmt.Append(nil, "key", i%7), Value: fmt.Append(nil, i)}
			if err := a.Append(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			want[place.Partition(&kgo.Record{Key: o.Key}, 2)] += string(o.Value) + " "
		}
		r := open(t, b, consumer.ReaderConfig{Topic: "out", ToEnd: true})
		defer r.Close()
		if got := values(t, r, -1); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if want[0] == "" || want[1] == "" {
			t.Error("the keys do not reach both partitions")
		}
	})
}

func TestAnAppendThatWasNotAnsweredIsWrittenOnce(t *testing.T) {
	withBroker(t, []string{"out"}, func(t *testing.T, b *broker) {
		a := b.ours.NewAppender()
		cut := 0
		b.fake.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			b.fake.KeepControl()
			if cut++; cut <= 3 {
				return nil, errors.New("the connection is cut before the effect"), true
			}
			return nil, nil, false
		})
		for i := range 10 {
			if err := a.Append(t.Context(), record.Output{Topic: "out", Value: fmt.Append(nil, i)}); err != nil {
				t.Fatal(err)
			}
		}
		r := open(t, b, consumer.ReaderConfig{Topic: "out", ToEnd: true})
		defer r.Close()
		if got, want := values(t, r, -1)[0], "0 1 2 3 4 5 6 7 8 9 "; got != want || cut < 13 {
			t.Errorf("%q after %d requests, want %q", got, cut, want)
		}
	})
}

func TestOnlyRightsAndSettingsAreForAnOperator(t *testing.T) {
	withBroker(t, []string{"out"}, func(t *testing.T, b *broker) {
		for _, c := range []struct {
			answer *kerr.Error
			setup  bool
		}{
			{kerr.MessageTooLarge, false},
			{kerr.InvalidRecord, false},
			{kerr.TopicAuthorizationFailed, true},
		} {
			a := b.ours.NewAppender()
			if err := a.Append(t.Context(), record.Output{Topic: "out", Value: []byte("before")}); err != nil {
				t.Fatal(err)
			}
			b.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: c.answer, Count: 1})
			err := a.Append(t.Context(), record.Output{Topic: "out", Value: []byte("refused")})
			if setup := errors.As(err, new(*consumer.SetupError)); setup != c.setup || !errors.Is(err, c.answer) {
				t.Errorf("%v: %v (%T), for an operator: %v", c.answer, err, err, setup)
			}
		}
	})
}
