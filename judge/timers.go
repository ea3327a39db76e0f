package main

import (
	"slices"
	"time"
)

// tickAt is the ledger time at which a model wants a Tick: its open command's deadline, else the end of its cool-down, else the
// first moment at which an alert is held back no longer.
func (c *controller) tickAt(name string, m *model) int64 {
	if m.open != nil {
		return m.open.deadline
	}
	if end := c.cooling(name, m); end > 0 {
		return end
	}
	return c.nextChange(name, m)
}

// timersFired notes how long after their ledger time timers fired: at the append time of the first entry from then on.
func (c *controller) timersFired() {
	for _, n := range c.names {
		if m := c.models[n]; m.tick > 0 && m.tick <= c.now {
			c.late = append(c.late, c.now-m.tick)
			m.tick = 0
		}
	}
}

// within holds timers to a time. On a machine that others use too, any process may be held up now and then: a fifth of the
// timers may be later. A program that wakes too seldom, or by its own clock, is late with most of them.
func (r *report) within(late []int64, most time.Duration) {
	slices.Sort(late)
	beyond := len(late)
	for _, ms := range late {
		if ms <= most.Milliseconds() {
			beyond--
		}
	}
	if len(late) == 0 || 5*beyond > len(late) {
		r.mismatch("%d of %d timers fired more than %v after their ledger time, by the ledger's append times; in ms: %v", beyond, len(late), most, late)
	}
}
