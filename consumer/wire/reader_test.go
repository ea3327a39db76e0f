package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
)

// walk is a reading as text: value@offset ..., then the next offset.
func walk(t *testing.T, raw []byte, aborted abortedList, from int64, uncommitted bool) string {
	t.Helper()
	got, next := readAll(t, raw, aborted, from, uncommitted)
	var s strings.Builder
	for _, r := range got {
		fmt.Fprintf(&s, "%s@%d ", r.Value, r.Offset)
	}
	fmt.Fprintf(&s, "next %d", next)
	return s.String()
}

func batches(b ...[]byte) []byte { return bytes.Join(b, nil) }

func TestReadCommittedSkipsExactlyTheAborted(t *testing.T) {
	for _, c := range []struct {
		name    string
		raw     []byte
		aborted abortedList
		from    int64
		want    string
	}{
		{name: "committed", raw: batches(data(0, 7, "a"), commitMarker(1, 7)), want: "a@0 next 2"},
		{name: "aborted", raw: batches(data(0, 7, "a"), abortMarker(1, 7)), aborted: abortedList{{ProducerID: 7, FirstOffset: 0}}, want: "next 2"},
		{name: "two producers interleaved",
			raw:     batches(data(0, 7, "a"), data(1, 8, "b"), data(2, 7, "c"), abortMarker(3, 7), data(4, 8, "d"), commitMarker(5, 8)),
			aborted: abortedList{{ProducerID: 7, FirstOffset: 0}}, want: "b@1 d@4 next 6"},
		{name: "one producer, aborted then committed then aborted; the list is unsorted",
			raw:     batches(data(0, 7, "a"), abortMarker(1, 7), data(2, 7, "b"), commitMarker(3, 7), data(4, 7, "c"), abortMarker(5, 7)),
			aborted: abortedList{{ProducerID: 7, FirstOffset: 4}, {ProducerID: 7, FirstOffset: 0}}, want: "b@2 next 6"},
		{name: "data gone, marker and list stay",
			raw:     batches(abortMarker(3, 7), data(4, 7, "b"), commitMarker(5, 7)),
			aborted: abortedList{{ProducerID: 7, FirstOffset: 1}}, want: "b@4 next 6"},
		{name: "data emptied, marker and list stay",
			raw:     batches(emptied(1, 1, transactional, 7), abortMarker(3, 7), data(4, 7, "b")),
			aborted: abortedList{{ProducerID: 7, FirstOffset: 1}}, want: "b@4 next 5"},
		{name: "begun before the answer",
			raw:     batches(data(5, 7, "b"), abortMarker(6, 7), data(7, 7, "c")),
			aborted: abortedList{{ProducerID: 7, FirstOffset: 1}}, from: 5, want: "c@7 next 8"},
		{name: "ends after the answer", raw: batches(data(0, 8, "a"), data(1, 7, "b"), data(2, 7, "c")),
			aborted: abortedList{{ProducerID: 7, FirstOffset: 1}}, want: "a@0 next 3"},
		{name: "an abort marker that the list does not name ends nothing later",
			raw:     batches(abortMarker(2, 7), data(3, 7, "a"), abortMarker(4, 7)),
			aborted: abortedList{{ProducerID: 7, FirstOffset: 3}}, want: "next 5"},
		{name: "plain records of an aborted producer id stay",
			raw:     batches(forge{base: 0, producer: 7, count: 1, records: rec(0, "a")}.batch(), data(1, 7, "b")),
			aborted: abortedList{{ProducerID: 7, FirstOffset: 0}}, want: "a@0 next 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := walk(t, c.raw, c.aborted, c.from, false); got != c.want {
				t.Errorf("%s, not %s", got, c.want)
			}
		})
	}
	raw := batches(data(0, 7, "a"), abortMarker(1, 7), data(2, 8, "b"))
	if got := walk(t, raw, abortedList{{ProducerID: 7, FirstOffset: 0}}, 0, true); got != "a@0 b@2 next 3" {
		t.Errorf("uncommitted: %s", got)
	}
}

