// Command wire measures what it costs to read a topic: consumer/wire beside a bare franz-go client, on the same topic of a
// real Kafka, in turn in the same process. It prints CPU time of the process (user and system) a record.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/consumer/wire"
)

// Both sides ask for the same: franz-go's defaults.
const (
	fetchBytes     = 50 << 20
	partitionBytes = 1 << 20
	fetchWait      = 500 // ms
	batchLimit     = 64 << 20
)

type bench struct {
	brokers    []string
	records    int
	partitions int32
	valueBytes int
}

func main() {
	brokers := flag.String("brokers", "127.0.0.1:19092", "bootstrap `addresses`")
	b := bench{}
	flag.IntVar(&b.records, "records", 2_000_000, "records a topic")
	flag.IntVar(&b.valueBytes, "value", 80, "bytes a value")
	partitions := flag.Int("partitions", 8, "partitions a topic")
	rounds := flag.Int("rounds", 5, "rounds, each side in turn")
	flag.Parse()
	b.brokers, b.partitions = strings.Split(*brokers, ","), int32(*partitions)
	log.SetFlags(0)
	codecs := []struct {
		name  string
		codec kgo.CompressionCodec
	}{{"uncompressed", kgo.NoCompression()}, {"zstd", kgo.ZstdCompression()}}
	for _, c := range codecs {
		if err := b.run(c.name, c.codec, *rounds); err != nil {
			log.Print(err)
			os.Exit(1)
		}
	}
}

func (b *bench) run(name string, codec kgo.CompressionCodec, rounds int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	topic := fmt.Sprintf("bench-wire-%s-%d", name, time.Now().UnixMilli())
	if err := b.fill(ctx, topic, codec); err != nil {
		return fmt.Errorf("filling %s: %w", topic, err)
	}
	defer b.drop(topic)
	var ours, theirs []float64
	for round := range rounds + 1 { // the first warms the broker's page cache and is not counted
		o, err := b.measure(func() (int, error) { return b.readWire(ctx, topic) })
		if err != nil {
			return fmt.Errorf("consumer/wire: %w", err)
		}
		t, err := b.measure(func() (int, error) { return b.readFranz(ctx, topic) })
		if err != nil {
			return fmt.Errorf("franz-go: %w", err)
		}
		if round > 0 {
			fmt.Printf("%-12s  round %d  consumer/wire %6.1f  franz-go %6.1f  ns of CPU a record  ratio %.2f\n", name, round, o, t, o/t)
			ours, theirs = append(ours, o), append(theirs, t)
		}
	}
	o, t := median(ours), median(theirs)
	fmt.Printf("%-12s  median   consumer/wire %6.1f  franz-go %6.1f  ns of CPU a record  ratio %.2f\n", name, o, t, o/t)
	return nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// measure is the CPU time of read a record, in ns.
func (b *bench) measure(read func() (int, error)) (float64, error) {
	runtime.GC()
	before := cpu()
	n, err := read()
	spent := cpu() - before
	if err == nil && n != b.records {
		err = fmt.Errorf("read %d records of %d", n, b.records)
	}
	return float64(spent.Nanoseconds()) / float64(b.records), err
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // cannot fail for the process itself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fill makes the topic and writes the records in franz-go's batches.
func (b *bench) fill(ctx context.Context, topic string, codec kgo.CompressionCodec) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return err
	}
	defer cl.Close()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, b.partitions, 1
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 10_000, append(req.Topics, t)
	if _, err := req.RequestWith(ctx, cl); err != nil {
		return err
	}
	var failed error
	for i := range b.records {
		value := fmt.Appendf(make([]byte, 0, b.valueBytes+20), "%020d", i)
		for len(value) < b.valueBytes {
			value = append(value, byte('a'+(i*31+len(value)*i)%26))
		}
		key := fmt.Appendf(nil, "stream-%06d", i%100_000)
		cl.Produce(ctx, &kgo.Record{Key: key, Value: value[:b.valueBytes]}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	return failed
}

// drop deletes the topic; that the broker keeps it is no harm.
func (b *bench) drop(topic string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...))
	if err != nil {
		return
	}
	defer cl.Close()
	req := kmsg.NewPtrDeleteTopicsRequest()
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = &topic
	req.TimeoutMillis, req.TopicNames, req.Topics = 10_000, []string{topic}, append(req.Topics, t)
	_, _ = req.RequestWith(context.Background(), cl)
}

