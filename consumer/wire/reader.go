package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
)

// Reader walks over the records of one partition in a fetch answer after the other. It is not safe for concurrent use.
type Reader struct {
	decompressor decompressor
	headerKeys   headerKeys
	aborted      aborted
	uncommitted  bool

	rest     []byte // of the answer: batches not yet opened
	position int64
	err      error // why it cannot be read on

	batch   batch
	records []byte // of the batch: not yet read
	left    int    // records of the batch not yet read
}

// batch is what the header of the batch being read says.
type batch struct {
	base, last int64 // offsets
	baseTime   int64
	appendTime int64 // LogAppendTime: every record's time
	attributes uint16
	producer   int64
	count      int
	previous   int64 // offset delta of the record read last
}

// NewReader makes a Reader that refuses a batch whose records decompress to more than maxBatchBytes.
func NewReader(maxBatchBytes int) *Reader {
	return &Reader{decompressor: decompressor{max: maxBatchBytes}}
}

// Close frees the decompressors.
func (r *Reader) Close() {
	r.decompressor.close()
	r.rest, r.records, r.left = nil, nil, 0
}

// Reset starts on the batches of a fetch from offset from. Aborted transactions are those that came with them; with
// uncommitted their records are given like others. raw is not copied.
func (r *Reader) Reset(raw []byte, aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction, from int64, uncommitted bool) {
	r.rest, r.position, r.err = raw, from, nil
	r.records, r.left = nil, 0
	r.uncommitted = uncommitted
	r.aborted.reset(aborted)
}

// Position is the next offset to fetch: behind all that was given or skipped. Where the bytes end in the midst of a batch
// it is that batch's offset.
func (r *Reader) Position() int64 { return r.position }

// Next fills rec (all but Topic and Partition) with the next record and reports whether there was one. Its bytes lie in
// raw or in a buffer of the Reader; they are valid until the next call. An error, always a *CorruptError, stays; Position
// is then where the trouble lies.
func (r *Reader) Next(rec *record.Record) (bool, error) {
	for {
		for r.left > 0 {
			offset, ok := r.read(rec)
			if !ok {
				return false, r.err
			}
			if offset >= r.position {
				r.position = offset + 1
				return true, nil
			}
		}
		if r.records != nil {
			if len(r.records) > 0 {
				return r.corrupt("%d bytes follow its last record", len(r.records)), r.err
			}
			r.skip()
		}
		if !r.open() {
			return false, r.err
		}
	}
}

// skip leaves the batch and what remains of it.
func (r *Reader) skip() {
	r.records, r.left = nil, 0
	r.position = max(r.position, r.batch.last+1)
}

// corrupt ends the reading; it is false for its callers to return.
func (r *Reader) corrupt(format string, args ...any) bool {
	r.err = &CorruptError{Offset: r.batch.base, Reason: fmt.Sprintf(format, args...)}
	r.rest, r.records, r.left = nil, nil, 0
	return false
}

// open goes to the next batch that has records to give; false: there is none, or an error.
func (r *Reader) open() bool {
	for {
		raw, ok := r.cut()
		if !ok {
			return false
		}
		if !r.header(raw) {
			return false
		}
		if !r.uncommitted {
			r.aborted.begin(r.batch.base)
		}
		switch b := &r.batch; {
		case b.attributes&control != 0:
			if !r.uncommitted && b.count > 0 && !r.marker(raw[atRecords:]) {
				return false
			}
		case b.count == 0, b.last < r.position: // emptied by compaction; before what was asked for
		case !r.uncommitted && b.attributes&transactional != 0 && r.aborted.has(b.producer):
		default:
			return r.load(raw[atRecords:])
		}
		r.skip()
	}
}

// cut takes the next whole batch off the answer.
func (r *Reader) cut() ([]byte, bool) {
	raw := r.rest
	if r.err != nil || len(raw) == 0 {
		return nil, false
	}
	if len(raw) >= 8 {
		r.batch.base = int64(binary.BigEndian.Uint64(raw))
	}
	if len(raw) > atMagic {
		size := int64(int32(binary.BigEndian.Uint32(raw[atLength:])))
		switch magic := raw[atMagic]; {
		case magic < 2:
			return nil, r.corrupt("it is a message of format %d, from before Kafka 0.11, which is not read", magic)
		case magic > 2:
			return nil, r.corrupt("format %d is unknown", magic)
		case size < atRecords-lengthFrom:
			return nil, r.corrupt("length %d is less than a header's", size)
		}
		if size += lengthFrom; size <= int64(len(raw)) {
			r.rest = raw[size:]
			return raw[:size:size], true
		}
	}
	if len(raw) >= 8 {
		r.position = max(r.position, r.batch.base)
	}
	r.rest = nil
	return nil, false
}

// header reads and checks a batch's header.
func (r *Reader) header(raw []byte) bool {
	be := binary.BigEndian
	if want, got := be.Uint32(raw[atCRC:]), crc32.Checksum(raw[atAttributes:], castagnoli); want != got {
		return r.corrupt("its CRC is %08x, its bytes' %08x", want, got)
	}
	b := &r.batch
	delta, count := int32(be.Uint32(raw[atLastDelta:])), int32(be.Uint32(raw[atCount:]))
	if b.base < 0 || delta < 0 || b.base > math.MaxInt64-int64(delta)-1 {
		return r.corrupt("its last offset is %d after its base offset", delta)
	}
	if count < 0 {
		return r.corrupt("it says that it has %d records", count)
	}
	b.last, b.count, b.previous = b.base+int64(delta), int(count), -1
	b.attributes = be.Uint16(raw[atAttributes:])
	b.baseTime, b.appendTime = int64(be.Uint64(raw[atBaseTime:])), int64(be.Uint64(raw[atMaxTime:]))
	b.producer = int64(be.Uint64(raw[atProducer:]))
	return true
}

// load makes the batch's records readable.
func (r *Reader) load(records []byte) bool {
	if codec := int(r.batch.attributes & codecMask); codec != codecNone {
		var err error
		if records, err = r.decompressor.decompress(codec, records); err != nil {
			return r.corrupt("%v", err)
		}
	}
	if len(records) == 0 {
		return r.corrupt("it says that it has %d records and has none", r.batch.count)
	}
	r.records, r.left = records, r.batch.count
	return true
}

// marker reads a control record. Its key is a version and a type, 2 bytes each; type 0 is the end of an aborted
// transaction.
func (r *Reader) marker(records []byte) bool {
	if !r.load(records) {
		return false
	}
	var rec record.Record
	if _, ok := r.read(&rec); !ok {
		return false
	}
	if len(rec.Key) < 4 {
		return r.corrupt("its control record has a key of %d bytes", len(rec.Key))
	}
	if binary.BigEndian.Uint16(rec.Key[2:]) == 0 {
		r.aborted.end(r.batch.producer)
	}
	return true
}
