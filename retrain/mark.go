package retrain

import (
	"encoding/binary"
	"math/bits"
)

// The hash stands in checkpoints, so it must never change: folded 64x64 bit multiplication, 8 bytes a round. It need not be
// secure: who can forge event ids can as well not send the event.
const (
	markA = 0x9e3779b97f4a7c15 // 2^64 / golden ratio
	markB = 0xd6e8feb86659fd93
)

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^markA, b^markB)
	return hi ^ lo
}

// mixText tells a missing text (nil) from an empty one.
func mixText(h uint64, text []byte) uint64 {
	if text == nil {
		return mix(h, 7)
	}
	h = mix(h^uint64(len(text)), 11)
	for ; len(text) >= 8; text = text[8:] {
		h = mix(h^binary.LittleEndian.Uint64(text), 13)
	}
	var tail uint64
	for i, b := range text {
		tail |= uint64(b) << (8 * i)
	}
	return mix(h^tail, 17)
}

// MarkLabel adds one label to the mark of an event's labels, which starts as 1. The order of labels does not matter.
func MarkLabel(labels uint64, name, value []byte) uint64 {
	return labels + mixText(mixText(19, name), value)
}
