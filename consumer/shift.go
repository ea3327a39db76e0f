package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer/record"
)

// shift is a Queue's work in one generation: it takes records from the lanes, gives them to Work one at a time, and commits
// what is done. One goroutine runs it.
type shift struct {
	q       *Queue
	g       *generation
	log     zerolog.Logger
	lanes   []*lane
	resumed chan struct{} // closed when each lane knows where it begins
	records chan handed   // without a buffer: waiting lanes are served in the order in which they came
}

// handed is a record on its way to Work, and the id of the topic that it was read from.
type handed struct {
	record record.Record
	id     [16]byte
}

func newShift(q *Queue, g *generation) *shift {
	s := &shift{q: q, g: g, resumed: make(chan struct{}), records: make(chan handed),
		log: g.log.With().Str("topic", q.cfg.Topic).Int32("generation", g.number).Logger()}
	for _, p := range g.owned[q.cfg.Topic] {
		s.lanes = append(s.lanes, newLane(s, p))
	}
	return s
}

// live is resume, then take until the generation ends, then the last commit under it: a broker takes it until the group has
// been formed anew.
func (s *shift) live() error {
	if err := s.resume(s.g.soft); err != nil {
		return err
	}
	close(s.resumed)
	for s.g.soft.Err() == nil {
		if err := s.take(s.g.soft); err != nil && s.g.soft.Err() == nil {
			return err
		}
	}
	last := s.g.hard
	if s.q.working.Err() != nil { // it has been tried for as long as there is time
		limited, cancel := context.WithTimeout(last, lastTry)
		defer cancel()
		last = limited
	}
	if err := s.commit(last); err != nil {
		s.log.Info().Err(err).Msg("what is done could not be committed at the end of the generation: again in the next")
	}
	return nil
}

// take does what comes next: a record, the end of the one in work, a commit that is due, or the end of it all.
func (s *shift) take(ctx context.Context) error {
	q := s.q
	var ended, stopped <-chan struct{}
	var records <-chan handed
	switch j := q.inWork(); {
	case j != nil:
		ended = j.ended
	case q.working.Err() == nil:
		records, stopped = s.records, q.working.Done()
	default: // nothing is begun any more
		if err := s.commit(ctx); err != nil {
			return err
		}
		q.leave()
		<-ctx.Done()
		return nil
	}
	share, err := q.share(s)
	if err != nil {
		return err
	}
	due := q.due()
	select {
	case <-share:
	case <-ended:
		return s.ended(ctx)
	case h := <-records:
		q.begin(h)
	case <-due:
		return s.commit(ctx)
	case <-stopped:
	case <-ctx.Done():
	}
	return nil
}

// ended puts a job away whose Work has returned. What took long is committed before anything else is begun.
func (s *shift) ended(ctx context.Context) error {
	if s.q.putAway() {
		return nil
	}
	return s.commit(ctx)
}

// putAway is for a job that failed, or was quick: its offset is committed with others.
func (q *Queue) putAway() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	j := q.job
	switch {
	case j.err != nil:
		q.job = nil
		return true
	case j.took >= quickWork || j.lost != "":
		return false
	}
	if len(q.done) == 0 {
		q.since = q.cfg.Client.Now()
	}
	q.done[j.record.Partition], q.job = j.mark, nil
	return true
}

// due is when what is done has to be committed, nil if nothing has.
func (q *Queue) due() <-chan time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.done) == 0 {
		return nil
	}
	return time.After(commitWait - q.cfg.Client.Now().Sub(q.since))
}

var (
	errBusy = errors.New("this member is busy: what it cannot begin goes to others")
	errFree = errors.New("this member is free again, and takes its share")
)

// share is when to look whether the group has to be told that this member is busy, nil if never; or why it has to be told now.
func (q *Queue) share(s *shift) (<-chan time.Time, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.working.Err() != nil: // it leaves as soon as it can, and then others get everything
		return nil, nil
	case q.job == nil && q.told != nil:
		return nil, &fault{fate: fateEnd, what: "share", err: errFree}
	case q.job == nil || q.told == q.job || q.job.over() || len(s.lanes) == 1 || !s.has(q.job.record.Partition):
		return nil, nil
	}
	left := longWork - q.cfg.Client.Now().Sub(q.job.began)
	if left <= 0 {
		return nil, &fault{fate: fateEnd, what: "share", err: errBusy}
	}
	return time.After(left), nil
}

