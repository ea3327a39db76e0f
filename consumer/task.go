package consumer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer/record"
)

// task is one partition's work for one generation of the group: fence, load, check, replay, run, end. The functions of its
// states stand here in their order, and nothing else does; commit.go has the transaction, checkpoint.go the reading of the
// checkpoint, fold.go what happens to one record. One goroutine runs it.
type task struct {
	c         *Consumer
	g         *generation
	fences    *fences // of all tasks of this generation
	fed       bool    // this task's first fetch has been told to the others
	in        *Input
	partition int32
	log       zerolog.Logger
	status    taskStatus
	counted   bool // this task's first fence has been told to the others
	ticks     *appender
	lacks     lack            // what a right is missing for since the last drop
	retry     backoff.BackOff // after a drop; from the start again with a commit that is answered

	life // begins with a fence, ends with a drop
}

// life is what a drop throws away.
type life struct {
	handler                   record.Handler
	producer                  producer // transactional: id, epoch and sequences of this fence
	input                     *stream
	topicID                   [16]byte
	committed                 committedOffset // the group's, as loaded
	floor                     int64           // an answer below it in the checkpoint partition says that the log was cut
	saved                     position        // as of the last answered commit
	known                     bool            // saved was loaded or committed
	everyKey                  bool            // the next commit writes every key
	revision                  record.Revision
	outputs                   []record.Output
	waiting                   int              // bytes of outputs
	poisoned                  map[int64]string // offsets that a handler panicked on
	folded                    int64            // records since the last checkpoint
	lastTime                  int64            // of the last record folded
	before, after             []int64          // what the handler had counted at the last commit; at this one
	writing                   []*batch         // of the transaction that is being written
	asked                     bool             // the end of this transaction was asked for: without an answer its fate is not known
	committedAt, checkpointAt time.Time
	clock                     brokerClock
	unticked                  string        // why the last tick could not be appended
	now                       record.Record // being folded
	held                      *record.Needs // what the record in now waits for; nil: nothing
	heldSince                 time.Time     // when it began to wait
	refused                   *record.Dead  // why the record in now will not get what it waited for
	replaying                 bool          // what is folded was folded before
	outside                   bool          // a dead letter that waits to be committed must not be met by a replay
	inHandler                 bool          // a panic now is the handler's
}

func newTask(c *Consumer, g *generation, f *fences, in *Input, partition int32) *task {
	t := &task{c: c, g: g, fences: f, in: in, partition: partition, retry: delays(20 * time.Millisecond),
		log: c.cfg.Log.With().Str("topic", in.Topic).Int32("partition", partition).Int32("generation", g.number).Logger()}
	t.ticks = newAppender(t.c.cluster, t.c.cfg.Now)
	t.status.v = TaskStatus{Topic: in.Topic, Partition: partition, State: stateWaiting, Position: -1, Lag: -1}
	return t
}

// live repeats lives until the generation ends (nil or an error of fateEnd) or the process has to stop (fateStop, or fateDenied).
func (t *task) live() error {
	defer t.enter(stateEnded)
	for {
		err := t.states()
		if t.input != nil {
			t.input.close()
		}
		switch f := fateOfError(err); {
		case t.g.soft.Err() != nil && f != fateStop:
			return nil
		case f == fateEnd || f == fateStop || f == fateDenied && !t.c.served.Load():
			return err
		}
		t.log.Warn().Err(err).Msg("task dropped: fencing again")
		if t.handler != nil { // else there was nothing to lose: it fences until that is answered
			t.c.cfg.Watcher.Dropped(t.in.Topic, t.partition, causeOf(err))
		}
		t.denied(err)
		t.because(err.Error())
		_ = pause(t.g.soft, t.retry.NextBackOff())
	}
}

func (t *task) states() error {
	t.life = life{}
	ctx := showing(t.g.soft, t.show)
	for _, state := range []func(ctx context.Context) error{t.fence, t.load, t.check, t.replay} {
		if err := state(ctx); err != nil {
			return err
		}
	}
	return t.run(t.g.soft)
}

