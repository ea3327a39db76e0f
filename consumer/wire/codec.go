package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codecs of a batch's attributes.
const (
	codecNone = iota
	codecGzip
	codecSnappy
	codecLZ4
	codecZstd
)

var codecNames = [codecMask + 1]string{"none", "gzip", "snappy", "lz4", "zstd", "?", "?", "?"}

const firstBuffer = 64 << 10 // bytes

// decompressor decompresses one batch after the other into the same buffer, which never grows past max bytes. Nothing of
// it is shared or runs by itself: a global pool would carry zstd's channels from one synctest bubble into the next. The
// checksums of zstd and lz4 are left aside, as the batch's CRC covers the same bytes.
type decompressor struct {
	max  int
	buf  []byte
	src  bytes.Reader
	gzip *gzip.Reader
	zstd *zstd.Decoder
}

var errCut = errors.New("compressed data is cut short")

// decompress gives the decompressed src, valid until the next call.
func (d *decompressor) decompress(codec int, src []byte) ([]byte, error) {
	d.buf = d.buf[:0]
	var err error
	switch codec {
	case codecGzip:
		err = d.fromGzip(src)
	case codecSnappy:
		err = d.fromSnappy(src)
	case codecLZ4:
		err = d.fromLZ4(src)
	case codecZstd:
		err = d.fromZstd(src)
	default:
		err = errors.New("it is unknown")
	}
	if err != nil {
		return nil, fmt.Errorf("codec %d (%s): %w", codec, codecNames[codec], err)
	}
	return d.buf, nil
}

func (d *decompressor) close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
	*d = decompressor{max: d.max}
}

func (d *decompressor) tooBig() error {
	return fmt.Errorf("the records decompress to more than %d bytes", d.max)
}

// room makes room for n more bytes.
func (d *decompressor) room(n int) error {
	if n > d.max-len(d.buf) {
		return d.tooBig()
	}
	d.buf = slices.Grow(d.buf, n)
	return nil
}

// double makes more room where it is not known how much is needed.
func (d *decompressor) double() error {
	if cap(d.buf) >= d.max {
		return d.tooBig()
	}
	size := min(d.max, max(firstBuffer, 2*cap(d.buf)))
	d.buf = append(make([]byte, 0, size), d.buf...)
	return nil
}

