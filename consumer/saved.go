package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/visutility/retrainer/consumer/record"
)

// Saved says where the keys of a checkpoint partition stand in its input.
type Saved struct {
	Checkpoint int64 // they hold what all records below this offset left
	Position   int64 // the next offset that the task takes: what lies between is not in the keys
	Revision   int32 // under which the records from Position on are folded
	Time       int64 // of the last commit, ms since 1970
}

// ReadCheckpoint gives the committed records of a checkpoint topic to restore, in order within a partition, and says where
// each partition stands. A partition on which no task has run has no Saved.
func (c *Client) ReadCheckpoint(ctx context.Context, topic string, restore func(partition int32, key, value []byte) error) (map[int32]Saved, error) {
	r, err := c.NewReader(ctx, ReaderConfig{Topic: topic, ToEnd: true})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all := map[int32]Saved{}
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		switch {
		case string(rec.Key) == positionKey && rec.Value != nil:
			if all[rec.Partition], err = savedOf(rec); err != nil {
				return nil, err
			}
		case len(rec.Key) > 0 && rec.Key[0] == keyPrefix:
			if err := restore(rec.Partition, rec.Key[1:], rec.Value); err != nil {
				return nil, fmt.Errorf("%s/%d at %d: the state of %q cannot be read: %w", rec.Topic, rec.Partition, rec.Offset, rec.Key[1:], err)
			}
		default:
			return nil, fmt.Errorf("%s/%d at %d: key %q is none of a checkpoint: another program wrote to this topic; %s", rec.Topic, rec.Partition, rec.Offset, rec.Key, rebuilding)
		}
	}
}

func savedOf(r *record.Record) (Saved, error) {
	p, err := readPosition(r.Value)
	if err != nil {
		return Saved{}, fmt.Errorf("%s/%d at %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return Saved{Checkpoint: p.checkpoint, Position: p.offset, Revision: p.revision, Time: r.Time}, nil
}

// Range is a piece of a partition: the offsets from From to below To.
type Range struct{ From, To int64 }

// NewRangeReader begins to read pieces of a topic, one a partition, as a Reader with ToEnd does. What is gone from the log's
// start is left out.
func (c *Client) NewRangeReader(ctx context.Context, topic string, pieces map[int32]Range) (*Reader, error) {
	if err := c.NeedTopics(ctx, topic); err != nil {
		return nil, err
	}
	r := &Reader{found: make(chan found, readAhead), left: len(pieces), see: c.cfg.OnRecord}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for partition, piece := range pieces {
		s := newStream(c.cluster, topic, partition, piece.From, readerMaxBytes, readerBatch)
		r.running.Go(func() {
			defer s.close()
			r.give(ctx, found{ended: true, err: r.read(ctx, c, s, piece.To)})
		})
	}
	return r, nil
}