// fence (2): after InitProducerID no transaction of an earlier owner can be committed any more, and those that were have
// their markers. All tasks of a member fence before the first of them loads: an open transaction of a dead owner makes
// offsets unstable for others.
func (t *task) fence(ctx context.Context) error {
	t.enter(stateFencing)
	for said := false; t.c.cluster.partitions(t.in.Checkpoint) <= t.partition; said = true {
		t.fencedOnce() // nobody can have written to a partition that is not there: the others need not wait
		t.fedOnce()
		if !said {
			t.log.Error().Msg(t.c.narrow(t.in))
		}
		t.because(t.c.narrow(t.in))
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		_ = t.c.cluster.refresh(ctx, t.in.Topic, t.in.Checkpoint)
	}
	info, err := t.c.cluster.topic(ctx, t.in.Topic)
	if err != nil {
		return err
	}
	t.topicID = info.id
	t.producer = producer{c: t.c.cluster, now: func() int64 { return t.c.cfg.Now().UnixMilli() },
		txn: t.transactionalID()}
	if err := t.producer.init(ctx); err != nil {
		if fateOfError(err) == fateDenied && t.c.served.Load() {
			t.fencedOnce() // for as long as the right is missing: the others have theirs
		}
		return err
	}
	if err := t.allowed(); err != nil {
		return err
	}
	t.fencedOnce()
	t.because("waiting until every task of this member has fenced")
	select {
	case <-t.fences.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !t.in.Versioned {
		t.revision = record.Revision{Number: noRevision}
		return nil
	}
	t.because(fmt.Sprintf("waiting for a first revision in %s", t.c.cfg.Revisions))
	t.revision, err = t.c.revisions.active(ctx)
	return err
}

// fencedOnce tells the other tasks of this task's first fence.
func (t *task) fencedOnce() {
	if !t.counted {
		if t.counted = true; t.fences.left.Add(-1) == 0 {
			close(t.fences.done)
		}
	}
}

// load (3): the group's committed offset first, then the checkpoint partition up to the high watermark that it has now.
// After the fence nothing committed can lie beyond it. A read that makes no progress means that the log or a marker was
// cut: an abort under the new epoch closes what was left open.
func (t *task) load(ctx context.Context) error {
	t.enter(stateLoading)
	t.handler = t.in.New()
	t.before = t.counts(nil)
	var err error
	if t.committed, err = t.c.cluster.committed(ctx, t.c.cfg.App, t.in.Topic, t.topicID, t.partition); hangs(err) {
		open, failed := t.leftOpen(ctx)
		if failed != nil {
			return failed
		}
		return t.closeHanging(err, "the committed offset is kept open by a transaction that nobody knows any more", open)
	} else if err != nil {
		return err
	}
	if t.floor, err = t.c.cluster.offsetAt(ctx, t.in.Checkpoint, t.partition, latest); err != nil {
		return err
	}
	err = t.readCheckpoint(ctx)
	if errors.Is(err, errNoProgress) {
		return t.closeHanging(err, "the checkpoint partition cannot be read to its end: an unclean election may have cut it", t.beside())
	}
	return err
}

// check (4): position and committed offset are two copies of one number. Where they differ, either the checkpoint topic
// lost something, or somebody moved the offset by hand.
func (t *task) check(ctx context.Context) error {
	t.settle()
	ours := t.committed.ours
	switch {
	case t.known && t.saved.topicID != t.topicID:
		return t.madeAnew()
	case !t.known && ours:
		t.log.Error().Int64("committed", t.committed.offset).Msgf("the checkpoint topic %s is lost: the state is built again from the start of %s, outputs before the committed offset are not said again", t.in.Checkpoint, t.in.Topic)
		t.everyKey = true
		return t.rebuild(ctx)
	case !t.known:
		return t.begin(ctx)
	case ours && t.committed.offset > t.saved.offset:
		t.log.Error().Int64("committed", t.committed.offset).Int64("position", t.saved.offset).Msgf("the checkpoint topic %s lost acknowledged records: replay goes on to the committed offset", t.in.Checkpoint)
		t.saved.offset, t.everyKey = t.committed.offset, true
	case t.committed.offset != t.saved.offset || !ours:
		t.log.Warn().Int64("committed", t.committed.offset).Int64("position", t.saved.offset).Msg("the committed offset was changed by hand: ignored, the position stands and the next commit writes it again")
	}
	return t.withinLog(ctx)
}

// replay (5): what was folded since the checkpoint is folded again under the same revision, and its outputs are discarded:
// they were committed with the position.
func (t *task) replay(ctx context.Context) error {
	t.enter(stateReplaying)
	if t.in.Versioned {
		r, err := t.c.revisions.get(ctx, t.saved.revision)
		if err != nil {
			return err
		}
		if err := t.handler.(record.Versioned).Use(r); err != nil {
			return stop("revision %d cannot be used: %w", r.Number, err)
		}
		t.revision = r
	}
	t.poisoned = t.c.poison.of(t.in.Topic, t.partition)
	t.input = newStream(t.c.cluster, t.in.Topic, t.partition, t.saved.checkpoint, t.c.cfg.MaxPartitionBytes, t.c.cfg.MaxBatchBytes)
	t.input.id = t.topicID
	t.replaying = true
	for t.input.next < t.saved.offset {
		if err := t.fetch(ctx, t.c.cfg.MaxWait); err != nil {
			return err
		}
		for more := true; more; {
			var err error
			if more, err = t.foldUpTo(t.saved.offset); err != nil {
				return err
			}
			t.discard()
		}
		t.place()
	}
	t.input.seek(max(t.saved.offset, t.input.start)) // what a replay below the log's start could not reach is gone
	t.before = t.counts(t.before[:0])
	t.c.cfg.Watcher.Loaded(t.in.Topic, t.partition, t.folded, t.before)
	return nil
}

// run (6): fetch, fold, and commit (7) whatever waits.
func (t *task) run(ctx context.Context) error {
	t.lacks = lack{}
	t.enter(stateRunning)
	t.replaying, t.committedAt, t.checkpointAt = false, t.c.cfg.Now(), t.c.cfg.Now()
	t.clock.ask, t.clock.pending = true, -1
	for ctx.Err() == nil {
		if err := t.switchRevision(); err != nil {
			return err
		}
		if err := t.commitIfDue(); err != nil {
			return err
		}
		t.tick(ctx)
		if err := t.fetch(ctx, t.patience()); err != nil && ctx.Err() == nil {
			return err
		}
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = t.foldUpTo(math.MaxInt64); err != nil {
				return err
			}
			if err := t.commitIfDue(); err != nil {
				return err
			}
		}
		t.place()
	}
	return t.finish()
}

