package retrain

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
