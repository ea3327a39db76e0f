package schemas

import "strings"

// take writes what reads a wanted value into its slot. It returns what does not fit, "" if all does.
func (c *compiler) take(n *node, slot int16, kind Kind) (msg string) {
	if n.kind == kindNull {
		return ""
	}
	if typ, null, some, ok := n.optional(); ok {
		c.optional(null, some, func() { msg = c.take(typ, slot, kind) })
		return msg
	}
	if n.kind == kindUnion {
		return c.takeUnion(n, slot, kind)
	}
	if item, ok := kind.item(); ok {
		return c.takeMap(n, slot, kind, item)
	}
	o, ok := takeOp(n, kind)
	if !ok {
		if strings.HasPrefix(n.logical, "local-timestamp") && kind == Timestamp {
			return "it is " + n.logical + ", which names no moment; timestamp-millis is needed"
		}
		return mismatch(n, kind)
	}
	o.slot = slot
	if n.kind == kindEnum {
		c.p.symbols = append(c.p.symbols, n.texts)
		o.arg = int32(len(c.p.symbols) - 1)
	}
	c.emit(o)
	return ""
}

// takeOp gives the op that reads a single value of n as kind, by Avro's rules of promotion and a few beyond them: a symbol
// is text, and a timestamp is brought to milliseconds.
func takeOp(n *node, kind Kind) (op, bool) {
	switch n.kind {
	case kindInt:
		return op{code: opInt, float: kind == Double},
			kind == Long || kind == Double || kind == Timestamp && n.logical == ""
	case kindLong:
		if kind == Timestamp {
			n, ok := map[string]int{"": 1, "timestamp-millis": 1, "timestamp-micros": 1e3, "timestamp-nanos": 1e6}[n.logical]
			return op{code: opLong, n: n}, ok
		}
		return op{code: opLong, float: kind == Double}, kind == Long || kind == Double
	case kindFloat:
		return op{code: opFloat}, kind == Double
	case kindBoolean:
		return op{code: opBool}, kind == Boolean
	case kindDouble:
		return op{code: opDouble, n: 8}, kind == Double
	case kindString, kindBytes:
		return op{code: opText}, kind == String
	case kindEnum:
		return op{code: opEnum, n: len(n.symbols)}, kind == String
	}
	return op{}, false
}

// takeUnion: each type of the union must fit, for any of them may come.
func (c *compiler) takeUnion(n *node, slot int16, kind Kind) string {
	for _, b := range n.branches {
		if msg := c.fits(b, kind); msg != "" {
			return msg + " (each type of " + n.describe() + " must be one)"
		}
	}
	if _, ok := kind.item(); ok && len(n.branches) > 1 { // union{map, array ...} was refused above; two maps cannot stand in one union
		return mismatch(n, kind)
	}
	c.union(subKey{n: n, slot: slot, kind: kind})
	return ""
}

// fits tries take in a compiler of its own.
func (c *compiler) fits(n *node, kind Kind) string {
	return newCompiler(1).take(n, 0, kind)
}

// item is what the values of a wanted map are read as.
func (k Kind) item() (Kind, bool) {
	switch k {
	case StringMap:
		return String, true
	case DoubleMap:
		return Double, true
	}
	return 0, false
}

// takeMap writes the walk over a map, whose bytes are the value: Entries reads them.
func (c *compiler) takeMap(n *node, slot int16, kind, item Kind) string {
	if n.kind != kindMap || c.fits(n.item, item) != "" {
		return mismatch(n, kind)
	}
	c.p.entries[slot] = n.item
	c.emit(op{code: opMap, slot: slot, utf8: true, arg: c.sub(subKey{n: n.item, slot: -1, utf8: true})})
	return ""
}
