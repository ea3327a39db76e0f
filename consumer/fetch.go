package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/consumer/wire"
)

// stream reads one partition of one topic, committed records only. Every task has its own, so a catch-up of one partition
// never delays another: the ledger's answers come while a source reads millions. One goroutine uses it.
//
// Fetch sessions are not used: a session is kept a broker's connection pool wide, and one partition's request is small.
type stream struct {
	cluster   *cluster
	topic     string
	partition int32

	id          [16]byte // of the topic, where it must not be another; zero: any
	fetcher     *wire.Fetcher
	reader      *wire.Reader
	req         *kmsg.FetchRequest
	next        int64 // the offset of the next fetch
	start, end  int64 // log start and high watermark by the last answer; -1: unknown
	uncommitted bool
}

var errMadeAnew = errors.New("it was made anew, and offsets of the one before mean nothing in it")

// rangeError says that an offset lies outside the partition's log.
type rangeError struct {
	topic            string
	partition        int32
	offset           int64
	start, endOffset int64
}

func (e *rangeError) Error() string {
	return fmt.Sprintf("offset %d of %s/%d is outside the log, which has [%d, %d)", e.offset, e.topic, e.partition, e.start, e.endOffset)
}

func newStream(c *cluster, topic string, partition int32, from int64, maxBytes int32, maxBatch int) *stream {
	req := kmsg.NewPtrFetchRequest()
	req.SessionEpoch, req.MinBytes, req.IsolationLevel = -1, 1, 1
	req.MaxBytes = 1 << 30 // bounded a partition; kfake leaves out the aborted list where this ends an answer
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.PartitionMaxBytes = partition, maxBytes
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return &stream{cluster: c, topic: topic, partition: partition, fetcher: c.client.NewFetcher(),
		reader: wire.NewReader(maxBatch), req: req, next: from, start: -1, end: -1}
}

func (s *stream) close() { s.reader.Close() }

// fetch asks once for what follows; the broker may hold an empty answer for wait. Its records come from read. Errors are
// faults (fateRoute: ask again) or a *rangeError.
func (s *stream) fetch(ctx context.Context, wait time.Duration) error {
	what := "fetch"
	s.seek(s.next) // whatever comes of this, nothing of the fetch before is read any more
	info, err := s.cluster.topic(ctx, s.topic)
	if err != nil {
		return err
	}
	if s.id != ([16]byte{}) && s.id != info.id {
		return stop("topic %s: %w", s.topic, errMadeAnew)
	}
	node, err := s.cluster.leader(ctx, s.topic, s.partition)
	if err != nil {
		return err
	}
	s.req.MaxWaitMillis = int32(wait.Milliseconds())
	s.req.Topics[0].TopicID = info.id
	s.req.Topics[0].Partitions[0].FetchOffset = s.next
	ctx, cancel := context.WithTimeout(ctx, wait+requestTimeout)
	defer cancel()
	res, err := s.fetcher.Do(ctx, node, s.req)
	if err != nil {
		return asFault(what, err)
	}
	if res.ErrorCode != 0 {
		return &fault{fate: fateOf(res.ErrorCode), what: what, code: res.ErrorCode, want: "Read on topic " + s.topic}
	}
	if len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
		return &fault{fate: fateRoute, what: what, err: fmt.Errorf("an answer without %s/%d", s.topic, s.partition)}
	}
	p := &res.Topics[0].Partitions[0]
	if p.ErrorCode == kerr.OffsetOutOfRange.Code {
		return s.outside(ctx)
	}
	if p.ErrorCode != 0 {
		return &fault{fate: fateOf(p.ErrorCode), what: fmt.Sprintf("fetch %s/%d", s.topic, s.partition), code: p.ErrorCode, want: "Read on topic " + s.topic}
	}
	s.start, s.end = p.LogStartOffset, p.HighWatermark
	s.reader.Reset(p.RecordBatches, p.AbortedTransactions, s.next, s.uncommitted)
	return nil
}

// seek goes to an offset; what is left of the last fetch is not read.
func (s *stream) seek(offset int64) {
	s.next = offset
	s.reader.Reset(nil, nil, offset, s.uncommitted)
}

// outside tells where the log lies when an offset is outside of it.
func (s *stream) outside(ctx context.Context) error {
	start, err := s.cluster.offsetAt(ctx, s.topic, s.partition, earliest)
	if err != nil {
		return err
	}
	end, err := s.cluster.offsetAt(ctx, s.topic, s.partition, latest)
	if err != nil {
		return err
	}
	if s.next >= start && s.next <= end {
		return &fault{fate: fateRoute, what: fmt.Sprintf("fetch %s/%d at %d", s.topic, s.partition, s.next), code: kerr.OffsetOutOfRange.Code}
	}
	return &rangeError{s.topic, s.partition, s.next, start, end}
}

// read gives the next record of the last fetch, valid until the next fetch. When there is none left, next is where the
// next fetch begins, past control batches and what compaction took.
func (s *stream) read(r *record.Record) (bool, error) {
	ok, err := s.reader.Next(r)
	if err != nil {
		return false, fmt.Errorf("%s/%d: %w", s.topic, s.partition, err)
	}
	if !ok {
		s.next = s.reader.Position()
		return false, nil
	}
	s.next = r.Offset + 1
	r.Topic, r.Partition = s.topic, s.partition
	return true, nil
}

// recover does what a failed fetch asks for: find the leader again after a moment. Errors that no repetition mends come back.
func (s *stream) recover(ctx context.Context, err error, wait time.Duration) error {
	f, ok := err.(*fault)
	if !ok || (f.fate != fateRoute && f.fate != fateAgain) {
		return err
	}
	if pause(ctx, wait) != nil {
		return ctx.Err()
	}
	_ = s.cluster.refresh(ctx, s.topic)
	return ctx.Err()
}
