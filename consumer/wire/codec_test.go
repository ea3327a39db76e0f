package wire

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Frames as lz4 -B4 --content-size, -BX and the like write them; random bytes are stored, not compressed.
func TestLZ4FramesOfAllKinds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	text := bytes.Repeat([]byte("drift of a stream; "), 20_000)
	mixed := append(append([]byte{}, random[:100_000]...), text...)
	for name, content := range map[string][]byte{"random": random, "text": text, "mixed": mixed, "short": []byte("x"), "empty": {}} {
		for _, size := range []lz4.BlockSize{lz4.Block64Kb, lz4.Block256Kb, lz4.Block4Mb} {
			for bits := range 8 {
				var out bytes.Buffer
				w := lz4.NewWriter(&out)
				options := []lz4.Option{lz4.BlockSizeOption(size), lz4.BlockChecksumOption(bits&1 > 0), lz4.ChecksumOption(bits&2 > 0)}
				if bits&4 > 0 {
					options = append(options, lz4.SizeOption(uint64(len(content))))
				}
				if err := w.Apply(options...); err != nil {
					t.Fatal(err)
				}
				w.Write(content)
				w.Close()
				d := decompressor{max: 1 << 20}
				got, err := d.decompress(codecLZ4, out.Bytes())
				if err != nil || !bytes.Equal(got, content) {
					t.Fatalf("%s in blocks of %v, options %b: %d bytes, %v", name, size, bits, len(got), err)
				}
				for _, cut := range []int{out.Len() - 1, out.Len() / 2, 8} {
					if cut < out.Len() {
						if _, err := d.decompress(codecLZ4, out.Bytes()[:cut]); err == nil {
							t.Fatalf("%s cut after %d of %d bytes is read", name, cut, out.Len())
						}
					}
				}
			}
		}
	}
}

func TestLZ4BlocksThatReferBack(t *testing.T) {
	frame := "\x04\x22\x4d\x18\x40\x40\x00" + // blocks depend on each other
		"\x08\x00\x00\x80abcdefgh" + // stored
		"\x0a\x00\x00\x00\x14Z\x09\x00\x5012345" + // Z, 8 bytes from 9 before, 12345
		"\x00\x00\x00\x00"
	d := decompressor{max: 100}
	got, err := d.decompress(codecLZ4, []byte(frame+frame))
	if want := strings.Repeat("abcdefghZabcdefgh12345", 2); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	// A frame does not refer back to the frame before it.
	second := "\x04\x22\x4d\x18\x40\x40\x00" + "\x0a\x00\x00\x00\x14Z\x09\x00\x5012345" + "\x00\x00\x00\x00"
	if got, err := d.decompress(codecLZ4, []byte(frame+second)); err == nil {
		t.Errorf("%q", got)
	}
}

func TestSnappyWithAndWithoutFraming(t *testing.T) {
	content := bytes.Repeat([]byte("drift of a stream; "), 10_000)
	d := decompressor{max: 1 << 20}
	for name, src := range map[string][]byte{"block": s2.EncodeSnappy(nil, content), "xerial": compress(t, codecSnappy, content)} {
		got, err := d.decompress(codecSnappy, src)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if _, err := d.decompress(codecSnappy, src[:len(src)-1]); err == nil {
			t.Errorf("%s cut short is read", name)
		}
	}
}

// A window greater than the limit says nothing of the content: encoders choose it without knowing how much will come.
func TestZstdWindowGreaterThanTheLimit(t *testing.T) {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("drift"), 1000)
	w.Write(content[:100])
	w.Flush() // so that the content's size is not in the header
	w.Write(content[100:])
	w.Close()
	d := decompressor{max: 10_000}
	defer d.close()
	if got, err := d.decompress(codecZstd, out.Bytes()); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestGzipOfSeveralMembers(t *testing.T) {
	content := bytes.Repeat([]byte("drift"), 20_000)
	two := append(compress(t, codecGzip, content), compress(t, codecGzip, nil)...)
	d := decompressor{max: len(content)}
	if got, err := d.decompress(codecGzip, two); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := d.decompress(codecGzip, append(two, compress(t, codecGzip, []byte("x"))...)); err == nil {
		t.Error("a byte more than the limit is read")
	}
}
