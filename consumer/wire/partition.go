package wire

import "encoding/binary"

// murmur2 is the hash by which Java's clients place a key: MurmurHash2 of Austin Appleby, 32 bits, with Kafka's seed.
func murmur2(key []byte) uint32 {
	const m, r, seed = 0x5bd1e995, 24, 0x9747b28c
	h := uint32(seed) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := binary.LittleEndian.Uint32(key) * m
		k ^= k >> r
		h = h*m ^ k*m
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(key[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

// PartitionFor is the partition of a key among n, as Java's clients choose it; a null key's is 0.
func PartitionFor(key []byte, n int32) int32 {
	if key == nil || n < 1 {
		return 0
	}
	return int32(murmur2(key)&0x7fffffff) % n
}
