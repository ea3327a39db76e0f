package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/visutility/retrainer/consumer/record"
)

// errNoProgress says that a checkpoint partition could not be read to the high watermark that it had.
var errNoProgress = errors.New("no progress")

// progressTimeout is how long a load may stand still before the log is taken for cut.
const progressTimeout = 5 * time.Second

// readCheckpoint fills the handler from the checkpoint partition up to t.floor, its high watermark.
func (t *task) readCheckpoint(ctx context.Context) error {
	s := newStream(t.c.cluster, t.in.Checkpoint, t.partition, 0, t.c.cfg.MaxPartitionBytes, t.c.cfg.MaxBatchBytes)
	defer s.close()
	moved := t.c.cfg.Now()
	for s.next < t.floor {
		before := s.next
		err := s.fetch(ctx, 100*time.Millisecond)
		if err == nil {
			err = t.restore(s)
		}
		var out *rangeError
		switch outside := errors.As(err, &out); {
		case outside && out.offset < out.start: // compaction moved the log's start
			s.seek(out.start)
		case err != nil && !outside: // beyond the end it was cut, and nothing comes
			shownFailed(ctx, err)
			if err = s.recover(ctx, err, 50*time.Millisecond); err != nil {
				return err
			}
			moved = t.c.cfg.Now() // nobody was there to ask: that says nothing of the log
		}
		now := t.c.cfg.Now()
		if s.next > before {
			moved = now
		} else if now.Sub(moved) >= progressTimeout {
			return fmt.Errorf("%w beyond offset %d of %d", errNoProgress, s.next, t.floor)
		} else if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// restore gives the records of one fetch to the handler; the last position of all stands.
func (t *task) restore(s *stream) error {
	var r record.Record
	for s.next < t.floor {
		ok, err := s.read(&r)
		if err != nil {
			return drop(causeUnreadable, "reading the checkpoint", err)
		}
		if !ok {
			return nil
		}
		switch {
		case string(r.Key) == positionKey && r.Value != nil:
			if t.saved, err = readPosition(r.Value); err != nil {
				return stop("%s/%d at %d: %w", s.topic, s.partition, r.Offset, err)
			}
			t.known = true
		case len(r.Key) > 0 && r.Key[0] == keyPrefix:
			if err := t.handler.Restore(slices.Clone(r.Key[1:]), slices.Clone(r.Value)); err != nil {
				return stop("%s/%d at %d: the state of %q cannot be read: %w", s.topic, s.partition, r.Offset, r.Key[1:], err)
			}
		default:
			return stop("%s/%d at %d: key %q is none of a checkpoint: another program wrote to this topic; %s", s.topic, s.partition, r.Offset, r.Key, rebuilding)
		}
	}
	return nil
}

// begin is the first start on a partition: the position is committed before the first record is folded, so that a crash
// does not move where it begins.
func (t *task) begin(ctx context.Context) error {
	from := t.committed.offset
	if from < 0 {
		var start From
		if t.in.Versioned {
			start = t.c.cfg.From
		}
		var err error
		from, err = start.offset(func(at int64) (int64, error) { return t.c.cluster.offsetAt(ctx, t.in.Topic, t.partition, at) })
		if err != nil {
			return err
		}
	}
	t.log.Debug().Int64("offset", from).Msg("first start on this partition")
	return t.transact(position{topicID: t.topicID, offset: from, checkpoint: from, revision: t.revision.Number, writer: t.c.cfg.Writer}, nil)
}

// rebuild prepares a replay from the log's start to the committed offset.
func (t *task) rebuild(ctx context.Context) error {
	start, err := t.c.cluster.offsetAt(ctx, t.in.Topic, t.partition, earliest)
	if err != nil {
		return err
	}
	t.handler = t.in.New() // whatever keys were left say nothing without a position
	t.saved = position{topicID: t.topicID, offset: t.committed.offset, checkpoint: min(start, t.committed.offset), revision: t.revision.Number, writer: t.c.cfg.Writer}
	return nil
}

// withinLog waits, loudly, where the input's end lies below the position, and says loudly where records between the
// checkpoint and the log's start are gone: what they did to the state cannot be folded again.
func (t *task) withinLog(ctx context.Context) error {
	start, err := t.c.cluster.offsetAt(ctx, t.in.Topic, t.partition, earliest)
	if err != nil {
		return err
	}
	for { // a replay beyond the end would take what is appended there now for what was folded before
		end, err := t.c.cluster.offsetAt(ctx, t.in.Topic, t.partition, latest)
		if err != nil {
			return err
		}
		if end >= t.saved.offset {
			break
		}
		if err := t.outOfRange(ctx, &rangeError{t.in.Topic, t.partition, t.saved.offset, start, end}); err != nil {
			return err
		}
	}
	if t.saved.checkpoint < start {
		t.log.Error().Int64("checkpoint_offset", t.saved.checkpoint).Int64("log_start", start).Int64("position", t.saved.offset).
			Msg("gap: records after the checkpoint were deleted by retention before they could be folded again")
		t.saved.checkpoint = min(start, t.saved.offset)
	}
	return nil
}