// finish (9): a consumer that was told to stop commits what it has; one whose generation is over leaves it to the next owner.
func (t *task) finish() error {
	if t.g.finishing() && (len(t.outputs) > 0 || t.input.next != t.saved.offset) {
		return t.commit()
	}
	return t.g.soft.Err()
}

// enter logs and shows a state.
func (t *task) enter(state string) {
	t.log.Debug().Str("state", state).Msg("task")
	t.status.set(func(v *TaskStatus) {
		if v.State = state; state == stateFencing {
			v.Lag = -1 // nobody asks for a while
		} else {
			v.Why = t.lacks.why // why it was dropped holds until the fence is answered, and a right that is missing until the task runs
		}
	})
}

// because shows what the task waits for.
func (t *task) because(why string) { t.status.set(func(v *TaskStatus) { v.Why = why }) }

// show is because, but what failed is not hidden by what is only asked again.
func (t *task) show(why string, failed bool) {
	t.status.set(func(v *TaskStatus) {
		if failed || v.Why == "" {
			v.Why = why
		}
	})
}

// place shows how far the task has come.
func (t *task) place() {
	next, end, last := t.input.next, t.input.end, t.lastTime
	t.status.set(func(v *TaskStatus) { v.Position, v.Lag, v.Time = next, max(0, end-next), last })
}
