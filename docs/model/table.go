package main

type table struct {
	fp   []uint64
	idx  []uint32
	mask uint64
	n    int
}

func newTable(bits int) *table {
	return &table{make([]uint64, 1<<bits), make([]uint32, 1<<bits), 1<<bits - 1, 0}
}
func (t *table) put(h uint64, i uint32) (uint32, bool) {
	if h == 0 {
		h = 1
	}
	if t.n*10 > len(t.fp)*7 {
		o := *t
		nt := &table{make([]uint64, 2*len(o.fp)), make([]uint32, 2*len(o.fp)), uint64(2*len(o.fp) - 1), 0}
		for k, f := range o.fp {
			if f != 0 {
				nt.put(f, o.idx[k])
			}
		}
		*t = *nt
	}
	for k := h & t.mask; ; k = (k + 1) & t.mask {
		if t.fp[k] == h {
			return t.idx[k], false
		}
		if t.fp[k] == 0 {
			t.fp[k], t.idx[k] = h, i
			t.n++
			return i, true
		}
	}
}