func TestAnAnswersAbortedProducersAreForgotten(t *testing.T) {
	r := NewReader(batchLimit)
	defer r.Close()
	var rec record.Record
	r.Reset(data(0, 7, "a"), abortedList{{ProducerID: 7, FirstOffset: 0}}, 0, false) // the marker comes with a later answer
	if ok, err := r.Next(&rec); ok || err != nil {
		t.Fatalf("%t, %v", ok, err)
	}
	r.Reset(data(9, 7, "b"), nil, 9, false)
	if ok, err := r.Next(&rec); !ok || err != nil {
		t.Fatalf("%t, %v", ok, err)
	}
}

func TestPositionIsWhereTheNextFetchBegins(t *testing.T) {
	five := forge{base: 10, span: 4, count: 3, records: batches(rec(0, "a"), rec(2, "b"), rec(3, "c"))}.batch()
	for _, c := range []struct {
		name string
		raw  []byte
		from int64
		want string
	}{
		{"nothing", nil, 17, "next 17"},
		{"gaps by compaction, also at the end", five, 10, "a@10 b@12 c@13 next 15"},
		{"from the midst of a batch", five, 12, "b@12 c@13 next 15"},
		{"from a gap", five, 14, "next 15"},
		{"from behind it", five, 20, "next 20"},
		{"from before it", five, 3, "a@10 b@12 c@13 next 15"},
		{"emptied", batches(five, emptied(15, 9, 0, -1)), 10, "a@10 b@12 c@13 next 25"},
		{"emptied alone", emptied(15, 9, 0, -1), 15, "next 25"},
		{"an emptied batch that still names a codec", emptied(15, 9, codecZstd, -1), 15, "next 25"},
		{"control at the tail", batches(five, commitMarker(15, 1)), 10, "a@10 b@12 c@13 next 16"},
		{"a batch that goes back", batches(five, five), 10, "a@10 b@12 c@13 next 15"},
		{"log append time", forge{base: 4, attributes: logAppendTime, count: 1, records: rec(0, "t")}.batch(), 4, "t@4 next 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := walk(t, c.raw, nil, c.from, false); got != c.want {
				t.Errorf("%s, not %s", got, c.want)
			}
		})
	}
	later := forge{base: 30, count: 1, records: rec(0, "z")}.batch() // 15 to 29 are gone
	for n := range len(later) {
		want := "a@10 b@12 c@13 next 30"
		if n < 8 {
			want = "a@10 b@12 c@13 next 15" // its offset cannot be seen
		}
		if got := walk(t, batches(five, later[:n]), nil, 10, false); got != want {
			t.Errorf("cut after %d bytes: %s, not %s", n, got, want)
		}
	}
}

func TestPositionFollowsEachRecord(t *testing.T) {
	r := NewReader(batchLimit)
	defer r.Close()
	r.Reset(forge{base: 10, span: 4, count: 2, records: batches(rec(1, "a"), rec(3, "b"))}.batch(), nil, 10, false)
	var rec record.Record
	for _, want := range []int64{12, 14, 15} {
		if _, err := r.Next(&rec); err != nil || r.Position() != want {
			t.Fatalf("position %d, not %d (%v)", r.Position(), want, err)
		}
	}
}

func TestTimes(t *testing.T) {
	at := func(attributes uint16, delta int64) int64 {
		body := binary.AppendVarint([]byte{0}, delta)
		body = append(body, 0, 1, 1, 0)
		f := forge{attributes: attributes, count: 1, records: append(binary.AppendVarint(nil, int64(len(body))), body...)}
		got, _ := readAll(t, f.batch(), nil, 0, false)
		return got[0].Time
	}
	for _, delta := range []int64{0, -5, 63, 64, -1 << 40, 1 << 62} {
		if got, want := at(0, delta), 1000+delta; got != want {
			t.Errorf("%d ms after the batch's time: %d, not %d", delta, got, want)
		}
		if got := at(logAppendTime, delta); got != 2000 {
			t.Errorf("log append time: %d, not the batch's greatest", got)
		}
	}
}

