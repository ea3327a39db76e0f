package retrain

import "math/bits"

// sustained holds while at least k of the last n checks were strictly beyond the level; the ring need not be full.
type sustained struct {
	level limit
	k, n  int
}

// Memory: the time of the first breach after the ring last held none, then the ring, newest bit lowest.
func (o *sustained) words() int { return 1 + (o.n+63)/64 }

func (o *sustained) valid(v float64) bool { return finite(v) }

func (o *sustained) observe(memory []uint64, v float64, t int64) observation {
	ring, beyond := memory[1:], o.level.beyond(v)
	before := ones(ring)
	if beyond && before == 0 {
		memory[0] = uint64(t)
	}
	o.push(ring, beyond)
	inBreach := ones(ring) >= o.k
	return observation{alarm: inBreach && before < o.k, inBreach: inBreach, beyond: beyond, since: int64(memory[0])}
}

func (o *sustained) push(ring []uint64, beyond bool) {
	var carry uint64
	if beyond {
		carry = 1
	}
	for i, w := range ring {
		ring[i], carry = w<<1|carry, w>>63
	}
	if spare := len(ring)*64 - o.n; spare > 0 {
		ring[len(ring)-1] &= ^uint64(0) >> spare
	}
}

func ones(ring []uint64) int {
	n := 0
	for _, w := range ring {
		n += bits.OnesCount64(w)
	}
	return n
}

func (o *sustained) tree() map[string]any {
	return map[string]any{o.level.side(): o.level.value, "k": float64(o.k), "n": float64(o.n)}
}
