package schemas

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Value is a wanted field as it was read.
type Value struct {
	Set   bool // false: null, or the writer has no such field
	Int   int64
	Float float64
	Bytes []byte // points into the record, a symbol's into the program
}

// Project reads the wanted fields of one record's Avro bytes (behind the framing) into dst, one for each Want in their
// order. It walks all bytes and checks every length and the exact end; the error is a *MalformedError. It allocates
// nothing else, and its work is bounded by len(b).
func (p *Program) Project(b []byte, dst []Value) error {
	dst = dst[:len(p.entries)]
	clear(dst)
	w := walk{cursor: newCursor(b), p: p, dst: dst}
	if err := w.run(0); err != nil {
		return err
	}
	return w.end()
}

// walk is one run of a program over one value.
type walk struct {
	cursor
	p   *Program
	dst []Value
}

// run does the ops from pc to opEnd. What nearly all fields of events are is done here, the rest in other.
func (w *walk) run(pc int) error {
	b, at, ops := w.b, w.at, w.p.ops
	for {
		o := &ops[pc]
		pc++
		if o.opt && at < len(b) && b[at] == o.some {
			at++
		} else if o.opt {
			isNull, k := o.isNull(b, at)
			if k <= 0 {
				return w.badIndex(o, at)
			}
			at += k
			if isNull {
				pc = int(o.next)
				continue
			}
		}
		switch o.code {
		case opEnd:
			w.at = at
			return nil
		case opSkip, opDouble:
			if o.n > len(b)-at {
				return w.short(o, at)
			}
			if o.code == opDouble {
				w.dst[o.slot].Set, w.dst[o.slot].Float = true, math.Float64frombits(binary.LittleEndian.Uint64(b[at:]))
			}
			at += o.n
		case opBytes, opText:
			n, k := varintFast(b, at)
			if k <= 0 || n < 0 || n > int64(len(b)-at-k) {
				return w.badLength(o, at)
			}
			text := b[at+k : at+k+int(n)]
			at += k + int(n)
			if o.code == opText && !utf8.Valid(text) {
				return w.notText(o, at-len(text))
			}
			if o.slot >= 0 {
				w.dst[o.slot].Set, w.dst[o.slot].Bytes = true, text
			}
		case opInt, opLong:
			v, k := varintFast(b, at)
			if k <= 0 || o.code == opInt && v != int64(int32(v)) {
				return w.badNumber(o, at)
			}
			at += k
			w.number(o, v)
		default:
			w.at = at
			if err := w.other(o); err != nil {
				return w.in(o, err)
			}
			at = w.at
		}
	}
}

// isNull reads the index of a union with null; k is how many bytes it took, 0 or less if it is none.
func (o *op) isNull(b []byte, at int) (isNull bool, k int) {
	if at < len(b) && b[at] == o.null {
		return true, 1
	}
	return o.isNullSlow(b[at:])
}

// isNullSlow is isNull for a number that is written in more bytes than it needs, as it may be.
func (o *op) isNullSlow(b []byte) (isNull bool, k int) {
	v, k := varint(b)
	if v != int64(o.null>>1) && v != int64(o.some>>1) {
		return false, -1
	}
	return v == int64(o.null>>1), k
}

// varintFast is varint with the way of a single byte in line.
func varintFast(b []byte, at int) (int64, int) {
	if at < len(b) && b[at] < 0x80 {
		return unzigzag(uint64(b[at])), 1
	}
	return varint(b[at:])
}

func (w *walk) number(o *op, v int64) {
	if o.slot < 0 {
		return
	}
	d := &w.dst[o.slot]
	switch d.Set = true; {
	case o.float:
		d.Float = float64(v)
	case o.n > 1:
		d.Int = floorDiv(v, int64(o.n))
	default:
		d.Int = v
	}
}

// floorDiv rounds down, so that a moment before 1970 stays in its millisecond.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// other does one op that events seldom have.
func (w *walk) other(o *op) error {
	switch o.code {
	case opBool:
		v, err := w.boolean()
		if err == nil && o.slot >= 0 {
			if w.dst[o.slot].Set = true; v {
				w.dst[o.slot].Int = 1
			}
		}
		return err
	case opFloat:
		v, err := w.float()
		if err == nil {
			w.dst[o.slot].Set, w.dst[o.slot].Float = true, float64(v)
		}
		return err
	case opEnum:
		i, err := w.index(o.n, "symbol")
		if err == nil && o.slot >= 0 {
			w.dst[o.slot] = Value{Set: true, Int: int64(i), Bytes: w.p.symbols[o.arg][i]}
		}
		return err
	case opUnion:
		table := w.p.unions[o.arg]
		i, err := w.index(len(table), "union type")
		if err != nil || table[i] < 0 {
			return err
		}
		return w.call(table[i])
	case opCall:
		return w.call(o.arg)
	}
	return w.blocks(o)
}

// call runs a sub.
func (w *walk) call(sub int32) error {
	if err := w.enter(maxNesting); err != nil {
		return err
	}
	err := w.run(w.p.subs[sub].pc)
	w.leave()
	return err
}

// blocks walks an array or a map.
func (w *walk) blocks(o *op) error {
	item, start := w.p.subs[o.arg], w.at
	least := item.least
	if o.code == opMap {
		least++
	}
	for {
		count, end, err := w.block(least)
		if err != nil {
			return err
		}
		if count == 0 {
			break
		}
		if o.code == opArray && item.width >= 0 {
			w.at += count * item.width // block has checked that they are there
		} else if err := w.items(o, count); err != nil {
			return err
		}
		if err := w.endBlock(end); err != nil {
			return err
		}
	}
	if o.slot >= 0 {
		w.dst[o.slot].Set, w.dst[o.slot].Bytes = true, w.b[start:w.at]
	}
	return nil
}

func (w *walk) items(o *op, count int) error {
	for range count {
		if o.code == opMap {
			key, err := w.bytes()
			if err != nil {
				return err
			}
			if o.utf8 && !utf8.Valid(key) {
				return failAt(w.at-len(key), "a key that is not UTF-8")
			}
		}
		if err := w.call(o.arg); err != nil {
			return err
		}
	}
	return nil
}
