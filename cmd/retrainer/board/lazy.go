package board

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
)

// lazy connects when somebody looks.
type lazy struct {
	connect func() (*consumer.Client, error)

	mu     sync.Mutex
	client *consumer.Client
}

func (l *lazy) get() (*consumer.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil {
		return l.client, nil
	}
	c, err := l.connect()
	if err == nil {
		l.client = c
	}
	return c, err
}

func (l *lazy) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil {
		l.client.Close()
		l.client = nil
	}
}

// at is the record at a place; nil: there is none any more.
func (l *lazy) at(ctx context.Context, topic string, at place) (found *record.Record, err error) {
	err = l.each(ctx, topic, at.partition, consumer.Range{From: at.offset, To: at.offset + 1}, func(rec *record.Record) error {
		found = rec
		return nil
	})
	return found, err
}

// each gives the records of a piece of a partition, as far as it is there.
func (l *lazy) each(ctx context.Context, topic string, partition int32, piece consumer.Range, do func(rec *record.Record) error) error {
	client, err := l.get()
	if err != nil {
		return err
	}
	offsets, err := client.Offsets(ctx, topic)
	if err != nil {
		return err
	}
	have, ok := offsets[partition]
	piece = consumer.Range{From: max(have.From, piece.From), To: min(have.To, piece.To)}
	if !ok || piece.From >= piece.To {
		return nil
	}
	r, err := client.NewRangeReader(ctx, topic, map[int32]consumer.Range{partition: piece})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(rec)
		}
		if err != nil {
			return err
		}
	}
}
