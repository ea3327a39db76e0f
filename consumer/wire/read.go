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
	r.left--
	z, i := short(r.records, 0)
	if i == 0 {
		z, i = uvarint(r.records, 0, 32)
	}
	size := unzigzag(z)
	if size < 1 || size > int64(len(r.records)-i) {
		return r.bad("it has no whole length")
	}
	b := r.records[i : i+int(size)]
	r.records = r.records[i+int(size):]

	// b[0] is its attributes, of which none is defined.
	time, i := short(b, 1)
	if i == 0 {
		time, i = uvarint(b, 1, 64)
	}
	at := i
	if z, i = short(b, at); i == 0 {
		z, i = uvarint(b, at, 32)
	}
	delta := unzigzag(z)
	offset := r.batch.base + delta
	if i > len(b) || delta <= r.batch.previous || offset > r.batch.last {
		return r.bad("its offset is cut short or out of order")
	}
	r.batch.previous = delta

	if rec.Key, i = span(b, i); i > len(b) {
		return r.bad("its key is cut short")
	}
	if rec.Value, i = span(b, i); i > len(b) {
		return r.bad("its value is cut short")
	}
	rec.Headers = rec.Headers[:0]
	if i != len(b)-1 || b[i] != 0 {
		if !r.readHeaders(rec, b, i) {
			return r.bad("its headers do not fill it")
		}
	}
	rec.Offset, rec.Time = offset, r.batch.baseTime+unzigzag(time)
	if r.batch.attributes&logAppendTime != 0 {
		rec.Time = r.batch.appendTime
	}
	return offset, true
}

func (r *Reader) bad(why string) (int64, bool) {
	return 0, r.corrupt("record %d: %s", r.batch.count-r.left, why)
}

// readHeaders reads the headers at b[i:], which must fill it.
func (r *Reader) readHeaders(rec *record.Record, b []byte, i int) bool {
	z, i := uvarint(b, i, 32)
	for n := unzigzag(z); n > 0 && i < len(b); n-- {
		var h record.Header
		var key []byte
		if key, i = span(b, i); key == nil {
			return false
		}
		h.Key = r.headerKeys.intern(key)
		h.Value, i = span(b, i)
		rec.Headers = append(rec.Headers, h)
		if n == 1 {
			return i == len(b)
		}
	}
	return z == 0 && i == len(b)
}

// span reads the bytes at b[i:], which come with their length, and gives the index behind them, which is beyond len(b) if
// they are cut short. The length -1 is null.
func span(b []byte, i int) ([]byte, int) {
	z, at := short(b, i)
	if at == 0 {
		z, at = uvarint(b, i, 32)
	}
	n := unzigzag(z)
	if n >= 0 && n <= int64(len(b)-at) {
		end := at + int(n)
		return b[at:end:end], end
	}
	if n == -1 {
		return nil, at
	}
	return nil, len(b) + 1
}
