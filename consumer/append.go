package consumer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/consumer/wire"
)

// appender appends records outside any transaction, idempotently: a repetition of one append is taken once. An append of
// unknown fate is not repeated under another id. Not safe for concurrent use.
type appender struct {
	producer producer
	ready    bool
}

func newAppender(c *cluster, now func() time.Time) *appender {
	return &appender{producer: producer{c: c, now: func() int64 { return now().UnixMilli() }}}
}

// append writes records of one topic to one partition and tells the offset of the first.
func (a *appender) append(ctx context.Context, partition int32, records []record.Output) (int64, error) {
	if len(records) == 0 {
		return 0, errors.New("append: no records")
	}
	if !a.ready {
		a.producer.to = records[0].Topic
		if err := a.producer.init(ctx); err != nil {
			return 0, err
		}
		a.ready = true
	}
	batches, err := a.producer.pack(records, func(*record.Output) (int32, error) { return partition, nil })
	if err == nil {
		err = a.producer.produce(ctx, batches)
	}
	if err != nil {
		a.ready = false // sequences are not known any more
		return 0, err
	}
	return batches[0].base, nil
}

// Appender appends records to topics outside any transaction, idempotently: each once, however often the cluster had to be
// asked. It is safe for concurrent use; appends follow one another.
type Appender struct {
	c    *Client
	slot chan struct{} // one append at a time: sequences are one line
	a    *appender
}

// NewAppender makes an Appender.
func (c *Client) NewAppender() *Appender {
	return &Appender{c: c, slot: make(chan struct{}, 1), a: newAppender(c.cluster, c.cfg.Now)}
}

// Append writes records, each to the partition of its key (murmur2; a null key's is 0), in their order within a partition. It
// waits for a cluster that does not answer, with the same producer id and sequences, until ctx is done. After an error some
// of the records may have been written.
func (a *Appender) Append(ctx context.Context, records ...record.Output) error {
	if len(records) == 0 {
		return nil
	}
	if err := a.c.have(ctx, records); err != nil {
		return err
	}
	select {
	case a.slot <- struct{}{}:
		defer func() { <-a.slot }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p := &a.a.producer
	if !a.a.ready {
		p.to = records[0].Topic
		if err := a.c.wait(ctx, p.init); err != nil {
			return err
		}
		a.a.ready = true
	}
	batches, err := p.pack(records, func(o *record.Output) (int32, error) {
		return wire.PartitionFor(o.Key, a.c.cluster.partitions(o.Topic)), nil
	})
	if err == nil {
		err = a.c.wait(ctx, func(ctx context.Context) error { return p.produce(ctx, batches) })
	}
	a.a.ready = err == nil // else sequences are not known any more
	return err
}

// have sees to it that the topics of records are known.
func (c *Client) have(ctx context.Context, records []record.Output) error {
	var unknown []string
	for i := range records {
		if t := records[i].Topic; c.cluster.partitions(t) == 0 && !slices.Contains(unknown, t) {
			unknown = append(unknown, t)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return c.NeedTopics(ctx, unknown...)
}
