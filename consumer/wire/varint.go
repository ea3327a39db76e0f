package wire

// short reads a varint of one or two bytes at b[i:], which has one byte more, and gives the index behind it; else it gives
// index 0. Nearly every varint of a record is one, so readers try it first and go to uvarint else: together they would be
// too much for the compiler to inline.
func short(b []byte, i int) (uint64, int) {
	if i+1 < len(b) {
		if b[i] < 0x80 {
			return uint64(b[i]), i + 1
		}
		if b[i+1] < 0x80 {
			return uint64(b[i]&0x7f) | uint64(b[i+1])<<7, i + 2
		}
	}
	return 0, 0
}

// uvarint reads the varint at b[i:], of no more bytes than the given bits need, and gives the index behind it, which is
// beyond len(b) if the varint is cut short or too long.
func uvarint(b []byte, i int, bits uint) (uint64, int) {
	var z uint64
	for shift := uint(0); i < len(b) && shift < bits; shift += 7 {
		c := b[i]
		z |= uint64(c&0x7f) << shift
		i++
		if c < 0x80 {
			return z, i
		}
	}
	return 0, len(b) + 1
}

// unzigzag undoes the zigzag encoding of a signed number.
func unzigzag(z uint64) int64 { return int64(z>>1) ^ -int64(z&1) }
