package consumer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/visutility/retrainer/consumer/record"
)

// revisions are the numbered versions that Versioned handlers fold by, as the topic Config.Revisions holds them: one
// partition, compacted, key = number in decimal. They are read by every member on its own, outside the group.
type revisions struct {
	topic string

	mu      sync.Mutex
	byNum   map[int32][]byte
	newest  record.Revision // the greatest; its number is noRevision: none
	atEnd   bool            // the topic has been read to the end that it had at start
	away    error           // why it cannot be read at the moment; nil: it can
	fails   int             // how often it could not be
	looked  bool            // one that was read is being looked at (Config.OnRevision), which may wait for others
	arrived chan struct{}   // closed and made anew whenever something changed
}

func newRevisions(topic string) *revisions {
	return &revisions{topic: topic, byNum: map[int32][]byte{}, newest: record.Revision{Number: noRevision}, arrived: make(chan struct{})}
}

// read follows the topic until ctx is done. A record that is not a revision stops the process.
func (v *revisions) read(ctx context.Context, c *Consumer) error {
	s := newStream(c.cluster, c.cfg.Revisions, 0, 0, c.cfg.MaxPartitionBytes, c.cfg.MaxBatchBytes)
	defer s.close()
	end, wait := int64(-1), delays(20*time.Millisecond)
	for ctx.Err() == nil {
		err := v.follow(ctx, c, s, &end)
		if err == nil {
			c.status.lacks("")
			wait.Reset()
			continue
		}
		if out, ok := err.(*rangeError); ok { // compaction moved the log's start, or the topic was cut
			s.seek(out.start)
			end = min(end, out.endOffset)
			continue
		}
		v.failed(err)
		if fateOfError(err) == fateDenied && c.served.Load() { // what was read stands
			c.status.lacks(err.Error())
			_ = pause(ctx, deniedPause)
			continue
		}
		if err = s.recover(ctx, err, wait.NextBackOff()); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

func (v *revisions) follow(ctx context.Context, c *Consumer, s *stream, end *int64) (err error) {
	if *end < 0 {
		if *end, err = c.cluster.offsetAt(ctx, s.topic, 0, latest); err != nil {
			return err
		}
	}
	if s.next >= *end {
		v.reachedEnd()
	}
	if err := s.fetch(ctx, c.cfg.MaxWait); err != nil {
		return err
	}
	v.readable()
	var r record.Record
	for {
		ok, err := s.read(&r)
		if err != nil || !ok {
			return err
		}
		n, err := strconv.ParseInt(string(r.Key), 10, 32)
		if err != nil || n < 0 || r.Value == nil {
			return stop("%s/0 at %d: key %q is not the number of a revision: another program wrote to this topic: remove its records, or start all instances with another --app", s.topic, r.Offset, r.Key)
		}
		if err := v.take(ctx, c, record.Revision{Number: int32(n), Value: slices.Clone(r.Value)}); err != nil {
			return err
		}
	}
}

// take shows a revision to whoever looks, before any task folds by it.
func (v *revisions) take(ctx context.Context, c *Consumer, r record.Revision) (err error) {
	if c.cfg.OnRevision != nil {
		v.looking(true)
		defer v.looking(false)
		if r, err = c.cfg.OnRevision(ctx, r); err != nil {
			return err
		}
	}
	v.add(r)
	return nil
}

func (v *revisions) add(r record.Revision) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.byNum[r.Number] = r.Value
	if r.Number >= v.newest.Number {
		v.newest = r
	}
	v.changed()
}

func (v *revisions) reachedEnd() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.atEnd {
		v.atEnd = true
		v.changed()
	}
}

func (v *revisions) looking(is bool) { v.mu.Lock(); v.looked = is; v.mu.Unlock() }

// gone tells whether a revision is not there, nor perhaps the one that is being looked at.
func (v *revisions) gone(n int32) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.byNum[n]
	return !ok && !v.looked
}

// failed notes that the topic could not be read.
func (v *revisions) failed(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.away = fmt.Errorf("waiting for %s: %w", v.topic, err)
	v.fails++
	v.changed()
}

// readable notes that it could.
func (v *revisions) readable() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.away = nil
}

func (v *revisions) changed() {
	close(v.arrived)
	v.arrived = make(chan struct{})
}

// active waits until the topic has been read to its end and holds a revision, and gives the greatest.
func (v *revisions) active(ctx context.Context) (record.Revision, error) {
	for {
		v.mu.Lock()
		newest, atEnd, arrived, away := v.newest, v.atEnd, v.arrived, v.away
		v.mu.Unlock()
		if atEnd && newest.Number != noRevision {
			return newest, nil
		}
		if away != nil {
			shownFailed(ctx, away)
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return record.Revision{}, ctx.Err()
		}
	}
}

// newer tells the greatest revision if it is greater than n.
func (v *revisions) newer(n int32) (record.Revision, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.newest, v.newest.Number > n
}

// revisionPatience is how long a revision may be missing in a topic that can be read, and is.
const revisionPatience = time.Minute

// get waits for a certain revision. One that a position names was committed before that position, but this member may not
// have read it yet. While the topic cannot be read, nothing can be said of what is in it.
func (v *revisions) get(ctx context.Context, n int32) (record.Revision, error) {
	patience, before := time.NewTimer(revisionPatience), -1
	defer patience.Stop()
	for {
		v.mu.Lock()
		value, ok := v.byNum[n]
		arrived, away, fails := v.arrived, v.away, v.fails
		v.mu.Unlock()
		if ok {
			return record.Revision{Number: n, Value: value}, nil
		}
		if away != nil {
			shownFailed(ctx, away)
		}
		if fails != before { // it could not be read: begin again
			patience.Reset(revisionPatience)
			before = fails
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return record.Revision{}, ctx.Err()
		case <-patience.C:
			if !v.gone(n) {
				shownFailed(ctx, fmt.Errorf("waiting for a revision of %s that has been read, but not looked at", v.topic))
				before = -1
				continue
			}
			return record.Revision{}, stop("revision %d, under which a checkpoint was written, is not in topic %s any more, which lost a record; %s", n, v.topic, rebuilding)
		}
	}
}
