package retrain

import "hash/maphash"

// index finds a source by its key: open addressing with linear probing, a slot holds half of the key's hash and the source's
// number. It takes a third of the memory of a map from string. The seed differs from process to process, so nobody can send
// keys that collide; nothing depends on the order of slots.
type index struct {
	seed  maphash.Seed
	slots []uint64 // hash's upper half, number; 0: empty
	count int
}

func newIndex() index { return index{seed: maphash.MakeSeed(), slots: make([]uint64, 16)} }

const lowHalf = 1<<32 - 1

// find gives the source's number, 0 if there is none, and the key's hash.
func (x *index) find(key []byte, keyOf func(uint32) string) (uint32, uint64) {
	hash := maphash.Bytes(x.seed, key)
	mask := uint64(len(x.slots) - 1)
	for i := hash & mask; x.slots[i] != 0; i = (i + 1) & mask {
		if number := uint32(x.slots[i]); x.slots[i]>>32 == hash>>32 && keyOf(number) == string(key) {
			return number, hash
		}
	}
	return 0, hash
}

// add puts a key that is not there.
func (x *index) add(hash uint64, number uint32, keyOf func(uint32) string) {
	if x.count++; x.count*5 > len(x.slots)*4 {
		old := x.slots
		x.slots = make([]uint64, 2*len(old))
		for _, s := range old {
			if s != 0 {
				x.put(maphash.String(x.seed, keyOf(uint32(s))), uint32(s))
			}
		}
	}
	x.put(hash, number)
}

func (x *index) put(hash uint64, number uint32) {
	mask := uint64(len(x.slots) - 1)
	i := hash & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = hash&^lowHalf | uint64(number)
}

// remove takes a key out and moves those behind it up, so that no probe stops short (Knuth, TAOCP 3, 6.4, algorithm R).
func (x *index) remove(number uint32, keyOf func(uint32) string) {
	mask := uint64(len(x.slots) - 1)
	hole := maphash.String(x.seed, keyOf(number)) & mask
	for uint32(x.slots[hole]) != number {
		hole = (hole + 1) & mask
	}
	x.count--
	x.slots[hole] = 0
	for i := (hole + 1) & mask; x.slots[i] != 0; i = (i + 1) & mask {
		home := maphash.String(x.seed, keyOf(uint32(x.slots[i]))) & mask
		if (i-home)&mask >= (i-hole)&mask {
			x.slots[hole], x.slots[i] = x.slots[i], 0
			hole = i
		}
	}
}
