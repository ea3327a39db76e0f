package retrain

// cooldownEnd is when the model is left alone no longer: after the n-th end in a row that was no success cooldown x 2^(n-1),
// at most the greater of a day and cooldown. It is computed from the active policy and n, never stored. A model without an
// end has none (0).
func (c *Controller) cooldownEnd(m *model) int64 {
	if m.endedAt == nil {
		return 0
	}
	return *m.endedAt + m.control.backOff(m.failures)
}

func (c *Control) backOff(failures int64) int64 {
	most, length := max(day, c.Cooldown), c.Cooldown
	for range failures - 1 {
		if length *= 2; length >= most || length == 0 {
			break
		}
	}
	return min(length, most)
}

// schedule sets when the model must be decided again, and when a Tick is wanted for it.
func (c *Controller) schedule(m *model) {
	a, end := c.assess(m), c.cooldownEnd(m)
	cooling := end > c.now
	deadline, wake := a.release, a.release
	if cooling {
		deadline, wake = end, earlier(end, wake)
	}
	if m.open != nil {
		deadline, wake = m.open.deadline, earlier(m.open.deadline, wake)
	}
	c.deadlines.set(m, deadline)
	c.wakes.set(m, wake)
}

// earlier of two times, 0 being none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
