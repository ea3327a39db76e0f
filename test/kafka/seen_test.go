//go:build kafka

package kafka

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/schemas"
)

// seen is what stands in topics, as a reader sees it that reads what is committed, and when it saw it.
type seen struct {
	t      testing.TB
	client *kgo.Client
	topics []string

	mu   sync.Mutex
	all  map[string][]sight
	next map[string]map[int32]int64 // offsets behind what was read, markers too
}

type sight struct {
	*kgo.Record
	at time.Time
}

// see reads topics from their start, until the test ends.
func (c *cluster) see(ctx context.Context, topics ...string) *seen {
	c.t.Helper()
	s := &seen{t: c.t, topics: topics, all: map[string][]sight{}, next: map[string]map[int32]int64{}}
	var err error
	s.client, err = kgo.NewClient(c.seeds(), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		c.t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			fetches := s.client.PollFetches(ctx)
			if fetches.IsClientClosed() || ctx.Err() != nil {
				return
			}
			s.take(fetches)
		}
	})
	c.t.Cleanup(func() { s.client.Close(); reading.Wait() })
	return s
}

func (s *seen) take(fetches kgo.Fetches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	fetches.EachRecord(func(r *kgo.Record) {
		if s.next[r.Topic] == nil {
			s.next[r.Topic] = map[int32]int64{}
		}
		if s.next[r.Topic][r.Partition] = r.Offset + 1; !r.Attrs.IsControl() {
			s.all[r.Topic] = append(s.all[r.Topic], sight{r, now})
		}
	})
}

// of are the records of a topic, those of each partition in their order.
func (s *seen) of(topic string) []sight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all[topic])
}

// whole waits until all is read that stands there now; nothing may be writing any more.
func (s *seen) whole(ctx context.Context) {
	s.t.Helper()
	req := kmsg.NewPtrListOffsetsRequest()
	for _, topic := range s.topics {
		x := kmsg.NewListOffsetsRequestTopic()
		x.Topic = topic
		n := 1
		if strings.HasSuffix(topic, ".commands") {
			n = partitions
		}
		for p := range int32(n) {
			y := kmsg.NewListOffsetsRequestTopicPartition()
			y.Partition, y.Timestamp = p, -1
			x.Partitions = append(x.Partitions, y)
		}
		req.Topics = append(req.Topics, x)
	}
	for _, shard := range s.client.RequestSharded(ctx, req) {
		res, ok := shard.Resp.(*kmsg.ListOffsetsResponse)
		if !ok {
			s.t.Fatalf("ends of topics: %v", shard.Err)
		}
		for _, topic := range res.Topics {
			for _, p := range topic.Partitions {
				until(ctx, s.t, "all of "+topic.Topic+" is read", func() bool {
					s.mu.Lock()
					defer s.mu.Unlock()
					return p.ErrorCode != 0 || s.next[topic.Topic][p.Partition] >= p.Offset
				})
			}
		}
	}
}

// ledgerEntry is what of an entry is looked at, whatever its kind.
type ledgerEntry struct {
	Kind      string
	State     string    `avro:"state"`
	Stream    *string   `avro:"stream"`
	Model     *string   `avro:"model"`
	Version   *string   `avro:"model_version"`
	Value     *float64  `avro:"value"`
	EventID   string    `avro:"event_id"`
	EventTime time.Time `avro:"event_time"`
	DataRef   *string   `avro:"data_ref"`
	Topic     string    `avro:"topic"`
	Partition int32     `avro:"partition"`
	Offset    int64     `avro:"offset"`
	ID        string    // of a progress its command, of a request its own
}

// ledgerSchemas are those of the entries that are looked at, by name, as another library reads them.
func ledgerSchemas(t testing.TB) map[uint64]avro.Schema {
	t.Helper()
	by := map[uint64]avro.Schema{}
	for _, name := range []string{"Alert", "Progress", "Request"} {
		text, err := os.ReadFile(filepath.Join(top, "schemas", name+".avsc"))
		if err != nil {
			t.Fatal(err)
		}
		ours, _ := schemas.ByName(name) // that library's fingerprints are not those of the specification
		by[ours.Fingerprint()] = avro.MustParse(string(text))
	}
	return by
}

// entryOf reads an entry of the ledger; false: of a kind that is not looked at.
func entryOf(t testing.TB, by map[uint64]avro.Schema, r *kgo.Record) (e ledgerEntry, ok bool) {
	t.Helper()
	s := by[binary.LittleEndian.Uint64(r.Value[2:])]
	if s == nil {
		return e, false
	}
	e.Kind = s.(avro.NamedSchema).Name()
	var err error
	if e.Kind == "Alert" {
		err = avro.Unmarshal(s, r.Value[10:], &e)
	} else {
		var ids struct {
			Command string `avro:"command_id"`
			Request string `avro:"request_id"`
		}
		err = avro.Unmarshal(s, r.Value[10:], &ids)
		e.ID = ids.Command + ids.Request
	}
	if err != nil {
		t.Errorf("entry %d of the ledger: %v", r.Offset, err)
	}
	return e, true
}
