package retrain

import "math"

// series is the memory of one series: the time and the mark of the newest event that it folded, the number of what few
// series have (Sources.extras; 0: nothing), and then what the observer remembers.
type series []uint64

const seriesHeader = 3

// extra is what few series have: a firing alert, or several events folded at the newest time.
type extra struct {
	firing *Alert
	marks  [3]uint64 // of the events before the last at that time, the later first
	count  int
}

// forget makes a block of zeros a series that has folded nothing.
func (x series) forget() { x[0] = 1 << 63 } // math.MinInt64: older than every event

func (x series) folded() bool     { return x.newest() != math.MinInt64 }
func (x series) newest() int64    { return int64(x[0]) }
func (x series) more() uint32     { return uint32(x[2]) }
func (x series) setMore(n uint32) { x[2] = uint64(n) }
func (x series) memory() []uint64 { return x[seriesHeader:] }

// seen says whether an event of the newest time is a redelivery: its mark is one of the last 4 folded at that time.
func (x series) seen(mark uint64, extras *slab[extra]) bool {
	if x[1] == mark {
		return true
	}
	if x.more() == 0 {
		return false
	}
	m := extras.at(x.more())
	for _, other := range m.marks[:m.count] {
		if other == mark {
			return true
		}
	}
	return false
}

// take notes the event as the newest.
func (x series) take(t int64, mark uint64, extras *slab[extra]) {
	switch {
	case t != x.newest():
		if x.more() != 0 {
			if m := extras.at(x.more()); m.firing != nil {
				m.count = 0
			} else {
				extras.drop(x.more())
				x.setMore(0)
			}
		}
	default:
		if x.more() == 0 {
			x.setMore(extras.take())
		}
		m := extras.at(x.more())
		m.marks = [3]uint64{x[1], m.marks[0], m.marks[1]}
		m.count = min(m.count+1, len(m.marks))
	}
	x[0], x[1] = uint64(t), mark
}

func (x series) firing(extras *slab[extra]) *Alert {
	if x.more() == 0 {
		return nil
	}
	return extras.at(x.more()).firing
}

func (x series) setFiring(a *Alert, extras *slab[extra]) {
	if x.more() == 0 {
		x.setMore(extras.take())
	}
	m := extras.at(x.more())
	if m.firing = a; a != nil && a.DataRef != nil && len(*a.DataRef) > maxKeptRef { // only its end repeats it, and needs no data
		kept := *a
		kept.DataRef, m.firing = nil, &kept
	}
	if a == nil && m.count == 0 {
		extras.drop(x.more())
		x.setMore(0)
	}
}
