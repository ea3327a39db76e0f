package wire

// Zigzag varints of at most 32 and 64 bits. The second result is the number of bytes read, 0 if the varint is cut short
// or too long.

func varint(b []byte) (int, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return int(b[0]>>1) ^ -int(b[0]&1), 1
	}
	return longVarint(b, 32)
}

func varlong(b []byte) (int64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return int64(b[0]>>1) ^ -int64(b[0]&1), 1
	}
	v, n := longVarint(b, 64)
	return int64(v), n
}

func longVarint(b []byte, bits int) (int, int) {
	var z uint64
	for i := 0; i < len(b) && 7*i < bits; i++ {
		z |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			if bits < 64 && z>>bits != 0 {
				return 0, 0
			}
			return int(z>>1) ^ -int(z&1), i + 1
		}
	}
	return 0, 0
}
