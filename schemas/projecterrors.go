package schemas

import "math"

// in names the field of an error of run.
func (w *walk) in(o *op, err error) error {
	if m, ok := err.(*MalformedError); ok && m.Field == "" {
		m.Field = w.p.fields[o.field]
	}
	return err
}

func (w *walk) short(o *op, at int) error {
	return w.in(o, failAt(at, "%d bytes are needed, %d are left", o.n, len(w.b)-at))
}

func (w *walk) notText(o *op, at int) error {
	return w.in(o, failAt(at, "a string that is not UTF-8"))
}

// The three below find out what was wrong by going over it again with the cursor.

func (w *walk) badLength(o *op, at int) error {
	w.at = at
	_, err := w.bytes()
	return w.in(o, err)
}

func (w *walk) badNumber(o *op, at int) error {
	w.at = at
	_, err := w.int()
	if o.code == opLong {
		w.at = at
		_, err = w.long()
	}
	return w.in(o, err)
}

func (w *walk) badIndex(o *op, at int) error {
	w.at = at
	_, err := w.index(2, "union type")
	return w.in(o, err)
}

// Entries goes over the wanted map in Value v of slot (the index of its Want), which Project has read.
func (p *Program) Entries(slot int, v Value) *Entries {
	e := &Entries{sub: p.entries[slot]}
	e.w = walk{cursor: newCursor(v.Bytes), p: p, dst: e.value[:]}
	e.w.free = math.MaxInt
	return e
}

// Entries iterates over the entries of a map, in the order they were written in.
type Entries struct {
	w     walk
	sub   int32
	left  int
	value [1]Value
}

// Next gives the next entry; ok is false behind the last one. The value is not Set where the map says null.
func (e *Entries) Next() (key []byte, value Value, ok bool) {
	if e.left == 0 {
		n, _, err := e.w.block(1)
		if err != nil || n == 0 {
			return nil, Value{}, false
		}
		e.left = n
	}
	e.left--
	key, err := e.w.text()
	if err != nil {
		return nil, Value{}, false
	}
	e.value[0] = Value{}
	if err := e.w.call(e.sub); err != nil {
		return nil, Value{}, false
	}
	return key, e.value[0], true
}