func TestCorruptBatchesAreErrors(t *testing.T) {
	good := func() []byte {
		return forge{base: 10, span: 2, count: 2, records: batches(rec(0, "a"), rec(2, "b"))}.batch()
	}
	change := func(at int, b ...byte) []byte {
		g := good()
		copy(g[at:], b)
		return seal(g)
	}
	one := func(records ...byte) []byte { return forge{base: 10, span: 2, count: 1, records: records}.batch() }
	flipped := good()
	flipped[len(flipped)-1] ^= 1
	wrongCRC := good()
	wrongCRC[atCRC] ^= 1
	for _, c := range []struct {
		name, reason string
		raw          []byte
	}{
		{"a flipped bit", "CRC", flipped},
		{"a wrong CRC", "CRC", wrongCRC},
		{"message format 0", "format 0", change(atMagic, 0)},
		{"message format 1", "format 1", change(atMagic, 1)},
		{"a format of the future", "format 3 is unknown", change(atMagic, 3)},
		{"no room for a header", "length 48", change(atLength, 0, 0, 0, 48)},
		{"a negative length", "length -1", change(atLength, 255, 255, 255, 255)},
		{"a negative offset delta", "last offset is -1", change(atLastDelta, 255, 255, 255, 255)},
		{"a negative count", "-1 records", change(atCount, 255, 255, 255, 255)},
		{"more records than bytes", "record 3", change(atCount, 0, 0, 0, 3)},
		{"fewer records than bytes", "follow its last record", change(atCount, 0, 0, 0, 1)},
		{"records without bytes", "has none", forge{base: 10, count: 5}.batch()},
		{"an unknown codec", "codec 5", change(atAttributes, 0, 5)},
		{"garbage for gzip", "gzip", change(atAttributes, 0, codecGzip)},
		{"garbage for snappy", "snappy", change(atAttributes, 0, codecSnappy)},
		{"garbage for lz4", "", change(atAttributes, 0, codecLZ4)},
		{"garbage for zstd", "", change(atAttributes, 0, codecZstd)},
		{"a negative record length", "whole length", one(1)},
		{"a record longer than its batch", "whole length", one(20, 0, 0, 0)},
		{"a record length without end", "whole length", one(255, 255, 255, 255, 255, 255)},
		{"a record length of more than 32 bits", "whole length", one(0x80, 0x80, 0x80, 0x80, 0x7f)},
		{"an empty record", "whole length", one(0)},
		{"no time", "", one(2, 0)},
		{"an offset beyond the batch", "out of order", one(14, 0, 0, 6, 1, 1, 0, 0)},
		{"an offset before the batch", "out of order", one(12, 0, 0, 1, 1, 1, 0)},
		{"the same offset twice", "out of order", forge{base: 10, span: 2, count: 2, records: batches(rec(1, ""), rec(1, ""))}.batch()},
		{"a key longer than its record", "key", one(12, 0, 0, 0, 40, 1, 0)},
		{"a key of length -2", "key", one(12, 0, 0, 0, 3, 1, 0)},
		{"a value longer than its record", "value", one(12, 0, 0, 0, 1, 40, 0)},
		{"no headers", "headers", one(10, 0, 0, 0, 1, 1)},
		{"headers that are not there", "headers", one(12, 0, 0, 0, 1, 1, 2)},
		{"a negative number of headers", "headers", one(12, 0, 0, 0, 1, 1, 1)},
		{"2 billion headers", "headers", one(20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f)},
		{"a header with a null key", "headers", one(16, 0, 0, 0, 1, 1, 2, 1, 1)},
		{"bytes behind the headers", "headers", one(14, 0, 0, 0, 1, 1, 0, 0)},
		{"a control record without a type", "key of 2 bytes",
			forge{base: 10, attributes: control, count: 1, records: appendRecord(nil, 0, &record.Output{Key: []byte{0, 0}})}.batch()},
		{"a control batch with no record in its bytes", "whole length", forge{base: 10, attributes: control, count: 1, records: []byte{1}}.batch()},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := forge{base: 8, count: 1, records: rec(0, "x")}.batch()
			got, next, err := tryReadAll(batches(before, c.raw), nil, 8, false)
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || corrupt.Offset != 10 || !strings.Contains(corrupt.Reason, c.reason) {
				t.Errorf("error %v, expected one at offset 10 about %q", err, c.reason)
			}
			if len(got) == 0 || string(got[0].Value) != "x" || next < 9 || next > 13 {
				t.Errorf("read %v before it, next offset %d", got, next)
			}
		})
	}
}

