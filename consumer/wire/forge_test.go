package wire

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/visutility/retrainer/consumer/record"
)

// forge is a record batch made by hand.
type forge struct {
	base       int64
	span       int32 // last offset delta
	attributes uint16
	producer   int64
	count      int32
	records    []byte // as they lie in the batch, so compressed if attributes say so
}

func (f forge) batch() []byte {
	b := make([]byte, atRecords, atRecords+len(f.records))
	b = append(b, f.records...)
	be := binary.BigEndian
	be.PutUint64(b, uint64(f.base))
	be.PutUint32(b[atLength:], uint32(len(b)-lengthFrom))
	b[atMagic] = 2
	be.PutUint16(b[atAttributes:], f.attributes)
	be.PutUint32(b[atLastDelta:], uint32(f.span))
	be.PutUint64(b[atBaseTime:], 1000)
	be.PutUint64(b[atMaxTime:], 2000)
	be.PutUint64(b[atProducer:], uint64(f.producer))
	be.PutUint32(b[atCount:], uint32(f.count))
	return seal(b)
}

// seal makes a batch's CRC right.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], castagnoli))
	return b
}

// rec is one record at an offset delta.
func rec(delta int, value string) []byte {
	return appendRecord(nil, delta, &record.Output{Value: []byte(value)})
}

// data is a transactional batch of one record.
func data(base, producer int64, value string) []byte {
	return forge{base: base, attributes: transactional, producer: producer, count: 1, records: rec(0, value)}.batch()
}

func marker(base, producer int64, kind byte) []byte {
	r := appendRecord(nil, 0, &record.Output{Key: []byte{0, 0, 0, kind}, Value: make([]byte, 6)})
	return forge{base: base, attributes: transactional | control, producer: producer, count: 1, records: r}.batch()
}

func abortMarker(base, producer int64) []byte  { return marker(base, producer, 0) }
func commitMarker(base, producer int64) []byte { return marker(base, producer, 1) }

// emptied is a batch whose records compaction has removed.
func emptied(base int64, span int32, attributes uint16, producer int64) []byte {
	return forge{base: base, span: span, attributes: attributes, producer: producer}.batch()
}

// compress is b in a codec as others write it: xerial's framing for snappy.
func compress(t testing.TB, codec int, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	switch codec {
	case codecGzip:
		w := gzip.NewWriter(&out)
		_, err := w.Write(b)
		fail(err)
		fail(w.Close())
	case codecSnappy:
		out.Write(xerial)
		out.Write([]byte{0, 0, 0, 1, 0, 0, 0, 1})
		for len(b) > 0 {
			n := min(len(b), 32<<10)
			block := s2.EncodeSnappy(nil, b[:n])
			out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(block))))
			out.Write(block)
			b = b[n:]
		}
	case codecLZ4:
		w := lz4.NewWriter(&out)
		_, err := w.Write(b)
		fail(err)
		fail(w.Close())
	case codecZstd:
		w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
		fail(err)
		_, err = w.Write(b)
		fail(err)
		fail(w.Close())
	default:
		return b
	}
	return out.Bytes()
}