func (b *bench) readFranz(ctx context.Context, topic string) (int, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(partitionBytes))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	n, size := 0, 0
	for n < b.records {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return n, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			n++
			size += len(r.Value)
		})
	}
	return n, b.check(size)
}

func (b *bench) check(size int) error {
	if want := b.records * b.valueBytes; size != want {
		return fmt.Errorf("read %d bytes of %d", size, want)
	}
	return nil
}

// readWire reads one leader after the other in one goroutine.
func (b *bench) readWire(ctx context.Context, topic string) (int, error) {
	c := wire.NewClient(wire.Config{Brokers: b.brokers, ClientID: "bench"})
	defer c.Close()
	meta := kmsg.NewPtrMetadataRequest()
	meta.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	res, err := wire.Do[*kmsg.MetadataResponse](ctx, c, wire.AnyNode, meta)
	if err != nil {
		return 0, err
	}
	reader := wire.NewReader(batchLimit)
	defer reader.Close()
	l := loop{reader: reader, requests: map[int32]*kmsg.FetchRequest{}, fetchers: map[int32]*wire.Fetcher{}}
	for i := range res.Topics[0].Partitions {
		p := &res.Topics[0].Partitions[i]
		if l.requests[p.Leader] == nil {
			l.requests[p.Leader], l.fetchers[p.Leader] = request(topic, res.Topics[0].TopicID), c.NewFetcher()
		}
		fp := kmsg.NewFetchRequestTopicPartition()
		fp.Partition, fp.PartitionMaxBytes, fp.CurrentLeaderEpoch = p.Partition, partitionBytes, -1
		t := &l.requests[p.Leader].Topics[0]
		t.Partitions = append(t.Partitions, fp)
	}
	for l.n < b.records {
		for node := range l.requests {
			if err := l.fetch(ctx, node); err != nil {
				return l.n, err
			}
		}
	}
	return l.n, b.check(l.size)
}

func request(topic string, id [16]byte) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.IsolationLevel, req.SessionEpoch = fetchWait, 1, fetchBytes, 1, -1
	req.Topics = []kmsg.FetchRequestTopic{{Topic: topic, TopicID: id}}
	return req
}

type loop struct {
	reader   *wire.Reader
	requests map[int32]*kmsg.FetchRequest // by leader
	fetchers map[int32]*wire.Fetcher
	rec      record.Record
	n, size  int
}

func (l *loop) fetch(ctx context.Context, node int32) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req := l.requests[node]
	res, err := l.fetchers[node].Do(ctx, node, req)
	if err != nil {
		return err
	}
	if len(res.Topics) != 1 {
		return fmt.Errorf("answer of %d topics, code %d", len(res.Topics), res.ErrorCode)
	}
	for i := range res.Topics[0].Partitions {
		p := &res.Topics[0].Partitions[i]
		if p.ErrorCode != 0 {
			return fmt.Errorf("partition %d: code %d", p.Partition, p.ErrorCode)
		}
		at := slices.IndexFunc(req.Topics[0].Partitions, func(q kmsg.FetchRequestTopicPartition) bool { return q.Partition == p.Partition })
		from := &req.Topics[0].Partitions[at].FetchOffset
		l.reader.Reset(p.RecordBatches, p.AbortedTransactions, *from, false)
		for {
			ok, err := l.reader.Next(&l.rec)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			l.n++
			l.size += len(l.rec.Value)
		}
		*from = l.reader.Position()
	}
	return nil
}