func TestAnErrorStays(t *testing.T) {
	r := NewReader(batchLimit)
	defer r.Close()
	bad := forge{base: 3, count: 5}.batch()
	good := forge{base: 9, count: 1, records: rec(0, "a")}.batch()
	r.Reset(batches(bad, good), nil, 0, false)
	var rec record.Record
	for range 3 {
		if ok, err := r.Next(&rec); ok || err == nil || r.Position() != 0 {
			t.Fatalf("%t, %v, position %d", ok, err, r.Position())
		}
	}
	r.Reset(good, nil, 0, false)
	if ok, err := r.Next(&rec); !ok || err != nil {
		t.Fatalf("after Reset: %t, %v", ok, err)
	}
}

// Records that decompress to the limit are read, and to a byte more are not; the buffer never outgrows the limit.
func TestBombsAreErrors(t *testing.T) {
	const limit = 300_000
	value := func(n int) []byte {
		r := appendRecord(nil, 0, &record.Output{Value: make([]byte, n-20)})
		r = appendRecord(nil, 0, &record.Output{Value: make([]byte, n-20+n-len(r))})
		if len(r) != n {
			t.Fatalf("%d bytes, not %d", len(r), n)
		}
		return r
	}
	for _, codec := range []int{codecGzip, codecSnappy, codecLZ4, codecZstd} {
		t.Run(fmt.Sprint(codec), func(t *testing.T) {
			r := NewReader(limit)
			defer r.Close()
			for _, size := range []int{100, limit - 1, limit, limit + 1, 10 * limit, limit} {
				r.Reset(forge{attributes: uint16(codec), count: 1, records: compress(t, codec, value(size))}.batch(), nil, 0, false)
				var rec record.Record
				ok, err := r.Next(&rec)
				if fits := size <= limit; ok != fits || (err == nil) != fits {
					t.Errorf("%d bytes with a limit of %d: %t, %v", size, limit, ok, err)
				}
				if err != nil && !strings.Contains(err.Error(), "more than 300000 bytes") {
					t.Error(err)
				}
				if c := cap(r.decompressor.buf); c > limit+limit/4+4096 {
					t.Errorf("%d bytes made a buffer of %d", size, c)
				}
			}
		})
	}
}

func TestAnnouncedSizesAreNotBelieved(t *testing.T) {
	snappy := binary.AppendUvarint(nil, 1<<20)
	snappy = append(snappy, 0, 'x')
	framed := append(append([]byte{}, xerial...), 0, 0, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff)
	lz4 := []byte{0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0, 0xff, 0xff, 0xff, 0x7f}
	zstd := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 1, 1, 0, 0} // 16 MiB in one segment
	for _, c := range []struct {
		codec uint16
		bytes []byte
	}{{codecSnappy, snappy}, {codecSnappy, framed}, {codecLZ4, lz4}, {codecZstd, zstd}} {
		r := NewReader(1 << 30)
		r.Reset(forge{attributes: c.codec, count: 1, records: c.bytes}.batch(), nil, 0, false)
		var rec record.Record
		if ok, err := r.Next(&rec); ok || err == nil {
			t.Errorf("codec %d: %t, %v", c.codec, ok, err)
		}
		if n := cap(r.decompressor.buf); n > 512<<10 {
			t.Errorf("codec %d: a buffer of %d bytes for %d", c.codec, n, len(c.bytes))
		}
		r.Close()
	}
}
