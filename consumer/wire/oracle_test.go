package wire

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
)

// franzCodecs is never used in a bubble: its pool would carry channels from one into the next.
var franzCodecs = kgo.DefaultDecompressor()

// oracle reads a fetch answer with franz-go.
func oracle(raw []byte, aborted abortedList, from int64, uncommitted bool) ([]record.Record, int64, error) {
	return oracleWith(franzCodecs, raw, aborted, from, uncommitted)
}

func oracleWith(d kgo.Decompressor, raw []byte, aborted abortedList, from int64, uncommitted bool) ([]record.Record, int64, error) {
	o := kgo.ProcessFetchPartitionOpts{Offset: from, IsolationLevel: kgo.ReadCommitted()}
	if uncommitted {
		o.IsolationLevel = kgo.ReadUncommitted()
	}
	p := &kmsg.FetchResponseTopicPartition{RecordBatches: raw, AbortedTransactions: aborted}
	fp, next := kgo.ProcessFetchPartition(o, p, d, nil)
	var got []record.Record
	for _, r := range fp.Records {
		rec := record.Record{Offset: r.Offset, Time: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			rec.Headers = append(rec.Headers, record.Header{Key: h.Key, Value: h.Value})
		}
		got = append(got, rec)
	}
	return got, next, fp.Err
}

// same reports where two readings differ; "" if nowhere.
func same(got, want []record.Record) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d records, not %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if len(g.Headers) == 0 {
			g.Headers = nil
		}
		if !reflect.DeepEqual(g, w) {
			return fmt.Sprintf("record %d is %+v, not %+v", i, g, w)
		}
	}
	return ""
}

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// A partition written by several producers at once, in transactions that end either way and without, is read from every
// offset as franz-go reads it.
func TestReaderAgreesWithFranzGo(t *testing.T) {
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 0))
			k := site{}.cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
			writeMixed(t, k, codec, rng)

			c := site{}.client(t, k)
			f := c.NewFetcher()
			end := k.PartitionInfo(topic, 0).HighWatermark
			for from := int64(0); from <= end; from++ {
				res, err := f.Do(within(t, time.Minute), 0, fetchRequest(topic, k.TopicInfo(topic).TopicID, from))
				if err != nil {
					t.Fatal(err)
				}
				p := &res.Topics[0].Partitions[0]
				if from == 0 && (len(p.AbortedTransactions) == 0 || p.LastStableOffset != end) {
					t.Fatalf("%d aborted transactions, last stable offset %d of %d", len(p.AbortedTransactions), p.LastStableOffset, end)
				}
				for _, uncommitted := range []bool{false, true} {
					got, next := readAll(t, p.RecordBatches, p.AbortedTransactions, from, uncommitted)
					want, wantNext, err := oracle(p.RecordBatches, p.AbortedTransactions, from, uncommitted)
					if err != nil {
						t.Fatal(err)
					}
					if d := same(got, want); d != "" || next != wantNext {
						t.Fatalf("from %d, uncommitted %t: next offset %d, not %d; %s", from, uncommitted, next, wantNext, d)
					}
				}
			}
		})
	}
}

// writeMixed writes about 150 records: two transactional producers in turn and a plain one.
func writeMixed(t *testing.T, k *cluster, codec kgo.CompressionCodec, rng *rand.Rand) {
	t.Helper()
	ctx := within(t, time.Minute)
	client := func(opts ...kgo.Opt) *kgo.Client {
		cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(k.ListenAddrs()...), kgo.DefaultProduceTopic(topic),
			kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(0))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return cl
	}
	plain := client()
	transactional := []*kgo.Client{client(kgo.TransactionalID("a")), client(kgo.TransactionalID("b"))}
	open := [2]bool{}
	end := func(i int, commit bool) {
		if err := transactional[i].EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
			t.Fatal(err)
		}
		open[i] = false
	}
	for step := range 30 {
		cl, i := plain, rng.IntN(3)
		if i < 2 {
			if cl = transactional[i]; !open[i] {
				if err := cl.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				open[i] = true
			}
		}
		var recs []*kgo.Record
		for range 1 + rng.IntN(8) {
			recs = append(recs, randomRecord(rng, step))
		}
		if err := cl.ProduceSync(ctx, recs...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if i < 2 && rng.IntN(3) == 0 {
			end(i, rng.IntN(2) == 0)
		}
	}
	for i := range open {
		if !open[i] {
			if err := transactional[i].BeginTransaction(); err != nil {
				t.Fatal(err)
			}
		}
		if err := transactional[i].ProduceSync(context.Background(), randomRecord(rng, 30)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		end(i, i == 0) // one aborted transaction at least, whose marker is the last record
	}
}

func randomRecord(rng *rand.Rand, step int) *kgo.Record {
	random := func(most int) []byte {
		switch rng.IntN(5) {
		case 0:
			return nil
		case 1:
			return []byte{}
		}
		b := make([]byte, rng.IntN(most))
		for i := range b {
			b[i] = byte(rng.IntN(7))
		}
		return b
	}
	r := &kgo.Record{Key: random(20), Value: random(300), Timestamp: time.UnixMilli(int64(1e12) + int64(step*1000) - rng.Int64N(5000))}
	for range rng.IntN(4) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: []string{"", "schema", "trace-id"}[rng.IntN(3)], Value: random(200)})
	}
	return r
}
