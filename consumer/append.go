package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/visutility/retrainer/consumer/record"
)

// appender appends records outside any transaction, idempotently: a repetition of one append is taken once. An append of
// unknown fate is not repeated under another id. Not safe for concurrent use.
type appender struct {
	producer producer
	ready    bool
}

func newAppender(c *cluster, stamp []string, now func() time.Time) *appender {
	return &appender{producer: producer{c: c, stamp: stamp, now: func() int64 { return now().UnixMilli() }}}
}

// append writes records of one topic to one partition and tells the offset of the first.
func (a *appender) append(ctx context.Context, topic string, partition int32, records []record.Output) (int64, error) {
	if len(records) == 0 {
		return 0, errors.New("append: no records")
	}
	if !a.ready {
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
