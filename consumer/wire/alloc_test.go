package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
)

// manyRecords is batches of n records each, with headers, in a codec.
func manyRecords(t testing.TB, codec, count, n int) []byte {
	var raw []byte
	for i := range count {
		var records []byte
		for j := range n {
			records = appendRecord(records, j, &record.Output{
				Key: []byte("stream-" + strconv.Itoa(j)), Value: bytes.Repeat([]byte{byte(j)}, 80),
				Headers: []record.Header{{Key: "schema", Value: []byte("7")}, {Key: "trace-id", Value: []byte{byte(i), byte(j)}}},
			})
		}
		raw = append(raw, forge{base: int64(i * n), span: int32(n - 1), attributes: uint16(codec), count: int32(n), producer: -1,
			records: compress(t, codec, records)}.batch()...)
	}
	return raw
}

func TestReadingAllocatesNothing(t *testing.T) {
	for codec, name := range codecNames[:codecZstd+1] {
		t.Run(name, func(t *testing.T) {
			const count, n = 4, 500
			raw := manyRecords(t, codec, count, n)
			r := NewReader(batchLimit)
			defer r.Close()
			var rec record.Record
			allocs := testing.AllocsPerRun(20, func() {
				r.Reset(raw, nil, 0, false)
				read := 0
				for {
					ok, err := r.Next(&rec)
					if err != nil {
						t.Fatal(err)
					}
					if !ok {
						break
					}
					read++
				}
				if read != count*n {
					t.Fatalf("%d records", read)
				}
			})
			if allocs >= count*n/100 { // zstd's tables come from a pool, which the race detector empties at random
				t.Errorf("%v allocations for %d batches of %d records", allocs, count, n)
			}
		})
	}
}

func TestHeaderKeysAreBounded(t *testing.T) {
	var k headerKeys
	for i := range 10_000 {
		if key := fmt.Sprint(i); k.intern([]byte(key)) != key {
			t.Fatal(key)
		}
		k.intern(make([]byte, maxHeaderKeyLen+1))
	}
	if len(k) > maxHeaderKeys {
		t.Errorf("%d keys are kept", len(k))
	}
}

func TestFetcherUsesItsBufferAgain(t *testing.T) {
	k := site{}.cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	c := site{}.client(t, k)
	produce := kmsg.NewPtrProduceRequest()
	produce.Acks = -1
	produce.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, Partitions: []kmsg.ProduceRequestTopicPartition{{
		Records: AppendBatch(nil, Header{ProducerID: -1, ProducerEpoch: -1, Sequence: -1}, []record.Output{{Value: make([]byte, 900_000)}}),
	}}}}
	noError(t, "Produce", ask[*kmsg.ProduceResponse](t, c, 0, produce).Topics[0].Partitions[0].ErrorCode)
	f := c.NewFetcher()
	var first *byte
	for range 5 {
		res, err := f.Do(within(t, 5e9), 0, fetchRequest(topic, k.TopicInfo(topic).TopicID, 0))
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 || len(res.Topics[0].Partitions[0].RecordBatches) < 900_000 {
			t.Fatalf("answer of %d topics", len(res.Topics))
		}
		if at := &f.buf[0]; first == nil {
			first = at
		} else if at != first {
			t.Error("a new buffer was made")
		}
	}
}

func TestFetcherKeepsNothingOfTheAnswerBefore(t *testing.T) {
	k := site{}.cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	c := site{}.client(t, k)
	k.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		res := req.ResponseKind().(*kmsg.FetchResponse)
		res.Brokers = []kmsg.FetchResponseBroker{{NodeID: 5, Host: "moved", Port: 1}}
		return res, nil, true
	})
	f := c.NewFetcher()
	for _, brokers := range []int{1, 0} {
		res, err := f.Do(within(t, 5e9), 0, fetchRequest(topic, k.TopicInfo(topic).TopicID, 0))
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Brokers) != brokers {
			t.Errorf("%d brokers in an answer with %d", len(res.Brokers), brokers)
		}
	}
	if a, ok := c.lookup(5); !ok || a != "moved:1" {
		t.Errorf("the address in a fetch answer is not known: %q", a)
	}
}
