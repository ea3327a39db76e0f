package embedded

import "encoding/binary"

// stamp gives every record of a batch the time now. Of a compressed batch, which stays as it is, only the last one gets it:
// the distances between its records stay. A batch that is not whole is left for kfake to refuse.
func stamp(b []byte, now int64) []byte {
	if !whole(b) {
		return b
	}
	be := binary.BigEndian
	base := now
	if be.Uint16(b[atAttributes:])&codecMask != 0 {
		base -= max(0, int64(be.Uint64(b[atMaxTime:])-be.Uint64(b[atBaseTime:])))
	} else if records, ok := sameTime(b[atRecords:], int(be.Uint32(b[atCount:]))); ok {
		b = append(b[:atRecords:atRecords], records...)
	}
	be.PutUint64(b[atBaseTime:], uint64(base))
	be.PutUint64(b[atMaxTime:], uint64(now))
	seal(b)
	return b
}

// sameTime sets the distance of each record from the batch's time to 0.
func sameTime(records []byte, count int) ([]byte, bool) {
	out := make([]byte, 0, len(records))
	for range count {
		size, n := binary.Varint(records)
		if n <= 0 || size < 2 || size > int64(len(records)-n) {
			return nil, false
		}
		r := records[n : n+int(size)]
		records = records[n+int(size):]
		_, n = binary.Varint(r[1:]) // r[0] is the record's attributes
		if n <= 0 {
			return nil, false
		}
		out = binary.AppendVarint(out, size-int64(n)+1)
		out = append(out, r[0], 0)
		out = append(out, r[1+n:]...)
	}
	return out, len(records) == 0
}
