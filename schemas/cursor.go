package schemas

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// cursor walks Avro bytes that nobody has checked. Every step checks that the bytes are there; nothing is allocated but
// errors. Work is bounded by the bytes: whatever is read takes at least one of them, and items that take none (array<null>)
// are counted against a budget as large as the whole value.
type cursor struct {
	b     []byte
	at    int
	free  int // how many more items of no bytes the value may have
	depth int // how deep in values within values
}

func newCursor(b []byte) cursor { return cursor{b: b, free: len(b)} }

func (c *cursor) left() int { return len(c.b) - c.at }

func (c *cursor) fail(format string, args ...any) error { return failAt(c.at, format, args...) }

func failAt(at int, format string, args ...any) error {
	return &MalformedError{Offset: at, Message: fmt.Sprintf(format, args...)}
}

// varint reads a zigzag number; n is how many bytes it took, 0 if they end before it does, -1 if it passes 64 bits. Kept
// out of line so that varintFast is small enough to stand in line.
//
//go:noinline
func varint(b []byte) (v int64, n int) {
	var u uint64
	for i, x := range b {
		if i == 9 && x > 1 {
			return 0, -1
		}
		u |= uint64(x&0x7f) << (7 * i)
		if x < 0x80 {
			return unzigzag(u), i + 1
		}
	}
	return 0, 0
}

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func (c *cursor) long() (int64, error) {
	v, n := varint(c.b[c.at:])
	if n <= 0 {
		return 0, badVarint(c.at, n)
	}
	c.at += n
	return v, nil
}

func badVarint(at, n int) error {
	if n < 0 {
		return failAt(at, "a number of more than 64 bits")
	}
	return failAt(at, "the value ends within a number")
}

func (c *cursor) int() (int64, error) {
	at := c.at
	v, err := c.long()
	if err == nil && v != int64(int32(v)) {
		return 0, failAt(at, "%d does not fit into an int (32 bits)", v)
	}
	return v, err
}

// index reads the number of an enum's symbol or a union's type, of which there are n.
func (c *cursor) index(n int, of string) (int, error) {
	at := c.at
	v, err := c.long()
	if err == nil && (v < 0 || v >= int64(n)) {
		return 0, failAt(at, "%s %d of %d", of, v, n)
	}
	return int(v), err
}

// span takes n bytes.
func (c *cursor) span(n int) ([]byte, error) {
	if n > c.left() {
		return nil, c.fail("%d bytes are needed, %d are left", n, c.left())
	}
	c.at += n
	return c.b[c.at-n : c.at], nil
}

// bytes takes a length and as many bytes.
func (c *cursor) bytes() ([]byte, error) {
	at := c.at
	n, err := c.long()
	if err != nil {
		return nil, err
	}
	if n < 0 || n > int64(c.left()) {
		return nil, failAt(at, "a length of %d, %d bytes are left", n, c.left())
	}
	return c.span(int(n))
}

func (c *cursor) text() ([]byte, error) {
	at := c.at
	b, err := c.bytes()
	if err == nil && !utf8.Valid(b) {
		return nil, failAt(at, "a string that is not UTF-8")
	}
	return b, err
}

func (c *cursor) boolean() (bool, error) {
	b, err := c.span(1)
	if err == nil && b[0] > 1 {
		return false, failAt(c.at-1, "%d as a boolean: it is 0 or 1", b[0])
	}
	return err == nil && b[0] == 1, err
}

func (c *cursor) float() (float32, error) {
	b, err := c.span(4)
	if err != nil {
		return 0, err
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b)), nil
}

func (c *cursor) double() (float64, error) {
	b, err := c.span(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
}

// block reads the head of the next block of an array or a map whose items take at least least bytes each: how many items
// it has (0: the array ends here), and where it says that it ends (-1: it does not say).
func (c *cursor) block(least int) (count, end int, err error) {
	at := c.at
	n, err := c.long()
	if err != nil {
		return 0, 0, err
	}
	end = -1
	if n < 0 { // -count, then the size of the block in bytes
		size, err := c.long()
		if err != nil {
			return 0, 0, err
		}
		if size < 0 || size > int64(c.left()) {
			return 0, 0, failAt(at, "a block of %d bytes, %d are left", size, c.left())
		}
		n, end = -n, c.at+int(size)
	}
	switch {
	case n < 0: // the least int64 has no positive
		return 0, 0, failAt(at, "a block of more than 2^63 items")
	case least > 0 && n > int64(c.left()/least):
		return 0, 0, failAt(at, "a block of %d items of at least %d bytes each, %d bytes are left", n, least, c.left())
	case least == 0 && n > int64(c.free):
		return 0, 0, failAt(at, "a block of %d items of no bytes: a value may not have more of them than it has bytes", n)
	case least == 0:
		c.free -= int(n)
	}
	return int(n), end, nil
}

// endBlock checks the size that the head of a block gave.
func (c *cursor) endBlock(end int) error {
	if end >= 0 && c.at != end {
		return c.fail("a block that should end at byte %d ends here", end)
	}
	return nil
}

// enter counts a value within a value, up to most; leave goes with it.
func (c *cursor) enter(most int) error {
	if c.depth++; c.depth > most {
		return c.fail("values are nested deeper than %d", most)
	}
	return nil
}

func (c *cursor) leave() { c.depth-- }

// end checks that nothing is left.
func (c *cursor) end() error {
	if c.left() > 0 {
		return c.fail("%d bytes are left behind the last field", c.left())
	}
	return nil
}

// items walks the blocks of an array or a map and calls one for each item (an entry's key included), with its number.
func (c *cursor) items(least int, one func(i int) error) error {
	if err := c.enter(maxDepth); err != nil {
		return err
	}
	defer c.leave()
	for i := 0; ; {
		count, end, err := c.block(least)
		if err != nil {
			return err
		}
		if count == 0 {
			return nil
		}
		for range count {
			if err := one(i); err != nil {
				return err
			}
			i++
		}
		if err := c.endBlock(end); err != nil {
			return err
		}
	}
}