func (d *decompressor) fromGzip(src []byte) error {
	d.src.Reset(src)
	var err error
	if d.gzip == nil {
		d.gzip, err = gzip.NewReader(&d.src)
	} else {
		err = d.gzip.Reset(&d.src)
	}
	for err == nil {
		if len(d.buf) == cap(d.buf) {
			if err = d.double(); err != nil {
				// Exactly max bytes are allowed: only a byte more is too many.
				var one [1]byte
				if n, e := d.gzip.Read(one[:]); n == 0 && e == io.EOF {
					err = e
				}
				break
			}
		}
		var n int
		n, err = d.gzip.Read(d.buf[len(d.buf):cap(d.buf)])
		d.buf = d.buf[:len(d.buf)+n]
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// xerial starts the framing that Java's snappy streams have: versions (2 x 4 bytes), then blocks, each with its length.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

func (d *decompressor) fromSnappy(src []byte) error {
	if len(src) < 16 || !bytes.HasPrefix(src, xerial) {
		return d.snappyBlock(src)
	}
	for src = src[16:]; len(src) > 0; {
		if len(src) < 4 {
			return errCut
		}
		n := int64(binary.BigEndian.Uint32(src))
		if src = src[4:]; n > int64(len(src)) {
			return errCut
		}
		if err := d.snappyBlock(src[:n]); err != nil {
			return err
		}
		src = src[n:]
	}
	return nil
}

func (d *decompressor) snappyBlock(src []byte) error {
	n, err := s2.DecodedLen(src)
	if err != nil {
		return err
	}
	// A copy of 64 bytes takes 3 bytes or 2, and no element gives more: what announces more is lying.
	if n/32 > len(src) {
		return fmt.Errorf("%d bytes of snappy announce %d", len(src), n)
	}
	if err := d.room(n); err != nil {
		return err
	}
	out, err := s2.Decode(d.buf[len(d.buf):len(d.buf)+n], src)
	if err != nil {
		return err
	}
	d.buf = d.buf[:len(d.buf)+len(out)]
	return nil
}

// A block of zstd gives at most zstdBlock bytes and takes at least 4 (RFC 8878, section 3.1.1.2).
const zstdBlock = 128 << 10

func (d *decompressor) fromZstd(src []byte) error {
	if d.zstd == nil {
		var err error
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.IgnoreChecksum(true))
		if err != nil {
			return err
		}
	}
	for {
		out, err := d.zstd.DecodeAll(src, d.buf[:0])
		if err == nil {
			d.buf = out
			return nil
		}
		// Lack of room shows as one error or another. Was there room for the block that failed, or for more than src
		// can hold, it was not that.
		roomy := cap(d.buf)-len(out) >= zstdBlock && !errors.Is(err, zstd.ErrDecoderSizeExceeded)
		if roomy || cap(d.buf)/(zstdBlock/4) > len(src) {
			return err
		}
		if err := d.double(); err != nil {
			return err
		}
	}
}

// fromLZ4 reads LZ4 frames (github.com/lz4/lz4, doc/lz4_Frame_format.md).
func (d *decompressor) fromLZ4(src []byte) error {
	for len(src) > 0 {
		rest, err := d.lz4Frame(src)
		if err != nil {
			return err
		}
		src = rest
	}
	return nil
}

func (d *decompressor) lz4Frame(src []byte) ([]byte, error) {
	const magic, header = 0x184d2204, 7
	if len(src) < header {
		return nil, errCut
	}
	if m := binary.LittleEndian.Uint32(src); m != magic {
		return nil, fmt.Errorf("%#x is not the start of an lz4 frame", m)
	}
	flags, start := src[4], header
	if flags>>6 != 1 {
		return nil, fmt.Errorf("lz4 frame has version %d", flags>>6)
	}
	if flags&1 != 0 {
		return nil, errors.New("lz4 frame needs a dictionary")
	}
	size := src[5] >> 4 & 7
	if size < 4 {
		return nil, fmt.Errorf("lz4 frame has block size %d", size)
	}
	if flags&(1<<3) != 0 {
		start += 8 // content size
	}
	if len(src) < start {
		return nil, errCut
	}
	src, err := d.lz4Blocks(src[start:], 1<<(8+2*size), flags&(1<<4) != 0, len(d.buf))
	if err == nil && flags&(1<<2) != 0 {
		if len(src) < 4 {
			return nil, errCut
		}
		src = src[4:] // content checksum
	}
	return src, err
}

// lz4Blocks reads blocks until the end mark. Blocks may refer back to what the frame, which starts at start, gave before.
func (d *decompressor) lz4Blocks(src []byte, blockSize int, checksums bool, start int) ([]byte, error) {
	for {
		if len(src) < 4 {
			return nil, errCut
		}
		word := binary.LittleEndian.Uint32(src)
		src = src[4:]
		if word == 0 {
			return src, nil
		}
		n, stored := int(word&0x7fffffff), word>>31 == 1
		if n > len(src) {
			return nil, errCut
		}
		if err := d.lz4Block(src[:n], blockSize, stored, start); err != nil {
			return nil, err
		}
		src = src[n:]
		if checksums {
			if len(src) < 4 {
				return nil, errCut
			}
			src = src[4:]
		}
	}
}

func (d *decompressor) lz4Block(src []byte, blockSize int, stored bool, start int) error {
	at := len(d.buf)
	if stored {
		if err := d.room(len(src)); err != nil {
			return err
		}
		d.buf = append(d.buf, src...)
		return nil
	}
	// One byte of a block gives at most 255.
	want := min(blockSize, 255*len(src)+16)
	fits := d.max - at
	if err := d.room(min(want, fits)); err != nil {
		return err
	}
	dst := d.buf[at : at+min(want, fits)]
	n, err := lz4.UncompressBlockWithDict(src, dst, d.buf[max(start, at-64<<10):at])
	if err != nil {
		if want > fits {
			return d.tooBig()
		}
		return err
	}
	d.buf = d.buf[:at+n]
	return nil
}
