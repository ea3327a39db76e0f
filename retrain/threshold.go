package retrain

import "math"

// threshold is on from a value strictly beyond the level, at check minChecks or later, until one at or past clear.
type threshold struct {
	level     limit
	clear     float64
	minChecks uint32
}

// One word: the checks so far, and whether it is on.
const thresholdOn = 1 << 63

func (o *threshold) words() int { return 1 }

func (o *threshold) valid(v float64) bool { return finite(v) }

func (o *threshold) observe(memory []uint64, v float64, t int64) observation {
	seen, on := uint32(memory[0]), memory[0]&thresholdOn != 0
	was, beyond := on, o.level.beyond(v)
	if seen < math.MaxUint32 {
		seen++
	}
	switch {
	case beyond:
		on = seen >= o.minChecks
	case !limit{o.clear, o.level.below}.beyond(v):
		on = false
	}
	memory[0] = uint64(seen)
	if on {
		memory[0] |= thresholdOn
	}
	return observation{alarm: on && !was, inBreach: on, beyond: beyond, since: t}
}

func (o *threshold) tree() map[string]any {
	return map[string]any{o.level.side(): o.level.value, "clear": o.clear, "min_checks": float64(o.minChecks)}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
