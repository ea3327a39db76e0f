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

// names gives texts that many sources share a number each, and forgets those that none uses any more. Number 0 is the
// missing text.
type names struct {
	numbers map[string]uint32
	texts   []string
	uses    []int
	free    []uint32
}

func newNames() names {
	return names{numbers: map[string]uint32{}, texts: []string{""}, uses: []int{0}}
}

// use takes a text (nil: missing) once more.
func (n *names) use(text []byte) uint32 {
	if text == nil {
		return 0
	}
	i, ok := n.numbers[string(text)]
	if !ok {
		if last := len(n.free) - 1; last >= 0 {
			i, n.free = n.free[last], n.free[:last]
		} else {
			i = uint32(len(n.texts))
			n.texts, n.uses = append(n.texts, ""), append(n.uses, 0)
		}
		n.texts[i] = string(text)
		n.numbers[n.texts[i]] = i
	}
	n.uses[i]++
	return i
}

func (n *names) release(i uint32) {
	if i == 0 {
		return
	}
	if n.uses[i]--; n.uses[i] == 0 {
		delete(n.numbers, n.texts[i])
		n.texts[i], n.free = "", append(n.free, i)
	}
}

// is compares without giving a number.
func (n *names) is(i uint32, text []byte) bool {
	if i == 0 || text == nil {
		return i == 0 && text == nil
	}
	return n.texts[i] == string(text)
}

// text is nil for number 0.
func (n *names) text(i uint32) *string {
	if i == 0 {
		return nil
	}
	return new(n.texts[i])
}
