package schemas

import "math"

// Entries iterates over the entries of a map, in the order they were written in. It is used by one goroutine, and
// allocates nothing.
type Entries struct {
	cursor
	item  *node
	count int // entries left in the block
}

// Entries goes over the wanted map in Value v of slot (the index of its Want), which Project has read.
func (p *Program) Entries(slot int, v Value) Entries {
	e := Entries{cursor: newCursor(v.Bytes), item: p.entries[slot]}
	e.free = math.MaxInt // Project has bounded it
	return e
}

// Next gives the next entry; ok is false behind the last one. The value is not Set where the map says null.
func (e *Entries) Next() (key []byte, value Value, ok bool) {
	if e.item == nil { // no map was wanted there
		return nil, Value{}, false
	}
	if e.count == 0 {
		n, _, err := e.block(1)
		if err != nil || n == 0 {
			return nil, Value{}, false
		}
		e.count = n
	}
	e.count--
	key, err := e.text()
	if err == nil {
		value, err = e.value(e.item)
	}
	if err != nil {
		return nil, Value{}, false
	}
	return key, value, true
}

// value reads a text, a number or null. It returns it where the ops of a Program would store it, for then the place
// would have to be allocated.
func (c *cursor) value(n *node) (v Value, err error) {
	v.Set = true
	switch n.kind {
	case kindNull:
		v.Set = false
	case kindUnion:
		i, err := c.index(len(n.branches), "union type")
		if err != nil {
			return v, err
		}
		return c.value(n.branches[i]) // no union stands in a union
	case kindString, kindBytes:
		v.Bytes, err = c.text()
	case kindEnum:
		var i int
		if i, err = c.index(len(n.symbols), "symbol"); err == nil {
			v.Bytes = n.texts[i]
		}
	case kindInt:
		v.Int, err = c.int()
		v.Float = float64(v.Int)
	case kindLong:
		v.Int, err = c.long()
		v.Float = float64(v.Int)
	case kindFloat:
		var f float32
		f, err = c.float()
		v.Float = float64(f)
	case kindDouble:
		v.Float, err = c.double()
	default: // none that takeMap lets through
		err = c.fail("%s is neither text nor number", n.describe())
	}
	return v, err
}
