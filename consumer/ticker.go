package consumer

import (
	"context"
	"math"
	"time"

	"github.com/visutility/retrainer/consumer/record"
)

// brokerClock estimates the broker's time of a partition with LogAppendTime: the last append time plus what has passed here
// since it was read. It never runs ahead of the broker by more than the clocks' drift.
type brokerClock struct {
	last    int64     // append time of the last record read, milliseconds since 1970
	read    time.Time // when that was
	pending int64     // offset of the tick not read yet; it is below input.next once it has been
	sent    time.Time // when pending was appended
	ask     bool      // a tick is wanted in any case: it tells the broker's time
	waiting time.Time // no further try before
}

const (
	tickTimeout = 2 * time.Second // the task waits for it
	tickLost    = 5 * time.Second // a tick that was not read by then is gone: the log was cut
)

func (b *brokerClock) saw(at int64, now time.Time) {
	b.last, b.read = at, now // a smaller one too: a new leader's clock may be behind
}

// unread tells whether a tick is on its way to a task that reads on at next.
func (b *brokerClock) unread(next int64, now time.Time) bool {
	return b.pending >= next && now.Sub(b.sent) < tickLost
}

// until is how long it takes until a moment of the broker's clock; far away where there is none.
func (b *brokerClock) until(deadline int64, now time.Time) time.Duration {
	if deadline == 0 || b.last == 0 {
		return math.MaxInt64
	}
	return time.Duration(deadline-b.last)*time.Millisecond - now.Sub(b.read)
}

// tick appends the input's tick record to its own partition when the handler's deadline is reached, and once on entering
// run. At most one unread tick is outstanding. It is a plain append: it becomes part of the order that is folded, and the
// transaction that folds it advances over it.
func (t *task) tick(ctx context.Context) {
	h, ok := t.handler.(record.Timed)
	now := t.c.cfg.Now()
	if t.in.Tick == nil || !ok || t.clock.unread(t.input.next, now) {
		return
	}
	if now.Before(t.clock.waiting) {
		return
	}
	if !t.clock.ask && t.clock.until(h.Deadline(), now) > 0 {
		t.unticked = "" // what a tick was wanted for came about without one, or by one whose answer was lost
		return
	}
	t.clock.waiting = now.Add(time.Millisecond)
	ctx, cancel := context.WithTimeout(ctx, tickTimeout)
	defer cancel()
	base, err := t.ticks.append(ctx, t.partition, []record.Output{{Topic: t.in.Topic, Value: t.in.Tick}})
	if err != nil {
		t.log.Warn().Err(err).Msg("a tick could not be appended")
		t.clock.waiting, t.unticked = now.Add(time.Second), "no timer fires: "+err.Error()
		return
	}
	t.unticked = ""
	t.clock.pending, t.clock.sent, t.clock.ask = base, now, false
}