// resume finds where each lane goes on.
func (s *shift) resume(ctx context.Context) error {
	s.q.forgetOthers(s)
	for _, l := range s.lanes {
		retry := delays(50 * time.Millisecond)
		for {
			err := l.resume(ctx)
			if err == nil {
				break
			}
			if !passes(err) {
				return err
			}
			l.because(err.Error())
			if err := pause(ctx, retry.NextBackOff()); err != nil {
				return err
			}
		}
	}
	return nil
}

// commit commits what is done of this generation's partitions; a cluster that does not answer is asked until ctx is done.
func (s *shift) commit(ctx context.Context) error {
	retry := delays(50 * time.Millisecond)
	for {
		id, offsets, err := s.q.toCommit(ctx, s)
		if err == nil && len(offsets) == 0 {
			return nil
		}
		if err == nil {
			err = s.g.commit(ctx, s.q.cfg.Topic, id, offsets)
		}
		switch {
		case err == nil:
			s.q.committed(offsets)
			return nil
		case fateOfError(err) == fateEnd || !passes(err):
			return err
		}
		s.log.Warn().Err(err).Msg("the offset of what is done waits for its commit")
		if err := pause(ctx, retry.NextBackOff()); err != nil {
			return err
		}
	}
}

// toCommit is what is done and this member's to commit. What is not, is forgotten: it comes again elsewhere, or has been gone
// past.
func (q *Queue) toCommit(ctx context.Context, s *shift) (id [16]byte, offsets map[int32]int64, err error) {
	info, err := q.client.cluster.topic(ctx, q.cfg.Topic)
	if err != nil {
		return id, nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	offsets = map[int32]int64{}
	for p, m := range q.done { // order: into a map
		if m.id == info.id {
			offsets[p] = m.next
		} else {
			delete(q.done, p)
		}
	}
	j := q.job
	if j == nil || !j.over() || j.err != nil {
		return info.id, offsets, nil
	}
	switch {
	case !s.has(j.record.Partition):
		j.lost = "its partition went to another member of the group while it was in work, for the session was over"
	case j.mark.id != info.id:
		j.lost = "the topic was made anew while it was in work"
	}
	if j.lost == "" {
		offsets[j.record.Partition] = j.mark.next
		return info.id, offsets, nil
	}
	s.log.Warn().Int32("partition", j.record.Partition).Int64("offset", j.record.Offset).Dur("took", j.took).
		Msg("a record is done, but its offset is not committed: " + j.lost)
	q.job = nil
	return info.id, offsets, nil
}

// committed forgets what has been committed, and what that covers: a record done quickly, when the one behind it took long.
func (q *Queue) committed(offsets map[int32]int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for p, next := range offsets { // order: deletes only
		if q.done[p].next <= next {
			delete(q.done, p)
		}
		if q.job != nil && q.job.record.Partition == p && q.job.mark.next == next {
			q.job = nil
		}
	}
}

// forgetOthers forgets what was done quickly of partitions that are not this member's any more: it comes again elsewhere.
func (q *Queue) forgetOthers(s *shift) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for p := range q.done { // order: deletes only
		if !s.has(p) {
			delete(q.done, p)
		}
	}
}

func (s *shift) has(partition int32) bool {
	for _, l := range s.lanes {
		if l.partition == partition {
			return true
		}
	}
	return false
}

// resumeAt is where a partition goes on whose committed offset is at: behind what was done here since, unless its group has
// gone past that.
func (q *Queue) resumeAt(l *lane, at int64) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if m, ok := q.done[l.partition]; ok {
		if m.id == l.id && m.next > at {
			at = m.next
		} else {
			delete(q.done, l.partition)
		}
	}
	j := q.job
	if j == nil || j.record.Partition != l.partition || j.lost != "" {
		return at
	}
	switch {
	case j.mark.id != l.id:
		j.lost = "the topic was made anew while it was in work"
	case at > j.mark.next:
		j.lost = "another member of the group has gone past it, for the session was over while it was in work"
	default:
		return j.mark.next
	}
	return at
}
