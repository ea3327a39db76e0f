package schemas

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"
)

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func unionFromJSON(dst []byte, n *node, raw json.RawMessage, depth int) ([]byte, error) {
	if typ, null, some, ok := n.optional(); ok { // the error is then that of the one type
		if isNull(raw) {
			return appendLong(dst, int64(null)), nil
		}
		return fromJSON(appendLong(dst, int64(some)), typ, raw, depth)
	}
	for i, b := range n.branches {
		if (b.kind == kindNull) != isNull(raw) {
			continue
		}
		if out, err := fromJSON(appendLong(dst, int64(i)), b, raw, depth); err == nil {
			return out, nil
		}
	}
	return nil, wrong(n, raw)
}

func mapFromJSON(dst []byte, n *node, raw json.RawMessage, depth int) ([]byte, error) {
	all, ok, err := members(raw)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, wrong(n, raw)
	}
	if len(all) > 0 {
		dst = appendLong(dst, int64(len(all)))
	}
	for _, m := range all {
		if dst, err = fromJSON(appendText(dst, m.name), n.item, m.raw, depth); err != nil {
			return nil, at(m.name, err)
		}
	}
	return append(dst, 0), nil
}

func arrayFromJSON(dst []byte, n *node, raw json.RawMessage, depth int) ([]byte, error) {
	var all []json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil || all == nil {
		return nil, wrong(n, raw)
	}
	if len(all) > 0 {
		dst = appendLong(dst, int64(len(all)))
	}
	for i, item := range all {
		var err error
		if dst, err = fromJSON(dst, n.item, item, depth); err != nil {
			return nil, at("["+strconv.Itoa(i)+"]", err)
		}
	}
	return append(dst, 0), nil
}

func singleFromJSON(dst []byte, n *node, raw json.RawMessage) ([]byte, error) {
	switch n.kind {
	case kindNull:
		if isNull(raw) {
			return dst, nil
		}
	case kindBoolean:
		if s := string(raw); s == "true" || s == "false" {
			return appendBool(dst, s == "true"), nil
		}
	case kindInt:
		if v, ok := whole(raw); ok && v == int64(int32(v)) {
			return appendLong(dst, v), nil
		}
	case kindLong:
		if v, ok := whole(raw); ok {
			return appendLong(dst, v), nil
		}
		if v, ok := moment(raw, n.logical); ok {
			return appendLong(dst, v), nil
		}
	case kindFloat:
		if v, ok := number(raw, 32); ok {
			return appendFloat(dst, float32(v)), nil
		}
	case kindDouble:
		if v, ok := number(raw, 64); ok {
			return appendDouble(dst, v), nil
		}
	default:
		if s, ok := text(raw); ok {
			return textFromJSON(dst, n, s, raw)
		}
	}
	return nil, wrong(n, raw)
}

// textFromJSON is for the types whose JSON is a string.
func textFromJSON(dst []byte, n *node, s string, raw json.RawMessage) ([]byte, error) {
	switch n.kind {
	case kindString:
		return appendText(dst, s), nil
	case kindEnum:
		if i := slices.Index(n.symbols, s); i >= 0 {
			return appendLong(dst, int64(i)), nil
		}
		return nil, valueError("it is %s%s; %s is needed", excerpt(raw), didYouMean(s, n.symbols), n.wanted())
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || n.kind == kindFixed && len(b) != n.size {
		return nil, wrong(n, raw)
	}
	if n.kind == kindBytes {
		dst = appendLong(dst, int64(len(b)))
	}
	return append(dst, b...), nil
}

func text(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// whole reads a whole number; one written with a point or an exponent must be exact as a double.
func whole(raw json.RawMessage) (int64, bool) {
	if v, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return v, true
	}
	if !bytes.ContainsAny(raw, ".eE") {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53
}

// number reads a number or one of the three words for what JSON has no number for.
func number(raw json.RawMessage, bits int) (float64, bool) {
	switch string(raw) {
	case `"NaN"`:
		return math.NaN(), true
	case `"Infinity"`:
		return math.Inf(1), true
	case `"-Infinity"`:
		return math.Inf(-1), true
	}
	if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), bits)
	return f, err == nil
}

// moment reads RFC 3339 into the ticks of a timestamp; digits beyond a tick are cut off.
func moment(raw json.RawMessage, logical string) (int64, bool) {
	ticks := ticksPerSecond[logical]
	s, ok := text(raw)
	if ticks == 0 || !ok {
		return 0, false
	}
	t, err := time.ParseInLocation(time.RFC3339, s, time.UTC)
	if err != nil {
		return 0, false
	}
	if ticks == 1e9 && (t.Year() < 1678 || t.Year() > 2261) { // 64 bits of nanoseconds reach no further
		return 0, false
	}
	return t.Unix()*ticks + int64(t.Nanosecond())/(1e9/ticks), true
}
