package consumer

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/visutility/retrainer/consumer/record"
)

// ReaderConfig says what a Reader reads.
type ReaderConfig struct {
	Topic       string
	From        From // zero: from the start
	ToEnd       bool // stop where the log ended when reading began; else go on for ever
	Uncommitted bool // also what open or aborted transactions wrote
}

// Reader reads all partitions of a topic outside any group, those that are added meanwhile too unless ToEnd: in order within a
// partition, in no order between them.
type Reader struct {
	found   chan found
	left    int // partitions that are not at their end; touched by Next only
	see     func(ctx context.Context, r *record.Record) error
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// found is a record, or how the reading of a partition ended.
type found struct {
	record record.Record
	ended  bool
	err    error
}

const (
	readAhead      = 256              // records found and not asked for yet
	readerLook     = 30 * time.Second // between looks for new partitions
	readerWait     = 500 * time.Millisecond
	readerBatch    = 64 << 20 // bound of one batch after decompression
	readerMaxBytes = 1 << 20
	endWait        = 100 * time.Millisecond
	endPatience    = 10 // empty answers below the high watermark: what is left there is an open transaction's, or compacted
)

// NewReader begins to read. A topic that is not there is a *SetupError.
func (c *Client) NewReader(ctx context.Context, cfg ReaderConfig) (*Reader, error) {
	if err := c.NeedTopics(ctx, cfg.Topic); err != nil {
		return nil, err
	}
	n := c.cluster.partitions(cfg.Topic)
	r := &Reader{found: make(chan found, readAhead), left: int(n), see: c.cfg.OnRecord}
	reading, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	for p := range n {
		from, end, err := c.bounds(ctx, cfg, p)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.begin(reading, c, cfg, p, from, end)
	}
	if !cfg.ToEnd {
		r.running.Go(func() { r.grow(reading, c, cfg, n) })
	}
	return r, nil
}

// begin begins to read a partition.
func (r *Reader) begin(ctx context.Context, c *Client, cfg ReaderConfig, partition int32, from, end int64) {
	s := newStream(c.cluster, cfg.Topic, partition, from, readerMaxBytes, readerBatch)
	if s.uncommitted = cfg.Uncommitted; cfg.Uncommitted {
		s.req.IsolationLevel = 0
	}
	r.running.Go(func() {
		defer s.close()
		r.give(ctx, found{ended: true, err: r.read(ctx, c, s, end)})
	})
}

// grow looks for partitions beyond the first n, which were added since, and reads them from their start, until ctx is done.
func (r *Reader) grow(ctx context.Context, c *Client, cfg ReaderConfig, n int32) {
	for pause(ctx, readerLook) == nil {
		_ = c.cluster.refresh(ctx, cfg.Topic) // what is known stands, and it is asked for again
		for ; n < c.cluster.partitions(cfg.Topic); n++ {
			r.begin(ctx, c, cfg, n, 0, -1)
		}
	}
}

// Close stops reading and returns when all goroutines have ended.
func (r *Reader) Close() {
	r.cancel()
	r.running.Wait()
}

// Next waits for the next record, whose bytes are the caller's to keep. With ToEnd, io.EOF follows the last.
func (r *Reader) Next(ctx context.Context) (*record.Record, error) {
	for r.left > 0 {
		select {
		case f := <-r.found:
			switch {
			case f.err != nil:
				return nil, f.err
			case f.ended:
				r.left--
			case r.see != nil:
				return &f.record, r.see(ctx, &f.record)
			default:
				return &f.record, nil
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return nil, io.EOF
}

// bounds are the first offset to read of a partition, and the one to stop at; -1: none.
func (c *Client) bounds(ctx context.Context, cfg ReaderConfig, partition int32) (from, end int64, err error) {
	ask := func(at int64) (offset int64, err error) {
		err = c.wait(ctx, func(ctx context.Context) error {
			offset, err = c.cluster.offsetAt(ctx, cfg.Topic, partition, at)
			return err
		})
		return offset, err
	}
	if end = -1; cfg.ToEnd {
		if end, err = ask(latest); err != nil {
			return 0, 0, err
		}
	}
	from, err = cfg.From.offset(ask)
	return from, end, err
}

// read gives the records of a partition until its end, an error or the reader's close.
func (r *Reader) read(ctx context.Context, c *Client, s *stream, end int64) error {
	empty := 0
	for ctx.Err() == nil && (end < 0 || s.next < end) && empty < endPatience {
		before, wait := s.next, readerWait
		if end >= 0 {
			wait = endWait
		}
		err := c.wait(ctx, func(ctx context.Context) error {
			err := s.fetch(ctx, wait)
			if passes(err) {
				_ = s.cluster.refresh(ctx, s.topic)
			}
			return err
		})
		var out *rangeError
		switch {
		case errors.As(err, &out) && out.offset < out.start: // retention or compaction was faster
			s.next = out.start
		case err != nil:
			return err
		default:
			if err := r.deliver(ctx, s, end); err != nil {
				return err
			}
		}
		if empty++; s.next > before || end < 0 {
			empty = 0
		}
	}
	return nil
}

// deliver gives the records of the last fetch that lie below end.
func (r *Reader) deliver(ctx context.Context, s *stream, end int64) error {
	var rec record.Record
	for {
		ok, err := s.read(&rec)
		if err != nil || !ok || end >= 0 && rec.Offset >= end {
			return err
		}
		if !r.give(ctx, found{record: kept(&rec)}) {
			return context.Cause(ctx)
		}
	}
}

// kept is a copy of a record that outlives the fetch it came with.
func kept(r *record.Record) record.Record {
	k := *r
	k.Key, k.Value, k.Headers = slices.Clone(r.Key), slices.Clone(r.Value), slices.Clone(r.Headers)
	for i := range k.Headers {
		k.Headers[i].Value = slices.Clone(k.Headers[i].Value)
	}
	return k
}

func (r *Reader) give(ctx context.Context, f found) bool {
	select {
	case r.found <- f:
		return true
	case <-ctx.Done():
		return false
	}
}
