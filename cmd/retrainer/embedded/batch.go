package embedded

import (
	"encoding/binary"
	"hash/crc32"
)

// Places in a record batch of magic 2 (KIP-98).
const (
	atLength     = 8
	atMagic      = 16
	atCRC        = 17
	atAttributes = 21
	atBaseTime   = 27
	atMaxTime    = 35
	atProducer   = 43
	atEpoch      = 51
	atCount      = 57
	atRecords    = 61

	lengthFrom = 12 // the batch's length counts from here

	codecMask     = 7
	transactional = 1 << 4
	control       = 1 << 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// whole tells whether b is one batch with the CRC of its bytes.
func whole(b []byte) bool {
	return len(b) >= atRecords && b[atMagic] == 2 && int64(binary.BigEndian.Uint32(b[atLength:])) == int64(len(b)-lengthFrom) &&
		binary.BigEndian.Uint32(b[atCRC:]) == crc32.Checksum(b[atAttributes:], castagnoli)
}

func seal(b []byte) {
	binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-lengthFrom))
	binary.BigEndian.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], castagnoli))
}
