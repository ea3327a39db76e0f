package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer/record"
)

// laneWait is how long the broker may hold an empty fetch: a record that comes is answered at once.
const laneWait = 5 * time.Second

// lane reads one partition for one generation and hands its records over. One goroutine runs it.
type lane struct {
	s         *shift
	partition int32
	log       zerolog.Logger
	id        [16]byte // of the topic that is read
	from      int64
	status    taskStatus
}

func newLane(s *shift, partition int32) *lane {
	l := &lane{s: s, partition: partition, log: s.log.With().Int32("partition", partition).Logger()}
	l.status.v = TaskStatus{Topic: s.q.cfg.Topic, Partition: partition, State: stateWaiting, Position: -1, Lag: -1}
	return l
}

// resume finds where the lane begins.
func (l *lane) resume(ctx context.Context) error {
	q := l.s.q
	info, err := q.client.cluster.topic(ctx, q.cfg.Topic)
	if err != nil {
		return err
	}
	l.id = info.id
	at, err := q.client.cluster.committed(ctx, q.cfg.Group, q.cfg.Topic, l.id, l.partition)
	if err != nil {
		return err
	}
	if at.offset < 0 {
		if at.offset, err = q.client.cluster.offsetAt(ctx, q.cfg.Topic, l.partition, earliest); err != nil {
			return err
		}
	}
	l.from = q.resumeAt(l, at.offset)
	return nil
}

// live reads from where the lane begins until the generation ends.
func (l *lane) live() error {
	ctx, c := l.s.g.soft, l.s.q.client.cluster
	select {
	case <-l.s.resumed:
	case <-ctx.Done():
		return nil
	}
	in := newStream(c, l.s.q.cfg.Topic, l.partition, l.from, readerMaxBytes, readerBatch)
	defer in.close()
	l.status.set(func(v *TaskStatus) { v.State, v.Position, v.Why = stateRunning, l.from, "" })
	retry := delays(100 * time.Millisecond)
	for ctx.Err() == nil {
		err := l.follow(ctx, in)
		switch {
		case err == nil:
			retry.Reset()
			continue
		case ctx.Err() != nil:
			return nil
		case !passes(err) && fateOfError(err) != fateDrop:
			return err
		}
		l.because(err.Error())
		_ = pause(ctx, retry.NextBackOff())
		_ = c.refresh(ctx, in.topic)
	}
	return nil
}

// follow fetches once and hands over what came.
func (l *lane) follow(ctx context.Context, in *stream) error {
	info, err := in.cluster.topic(ctx, in.topic)
	if err != nil {
		return err
	}
	if info.id != l.id {
		l.log.Error().Int64("offset", in.next).Msg("the topic was made anew: going on at its start")
		return l.restart(ctx, in, info.id)
	}
	var out *rangeError
	if err := in.fetch(ctx, laneWait); errors.As(err, &out) {
		l.log.Error().Err(err).Msg("gap: the topic was cut, made anew, or its retention was faster: going on at the log's start")
		return l.restart(ctx, in, info.id)
	} else if err != nil {
		return err
	}
	l.because("")
	var r record.Record
	for {
		next, end := in.next, in.end
		l.status.set(func(v *TaskStatus) { v.Position, v.Lag = next, max(0, end-next) })
		ok, err := in.read(&r)
		if err != nil {
			l.log.Warn().Err(err).Msg("a batch cannot be read: fetching it again")
			return drop(causeUnreadable, "reading", err)
		}
		if !ok {
			return nil
		}
		select {
		case l.s.records <- handed{kept(&r), l.id}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// restart goes on at the log's start.
func (l *lane) restart(ctx context.Context, in *stream, id [16]byte) error {
	start, err := in.cluster.offsetAt(ctx, in.topic, l.partition, earliest)
	if err != nil {
		return err
	}
	l.id = id
	in.seek(start)
	return nil
}

// because shows what the lane waits for.
func (l *lane) because(why string) { l.status.set(func(v *TaskStatus) { v.Why = why }) }
