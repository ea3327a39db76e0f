package schemas

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"time"
)

// AppendJSON appends one record's Avro bytes (behind the framing) as a JSON object for people and programs: fields in the
// schema's order, a union's value without a wrapper, timestamps as RFC 3339 in UTC, bytes and fixed in base64, a double by
// its shortest digits, NaN and the infinities as the strings "NaN", "Infinity", "-Infinity". FromJSON reads it again.
// The bytes are checked like those of Project, and all their strings must be UTF-8; the error is a *MalformedError, and
// dst is then as it was.
func (s *Schema) AppendJSON(dst, b []byte) ([]byte, error) {
	c := newCursor(b)
	out, err := c.appendJSON(dst, s.root)
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (c *cursor) appendJSON(dst []byte, n *node) ([]byte, error) {
	switch n.kind {
	case kindNull:
		return append(dst, "null"...), nil
	case kindBoolean:
		v, err := c.boolean()
		return strconv.AppendBool(dst, v), err
	case kindInt:
		v, err := c.int()
		return strconv.AppendInt(dst, v, 10), err
	case kindLong:
		v, err := c.long()
		return appendMoment(dst, v, n.logical), err
	case kindFloat:
		v, err := c.float()
		return appendNumber(dst, float64(v), 32), err
	case kindDouble:
		v, err := c.double()
		return appendNumber(dst, v, 64), err
	case kindString:
		v, err := c.text()
		return appendQuoted(dst, v), err
	case kindBytes:
		v, err := c.bytes()
		return appendBase64(dst, v), err
	case kindFixed:
		v, err := c.span(n.size)
		return appendBase64(dst, v), err
	case kindEnum:
		i, err := c.index(len(n.symbols), "symbol")
		if err != nil {
			return dst, err
		}
		return appendQuoted(dst, n.symbols[i]), nil
	}
	return c.appendJSONOf(dst, n)
}

// appendJSONOf is appendJSON for the types that are made of others.
func (c *cursor) appendJSONOf(dst []byte, n *node) (_ []byte, err error) {
	if err := c.enter(maxDepth); err != nil {
		return dst, err
	}
	defer c.leave()
	switch n.kind {
	case kindUnion:
		i, err := c.index(len(n.branches), "union type")
		if err != nil {
			return dst, err
		}
		return c.appendJSON(dst, n.branches[i])
	case kindArray:
		dst = append(dst, '[')
		err = c.items(n.item.least, func(i int) error {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst, err = c.appendJSON(dst, n.item)
			if err != nil {
				return within(fmt.Sprintf("[%d]", i), err)
			}
			return nil
		})
		return append(dst, ']'), err
	case kindMap:
		dst = append(dst, '{')
		err = c.items(1+n.item.least, func(i int) error {
			if i > 0 {
				dst = append(dst, ',')
			}
			key, err := c.text()
			if err != nil {
				return err
			}
			if dst, err = c.appendJSON(append(appendQuoted(dst, key), ':'), n.item); err != nil {
				return within(string(key), err)
			}
			return nil
		})
		return append(dst, '}'), err
	}
	dst = append(dst, '{')
	for i, f := range n.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, f.name), ':')
		if dst, err = c.appendJSON(dst, f.typ); err != nil {
			return dst, within(f.name, err)
		}
	}
	return append(dst, '}'), nil
}

// appendNumber writes a floating point number as encoding/json and RFC 8785 do.
func appendNumber(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	if a := math.Abs(v); a == 0 || 1e-6 <= a && a < 1e21 {
		return strconv.AppendFloat(dst, v, 'f', -1, bits)
	}
	dst = strconv.AppendFloat(dst, v, 'e', -1, bits)
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' { // e-07 is e-7
		dst = append(dst[:n-2], dst[n-1])
	}
	return dst
}

// The moments that RFC 3339 can write: years 0 to 9999, in seconds since 1970.
const (
	firstMoment = -62167219200
	lastMoment  = 253402300799
)

// ticksPerSecond are the timestamps whose moment is known; a local-timestamp is none.
var ticksPerSecond = map[string]int64{"timestamp-millis": 1e3, "timestamp-micros": 1e6, "timestamp-nanos": 1e9}

var layouts = map[string]string{
	"timestamp-millis": `"2006-01-02T15:04:05.000Z"`,
	"timestamp-micros": `"2006-01-02T15:04:05.000000Z"`,
	"timestamp-nanos":  `"2006-01-02T15:04:05.000000000Z"`,
}

// appendMoment writes a long; where it is a timestamp within the years 0 to 9999, as RFC 3339.
func appendMoment(dst []byte, v int64, logical string) []byte {
	ticks := ticksPerSecond[logical]
	if ticks == 0 {
		return strconv.AppendInt(dst, v, 10)
	}
	seconds := floorDiv(v, ticks)
	if seconds < firstMoment || seconds > lastMoment {
		return strconv.AppendInt(dst, v, 10)
	}
	moment := time.Unix(seconds, (v-seconds*ticks)*(1e9/ticks)).UTC()
	return moment.AppendFormat(dst, layouts[logical])
}

func appendBase64(dst, b []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"')
}

// appendQuoted writes a JSON string; s is UTF-8.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch b := s[i]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b == '\t':
			dst = append(dst, '\\', 't')
		case b < 0x20 || b == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}
