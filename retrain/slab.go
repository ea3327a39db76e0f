package retrain

// slab holds many values of one type in chunks, reached by number: no pointer for the garbage collector to follow to each,
// and little more memory than the values themselves. Numbers begin at 1; 0 is nothing.
type slab[T any] struct {
	chunks [][]T
	free   []uint32
	used   uint32
}

const chunkSize = 512

func (s *slab[T]) at(i uint32) *T { return &s.chunks[(i-1)/chunkSize][(i-1)%chunkSize] }

// take gives a zero value.
func (s *slab[T]) take() uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	if s.used%chunkSize == 0 {
		s.chunks = append(s.chunks, make([]T, chunkSize))
	}
	s.used++
	return s.used
}

func (s *slab[T]) drop(i uint32) {
	var zero T
	*s.at(i) = zero
	s.free = append(s.free, i)
}

// blocks is a slab of runs of words, all of one length.
type blocks struct {
	length int
	chunks [][]uint64
	free   []uint32
	used   uint32
}

func (b *blocks) at(i uint32) []uint64 {
	start := int(i-1) % chunkSize * b.length
	return b.chunks[(i-1)/chunkSize][start : start+b.length : start+b.length]
}

// take gives a block of zeros.
func (b *blocks) take() uint32 {
	if n := len(b.free); n > 0 {
		i := b.free[n-1]
		b.free = b.free[:n-1]
		clear(b.at(i))
		return i
	}
	if b.used%chunkSize == 0 {
		b.chunks = append(b.chunks, make([]uint64, chunkSize*b.length))
	}
	b.used++
	return b.used
}

func (b *blocks) drop(i uint32) { b.free = append(b.free, i) }
