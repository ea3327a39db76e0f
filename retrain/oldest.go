package retrain

// oldest is a heap of sources by a time not later than that at which each was last heard. A source heard again stays where it
// is; only when it comes to the top is it put where it belongs. So an event costs nothing here, and every source one step of
// the heap per source_ttl.
type oldest struct {
	times   []int64
	sources []uint32
}

// next is the source on top if its time is before the given one, else 0.
func (h *oldest) next(before int64) uint32 {
	if len(h.times) == 0 || h.times[0] >= before {
		return 0
	}
	return h.sources[0]
}

func (h *oldest) time() int64 { return h.times[0] }

func (h *oldest) push(time int64, source uint32) {
	h.times, h.sources = append(h.times, time), append(h.sources, source)
	for i := len(h.times) - 1; i > 0; {
		parent := (i - 1) / 2
		if h.times[parent] <= h.times[i] {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

// later gives the source on top a later time.
func (h *oldest) later(time int64) {
	h.times[0] = time
	h.down()
}

func (h *oldest) pop() {
	last := len(h.times) - 1
	h.swap(0, last)
	h.times, h.sources = h.times[:last], h.sources[:last]
	h.down()
}

func (h *oldest) down() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h.times) {
			return
		}
		if child+1 < len(h.times) && h.times[child+1] < h.times[child] {
			child++
		}
		if h.times[i] <= h.times[child] {
			return
		}
		h.swap(i, child)
		i = child
	}
}

func (h *oldest) swap(i, j int) {
	h.times[i], h.times[j] = h.times[j], h.times[i]
	h.sources[i], h.sources[j] = h.sources[j], h.sources[i]
}
