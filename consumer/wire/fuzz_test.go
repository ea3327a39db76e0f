package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
)

// each calls f for every whole batch in raw.
func each(raw []byte, f func(batch []byte)) {
	for len(raw) >= atRecords {
		size := int64(int32(binary.BigEndian.Uint32(raw[atLength:]))) + lengthFrom
		if size < atRecords || size > int64(len(raw)) {
			break
		}
		f(raw[:size])
		raw = raw[size:]
	}
}

// sealAll makes the CRC of every batch in raw right, so that what follows it is reached.
func sealAll(raw []byte) []byte {
	raw = bytes.Clone(raw)
	each(raw, func(b []byte) { seal(b) })
	return raw
}

// emptiedWithCodec reports whether there is a batch without records that names a codec: franz-go decompresses nothing.
func emptiedWithCodec(raw []byte) (found bool) {
	each(raw, func(b []byte) {
		found = found || binary.BigEndian.Uint32(b[atCount:]) == 0 && b[atAttributes+1]&codecMask != 0
	})
	return found
}

// namelessBit reports whether a batch has the attribute that the protocol leaves unused and franz-go takes for "without a timestamp".
func namelessBit(raw []byte) (found bool) {
	each(raw, func(b []byte) { found = found || b[atAttributes+1]&0x80 != 0 })
	return found
}

// stricter is what a Reader refuses (as Java's consumer does, mostly) and franz-go lets pass.
var stricter = []string{
	"out of order", "follow its last record", "do not fill it", "control record has a key", "last offset is", "less than a header's",
	"has a key of", "codec", "format", "it says that it has", "whole length", "key is cut", "value is cut",
}

// Whatever the bytes: no panic, bounded memory, offsets that rise from where the fetch began. What is read is what
// franz-go reads.
func FuzzReader(f *testing.F) {
	two := batches(rec(0, "a"), appendRecord(nil, 2, &record.Output{Key: []byte("k"), Headers: []record.Header{{Key: "h"}}}))
	for codec := range codecZstd + 1 {
		f.Add(forge{base: 3, span: 4, attributes: uint16(codec), count: 2, records: compress(f, codec, two)}.batch(), int64(3), true)
	}
	f.Add(batches(data(0, 7, "a"), abortMarker(1, 7), emptied(2, 5, 0, -1), data(8, 7, "b"))[:150], int64(1), false)
	f.Fuzz(func(t *testing.T, raw []byte, from int64, right bool) {
		if right {
			raw = sealAll(raw)
		}
		const limit = 1 << 20
		r := NewReader(limit)
		defer r.Close()
		r.Reset(raw, nil, from, false)
		var got []record.Record
		var rec record.Record
		ok, err := r.Next(&rec)
		for last := from - 1; ok; ok, err = r.Next(&rec) {
			if rec.Offset <= last || r.Position() != rec.Offset+1 {
				t.Fatalf("offset %d after %d, position %d", rec.Offset, last, r.Position())
			}
			last = rec.Offset
			c := clone(rec)
			c.Time = time.Unix(0, c.Time*1e6).UnixMilli() // franz-go counts in nanoseconds, and over
			got = append(got, c)
		}
		if r.Position() < from {
			t.Fatalf("position %d before %d", r.Position(), from)
		}
		if c := cap(r.decompressor.buf); c > limit+limit/4+4096 {
			t.Fatalf("a buffer of %d bytes", c)
		}
		var corrupt *CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			t.Fatal(err)
		}
		if from < 0 || from > math.MaxInt64/2 {
			return // no fetch asks for it, and franz-go counts over
		}
		if namelessBit(raw) {
			return // franz-go gives such records another time
		}
		want, next, oracleErr := limitedOracle(raw, nil, from)
		n := len(got)
		switch {
		case err == nil && oracleErr == nil:
			// In the midst of a batch, franz-go's position is the last batch's.
			if next > r.Position() {
				t.Errorf("position %d, not %d", r.Position(), next)
			}
		case err == nil && (emptiedWithCodec(raw) || regexp.MustCompile("lz4: invalid|CRC check failed").MatchString(oracleErr.Error())):
			return // franz-go checks the checksums inside of lz4 and zstd as well
		case err == nil:
			t.Fatalf("read, and franz-go says: %v", oracleErr)
		case oracleErr == nil && !slices.ContainsFunc(stricter, func(s string) bool { return strings.Contains(corrupt.Reason, s) }):
			t.Fatalf("franz-go reads what is refused: %v", err)
		default:
			n = min(n, len(want))
			want = want[:n]
		}
		if d := same(got[:n], want); d != "" {
			t.Fatal(d)
		}
	})
}

// limitedOracle is the oracle, kept from decompressing without a limit.
func limitedOracle(raw []byte, aborted abortedList, from int64) ([]record.Record, int64, error) {
	return oracleWith(limited{decompressor{max: 1 << 20}, franzCodecs}, raw, aborted, from, false)
}

type limited struct {
	first decompressor
	then  kgo.Decompressor
}

func (l limited) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	defer l.first.close()
	if _, err := l.first.decompress(int(codec), src); err != nil {
		return nil, err
	}
	return l.then.Decompress(src, codec)
}

