package consumer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/visutility/retrainer/consumer/record"
)

// Outputs that wait are committed in the middle of a fetch when there are so many of them, or so many bytes.
const (
	mostOutputs     = 2000
	mostOutputBytes = 4 << 20
)

// fetch asks once for more input. What passes by itself (a leader moved, a broker is away) is waited for and shown. While
// a record is held there is input enough.
func (t *task) fetch(ctx context.Context, wait time.Duration) error {
	if t.held != nil {
		return t.await(ctx, wait)
	}
	err := t.input.fetch(ctx, wait)
	if err == nil {
		t.because(t.unticked)
		if !t.replaying {
			t.fedOnce()
		}
		return nil
	}
	if out, ok := err.(*rangeError); ok {
		return t.outOfRange(ctx, out)
	}
	if errors.Is(err, errMadeAnew) {
		return t.madeAnew()
	}
	t.status.set(func(v *TaskStatus) { v.Why, v.Lag = err.Error(), -1 })
	if fateOfError(err) == fateDenied && t.c.served.Load() {
		return pause(ctx, deniedPause)
	}
	return t.input.recover(ctx, err, 100*time.Millisecond)
}

// madeAnew refuses the new topic, and says how to begin with it. Of the program's own topics nothing of before can be kept.
func (t *task) madeAnew() error {
	way := "use another --app"
	if t.in.Versioned {
		way = fmt.Sprintf("stop all instances, delete %s, run `retrainer topics apply` and start again; or use another --app", t.in.Checkpoint)
	}
	return stop("topic %s was made anew: offsets of the one before, which %s holds, mean nothing in it; to begin with the new one, %s", t.in.Topic, t.in.Checkpoint, way)
}

// outOfRange: below the log's start, retention was faster than we: said loudly, reading goes on at the start. Beyond the
// log's end, the topic lost acknowledged records: what is appended there now would be skipped, so an operator has to look.
func (t *task) outOfRange(ctx context.Context, e *rangeError) error {
	if e.offset < e.start {
		t.log.Error().Int64("from", e.offset).Int64("to", e.start).Msg("gap: the records between were deleted by retention before they were read")
		t.input.seek(e.start)
		return nil
	}
	t.because(fmt.Sprintf("%v: the topic lost records that were read before", e))
	t.log.Error().Err(e).Msg("the topic lost records that were read before: waiting until its end is reached again")
	return pause(ctx, time.Second)
}

// foldUpTo folds the records of the last fetch that lie below limit, until many outputs wait; more says that some are left.
func (t *task) foldUpTo(limit int64) (more bool, err error) {
	defer func() {
		if t.inHandler {
			err = t.panicked(recover())
		}
	}()
	for len(t.outputs) < mostOutputs && t.waiting < mostOutputBytes {
		ok, err := t.read()
		if err != nil {
			return false, t.unreadable(err)
		}
		if !ok || t.now.Offset >= limit {
			return false, nil
		}
		if t.in.Tick != nil {
			t.clock.saw(t.now.Time, t.c.cfg.Now())
		}
		t.folded++
		t.lastTime = t.now.Time
		before := len(t.outputs)
		t.inHandler = true
		t.outputs, err = t.fold(&t.now)
		t.inHandler = false
		if t.holds(err) {
			continue // its schema may be there, or refused, already
		}
		if err != nil {
			return false, err
		}
		for i := before; i < len(t.outputs); i++ {
			t.waiting += sizeOf(&t.outputs[i])
		}
	}
	return true, nil
}

func (t *task) fold(r *record.Record) ([]record.Output, error) {
	if dead := t.refused; dead != nil {
		t.refused = nil
		return t.passOver(r, dead)
	}
	if what, ok := t.poisoned[r.Offset]; ok {
		return t.passOver(r, &record.Dead{Reason: record.ReasonPanic, Stage: record.StageFold, Message: what})
	}
	out, err := t.handler.Fold(r, t.outputs)
	if err == nil {
		return out, nil
	}
	var dead *record.Dead
	switch {
	case errors.As(err, new(*record.Needs)):
		return out, err
	case !errors.As(err, &dead):
		return out, stop("%s/%d at %d: %w", r.Topic, r.Partition, r.Offset, err)
	case dead.Outside && t.again(): // or the state would not be what it was
		return out, stop("%s/%d at %d was folded before and cannot be folded again: %s; start with the settings that it was folded under",
			r.Topic, r.Partition, r.Offset, dead.Message)
	}
	return t.deadLetter(r, dead, out)
}

// passOver makes a dead letter of a record that is not given to Fold.
func (t *task) passOver(r *record.Record, dead *record.Dead) ([]record.Output, error) {
	out, err := t.handler.Pass(r, t.outputs)
	if err != nil {
		return out, err
	}
	return t.deadLetter(r, dead, out)
}

// panicked draws the conclusion of a handler's panic: its state cannot be trusted any more.
func (t *task) panicked(p any) error {
	t.inHandler = false
	at := place{t.in.Topic, t.partition, t.now.Offset}
	what := fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
	if t.in.OnPanic == PanicStop {
		return stop("%s/%d at %d broke an invariant of what is folded; nothing of it was published. Keep this record and report it; going on would need a version that can fold it. %s",
			at.topic, at.partition, at.offset, what)
	}
	t.c.poison.mark(at, what)
	return drop(causePanic, fmt.Sprintf("folding %s/%d at %d", at.topic, at.partition, at.offset), fmt.Errorf("panic: %v", p))
}

// unreadable: a batch that cannot be read is the broker's disk or network: asked for again by a new life, never skipped.
func (t *task) unreadable(err error) error { return drop(causeUnreadable, "reading", err) }

// switchRevision goes over to a greater revision. The commit that follows is the switch: every key, under the new one.
func (t *task) switchRevision() error {
	if !t.in.Versioned {
		return nil
	}
	r, newer := t.c.revisions.newer(t.revision.Number)
	if !newer {
		return nil
	}
	var err error
	if t.outputs, err = t.handler.(record.Versioned).Switch(r, t.outputs); err != nil {
		return stop("revision %d cannot be used: %w", r.Number, err)
	}
	t.log.Info().Int32("from", t.revision.Number).Int32("to", r.Number).Msg("revision switched")
	t.revision, t.everyKey = r, true
	return nil
}

// commitIfDue commits (7) when outputs wait, when a checkpoint is due, at a switch, and when the offset moved a while ago.
func (t *task) commitIfDue() error {
	if len(t.outputs) > 0 || t.everyKey || t.checkpointDue() || t.input.next != t.saved.offset && t.untilOffset() <= 0 {
		return t.commit()
	}
	return nil
}

func (t *task) checkpointDue() bool {
	return t.folded >= t.c.cfg.CheckpointRecords || t.folded > 0 && t.c.cfg.Now().Sub(t.checkpointAt) >= t.c.cfg.CheckpointInterval
}

func (t *task) untilOffset() time.Duration {
	return t.c.cfg.OffsetInterval - t.c.cfg.Now().Sub(t.committedAt)
}

// patience is how long a fetch may wait: not beyond the next commit or tick.
func (t *task) patience() time.Duration {
	wait := t.c.cfg.MaxWait
	if t.input.next != t.saved.offset {
		wait = min(wait, t.untilOffset())
	}
	if h, ok := t.handler.(record.Timed); ok && t.in.Tick != nil && !t.clock.unread(t.input.next, t.c.cfg.Now()) {
		wait = min(wait, t.clock.until(h.Deadline(), t.c.cfg.Now()))
	}
	return max(wait, time.Millisecond)
}
