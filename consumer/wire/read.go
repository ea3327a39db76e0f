package wire

import "github.com/visutility/retrainer/consumer/record"

const (
	maxHeaderKeys   = 256
	maxHeaderKeyLen = 128
)

// headerKeys keeps the header keys seen, so that a record's known keys cost no allocation.
type headerKeys map[string]string

func (k *headerKeys) intern(b []byte) string {
	if s, ok := (*k)[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(b) > maxHeaderKeyLen {
		return s
	}
	if *k == nil {
		*k = headerKeys{}
	}
	if len(*k) == maxHeaderKeys {
		clear(*k)
	}
	(*k)[s] = s
	return s
}

// read takes the next record off the batch and gives its offset; false: the batch is corrupt.
func (r *Reader) read(rec *record.Record) (int64, bool) {
	size, n := varint(r.records)
	if n == 0 || size < 0 || size > len(r.records)-n {
		return r.bad("it has no whole length")
	}
	b := r.records[n : n+size]
	r.records = r.records[n+size:]
	r.left--

	if len(b) == 0 {
		return r.bad("it is empty")
	}
	time, n := varlong(b[1:]) // b[0]: attributes, none defined
	if n == 0 {
		return r.bad("its time is cut short")
	}
	b = b[1+n:]
	delta, n := varint(b)
	if n == 0 {
		return r.bad("its offset is cut short")
	}
	b = b[n:]
	offset := r.batch.base + int64(delta)
	if delta <= r.batch.previous || offset > r.batch.last {
		return r.bad("its offset is out of order")
	}
	r.batch.previous = delta

	var ok bool
	if rec.Key, b, ok = take(b); !ok {
		return r.bad("its key is cut short")
	}
	if rec.Value, b, ok = take(b); !ok {
		return r.bad("its value is cut short")
	}
	if len(b) == 1 && b[0] == 0 {
		rec.Headers = rec.Headers[:0]
	} else if !r.readHeaders(rec, b) {
		return r.bad("its headers do not fill it")
	}
	rec.Offset, rec.Time = offset, r.batch.baseTime+time
	if r.batch.attributes&logAppendTime != 0 {
		rec.Time = r.batch.appendTime
	}
	return offset, true
}

func (r *Reader) bad(why string) (int64, bool) {
	r.corrupt("record %d: %s", r.batch.count-r.left, why)
	return 0, false
}

// readHeaders reads headers, which must fill b.
func (r *Reader) readHeaders(rec *record.Record, b []byte) bool {
	rec.Headers = rec.Headers[:0]
	count, n := varint(b)
	if n == 0 || count < 0 {
		return false
	}
	b = b[n:]
	for range count {
		var key, value []byte
		var ok bool
		if key, b, ok = take(b); !ok || key == nil {
			return false
		}
		if value, b, ok = take(b); !ok {
			return false
		}
		rec.Headers = append(rec.Headers, record.Header{Key: r.headerKeys.intern(key), Value: value})
	}
	return len(b) == 0
}

// take reads bytes with their length; the length -1 is null.
func take(b []byte) (value, rest []byte, ok bool) {
	size, n := varint(b)
	if n == 0 || size > len(b)-n {
		return nil, nil, false
	}
	if size < 0 {
		return nil, b[n:], size == -1
	}
	end := n + size
	return b[n:end:end], b[end:], true
}