// A history of transactions, some compacted, is read as franz-go and a list of what was committed say.
func FuzzTransactions(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 9, 17, 33, 4, 5})
	f.Add([]byte("aborted data, markers, and what compaction leaves of them"))
	f.Fuzz(func(t *testing.T, script []byte) {
		h := history{open: map[int64]int64{}}
		for _, b := range script[:min(len(script), 200)] {
			h.step(b)
		}
		for producer := range int64(4) { // no fetch goes past the last stable offset, so all have ended
			if _, open := h.open[producer]; open {
				h.step(byte(producer) | 7<<2)
			}
		}
		raw := batches(h.batches...)
		for from := range h.offset + 1 {
			got, next, err := tryReadAll(raw, h.aborted, from, false)
			if err != nil || next != max(h.offset, from) {
				t.Fatalf("from %d: next offset %d, not %d (%v)", from, next, h.offset, err)
			}
			var values, want []string
			for _, r := range got {
				values = append(values, string(r.Value))
			}
			for _, v := range h.values {
				if v.offset >= from && (v.producer < 0 || !h.isAborted(v.producer, v.offset)) {
					want = append(want, fmt.Sprint(v.offset))
				}
			}
			if !slices.Equal(values, want) {
				t.Fatalf("from %d: %v, not %v", from, values, want)
			}
			if from > 0 {
				continue
			}
			theirs, _, err := limitedOracle(raw, h.aborted, from)
			if d := same(got, theirs); d != "" || err != nil {
				t.Fatalf("from %d: %s, franz-go's error %v", from, d, err)
			}
		}
	})
}

// history is a log and what is true of it.
type history struct {
	batches [][]byte
	offset  int64
	open    map[int64]int64 // producer: first offset of its transaction
	ranges  []abortedRange
	aborted abortedList
	values  []struct{ producer, offset int64 } // records in the log; producer -1: without transaction
}

type abortedRange struct{ producer, first, marker int64 }

func (h *history) isAborted(producer, offset int64) bool {
	for _, r := range h.ranges {
		if r.producer == producer && r.first <= offset && offset < r.marker {
			return true
		}
	}
	return false
}

// step lets b's producer do what b says: bits 0-1 producer, 2-4 what, 5 compacted.
func (h *history) step(b byte) {
	producer, compacted := int64(b&3), b&32 != 0
	first, open := h.open[producer]
	at := h.offset
	value := fmt.Sprint(at)
	switch what := b >> 2 & 7; {
	case what == 0:
		h.batches = append(h.batches, forge{base: at, producer: -1, count: 1, records: rec(0, value)}.batch())
		h.values = append(h.values, struct{ producer, offset int64 }{-1, at})
	case what <= 5 || !open:
		if !open {
			h.open[producer] = at
		}
		if compacted {
			if b&64 != 0 {
				h.batches = append(h.batches, emptied(at, 0, transactional, producer))
			}
			break // else gone without a trace
		}
		h.batches = append(h.batches, data(at, producer, value))
		h.values = append(h.values, struct{ producer, offset int64 }{producer, at})
	case what == 6:
		h.batches = append(h.batches, commitMarker(at, producer))
		delete(h.open, producer)
	default:
		h.batches = append(h.batches, abortMarker(at, producer))
		h.ranges = append(h.ranges, abortedRange{producer, first, at})
		h.aborted = append(h.aborted, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: producer, FirstOffset: first})
		delete(h.open, producer)
	}
	h.offset++
}

// What AppendBatch writes, a Reader, franz-go and kmsg read.
func FuzzBatchRoundTrip(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), "header", []byte("v"), uint16(3), int64(1_700_000_000_000), int64(4), int16(2), int32(9), byte(0))
	f.Add([]byte{}, bytes.Repeat([]byte("x"), 300), "", []byte{}, uint16(200), int64(-1), int64(-1), int16(-1), int32(-1), byte(255))
	f.Fuzz(func(t *testing.T, key, value []byte, headerKey string, headerValue []byte, n uint16, at, producer int64, epoch int16, sequence int32, bits byte) {
		null := func(bit int, b []byte) []byte {
			if bits>>bit&1 == 1 {
				return nil
			}
			return b
		}
		outputs := make([]record.Output, 1+n%300)
		for i := range outputs {
			outputs[i] = record.Output{Key: null(0, key), Value: null(1, value[:len(value)*i/len(outputs)])}
			for range i % 4 {
				outputs[i].Headers = append(outputs[i].Headers, record.Header{Key: headerKey, Value: null(2, headerValue)})
			}
		}
		h := Header{ProducerID: producer, ProducerEpoch: epoch, Sequence: sequence, Transactional: bits>>3&1 == 1, Time: at}
		raw := AppendBatch([]byte("before"), h, outputs)
		if !bytes.HasPrefix(raw, []byte("before")) {
			t.Fatal("what was there is gone")
		}
		raw = raw[len("before"):]

		var b kmsg.RecordBatch
		if err := b.ReadFrom(raw); err != nil {
			t.Fatal(err)
		}
		if b.ProducerID != producer || b.ProducerEpoch != epoch || b.FirstSequence != sequence || b.FirstTimestamp != at || b.MaxTimestamp != at ||
			b.NumRecords != int32(len(outputs)) || b.LastOffsetDelta != int32(len(outputs)-1) || int(b.Length)+lengthFrom != len(raw) ||
			b.Attributes != int16(bits>>3&1)<<4 || b.PartitionLeaderEpoch != -1 || b.Magic != 2 {
			t.Fatalf("%+v of %+v", b, h)
		}
		got, next := readAll(t, raw, nil, 0, false)
		if next != int64(len(outputs)) {
			t.Fatalf("next offset %d", next)
		}
		want := make([]record.Record, len(outputs))
		for i, o := range outputs {
			want[i] = record.Record{Offset: int64(i), Time: at, Key: o.Key, Value: o.Value, Headers: o.Headers}
		}
		if d := same(got, want); d != "" {
			t.Fatal(d)
		}
		if at > 9e12 || at < -9e12 {
			return // franz-go counts in nanoseconds
		}
		theirs, _, err := oracle(raw, nil, 0, false)
		if d := same(got, theirs); d != "" || err != nil {
			t.Fatal(d, err)
		}
	})
}
