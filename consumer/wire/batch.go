package wire

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/visutility/retrainer/consumer/record"
)

// Places in a record batch of magic 2 (KIP-98).
const (
	atLength     = 8
	atMagic      = 16
	atCRC        = 17
	atAttributes = 21
	atLastDelta  = 23
	atBaseTime   = 27
	atMaxTime    = 35
	atProducer   = 43
	atEpoch      = 51
	atSequence   = 53
	atCount      = 57
	atRecords    = 61

	lengthFrom = 12 // the batch's length counts from here
)

// Bits of a batch's attributes.
const (
	codecMask     = 7
	logAppendTime = 1 << 3
	transactional = 1 << 4
	control       = 1 << 5
)

// castagnoli is the CRC's polynomial (CRC-32C).
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header is what a batch says of all its records. Without a producer id ProducerID, ProducerEpoch and Sequence are -1.
type Header struct {
	ProducerID    int64
	ProducerEpoch int16
	Sequence      int32 // of the first record
	Transactional bool
	Time          int64 // milliseconds since 1970, of every record
}

// AppendBatch appends one uncompressed batch of recs, of which there must be at least one. Their topics are not looked at.
func AppendBatch(dst []byte, h Header, recs []record.Output) []byte {
	if len(recs) == 0 {
		return dst
	}
	start := len(dst)
	dst = append(dst, make([]byte, atRecords)...)
	for i := range recs {
		dst = appendRecord(dst, i, &recs[i])
	}
	b := dst[start:]
	var attributes uint16
	if h.Transactional {
		attributes |= transactional
	}
	be := binary.BigEndian
	be.PutUint32(b[atLength:], uint32(len(b)-lengthFrom))
	be.PutUint32(b[lengthFrom:], 0xffffffff) // leader epoch: the broker's to say
	b[atMagic] = 2
	be.PutUint16(b[atAttributes:], attributes)
	be.PutUint32(b[atLastDelta:], uint32(len(recs)-1))
	be.PutUint64(b[atBaseTime:], uint64(h.Time))
	be.PutUint64(b[atMaxTime:], uint64(h.Time))
	be.PutUint64(b[atProducer:], uint64(h.ProducerID))
	be.PutUint16(b[atEpoch:], uint16(h.ProducerEpoch))
	be.PutUint32(b[atSequence:], uint32(h.Sequence))
	be.PutUint32(b[atCount:], uint32(len(recs)))
	be.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], castagnoli))
	return dst
}

func appendRecord(dst []byte, index int, r *record.Output) []byte {
	size := 2 + varintSize(index) + bytesSize(r.Key) + bytesSize(r.Value) + varintSize(len(r.Headers))
	for i := range r.Headers {
		h := &r.Headers[i]
		size += varintSize(len(h.Key)) + len(h.Key) + bytesSize(h.Value)
	}
	dst = binary.AppendVarint(dst, int64(size))
	dst = append(dst, 0, 0) // attributes; time after the batch's
	dst = binary.AppendVarint(dst, int64(index))
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	dst = binary.AppendVarint(dst, int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		dst = binary.AppendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendBytes(dst, h.Value)
	}
	return dst
}

// appendBytes appends b with its length; null has the length -1.
func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(b)))
	return append(dst, b...)
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(len(b)) + len(b)
}

// varintSize is the size of n >= 0 as a zigzag varint.
func varintSize(n int) int {
	size := 1
	for z := uint64(n) << 1; z >= 0x80; z >>= 7 {
		size++
	}
	return size
}
