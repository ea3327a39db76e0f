package main

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

// search is a breadth-first search over all states: a state is kept as the fingerprint of its bytes and its parent.
type search struct {
	options
	root   State
	seed   maphash.Seed
	stops  []string
	allow  []string
	seen   *table
	fps    []uint64 // by number of the state
	parent []uint32
	edges  []uint32 // fault-free edges, in order of their origin
	edgeAt []uint32
	counts map[string]int // violations, by check
	began  time.Time

	steps, ends, depth int
	topEpoch           uint8
	over               bool // a violation that ends the search
}

func newSearch(o options, root State) *search {
	x := &search{options: o, root: root, seed: maphash.MakeSeed(), stops: strings.Split(o.stop, ","), seen: newTable(22),
		edgeAt: []uint32{0}, counts: map[string]int{}, began: time.Now()}
	if o.only != "" {
		x.allow = strings.Split(o.only, ",")
	}
	x.add(&root, 0)
	return x
}

func (x *search) hash(s *State) uint64 {
	if h := maphash.Bytes(x.seed, s.bytes()); h != 0 {
		return h
	}
	return 1 // 0 is an empty place in the table
}

func (x *search) add(s *State, from uint32) (at uint32, fresh bool) {
	h := x.hash(s)
	at, fresh = x.seen.put(h, uint32(len(x.fps)))
	if fresh {
		x.fps, x.parent = append(x.fps, h), append(x.parent, from)
	}
	return at, fresh
}

// run searches until nothing is new, and says whether all holds (or the search was not exhausted without a finding).
func (x *search) run() bool {
	id, exhausted := uint32(0), true
	for cur := []State{x.root}; len(cur) > 0 && exhausted; {
		var nxt []State
		for k := range cur {
			nxt = x.expand(&cur[k], id, nxt)
			if x.over {
				return false
			}
			id++
		}
		cur = nxt
		x.depth++
		exhausted = len(x.fps) <= x.most
	}
	held := len(x.counts) == 0
	if !exhausted {
		fmt.Println("too many states: not exhausted")
		x.counts["not exhausted"] = 1
	} else if !x.acyclic() {
		held = false
	}
	result := "all hold"
	if len(x.counts) > 0 {
		result = fmt.Sprint(x.counts)
	}
	fmt.Printf("RESULT %s: %s; %d states, %d steps, depth %d, %d ends, epochs to %d, %.0fs\n", x.options, result,
		len(x.fps), x.steps, x.depth, x.ends, x.topEpoch, time.Since(x.began).Seconds())
	return held
}

func (x *search) expand(s *State, id uint32, nxt []State) []State {
	free := 0
	s.next(func(n State, fault bool, who int, what, viol string) {
		if x.over || fault && x.allow != nil && !slices.ContainsFunc(x.allow, func(k string) bool { return strings.Contains(what, k) }) {
			return
		}
		if n.ms[0].k == MNone && n.ms[1].k != MNone {
			n.ms[0], n.ms[1] = n.ms[1], Msg{}
		}
		if viol != "" {
			x.violated(viol, id, &n, label(fault, who, what))
			return // what follows a violation is not explored
		}
		x.topEpoch = max(x.topEpoch, n.tep)
		if n.tep > uint8(x.epochs) {
			return
		}
		x.steps++
		at, fresh := x.add(&n, id)
		if fresh {
			nxt = append(nxt, n)
		}
		if !fault {
			free++
			x.edges = append(x.edges, at)
		}
	})
	if x.over {
		return nxt
	}
	x.edgeAt = append(x.edgeAt, uint32(len(x.edges)))
	done := s.done()
	if done {
		x.ends++
	}
	if free == 0 && !done {
		kind := "S4"
		if !gap && s.cO != s.expected() && s.tst == Empty && s.atEnd() {
			kind = "S1" // an output is lost: nothing more will happen, the owner is at the end
		}
		x.violated(kind, id, nil, "")
	}
	return nxt
}

func (x *search) violated(kind string, at uint32, last *State, what string) {
	stop := slices.Contains(x.stops, kind)
	x.counts[kind]++
	if x.counts[kind] == 1 || stop {
		fmt.Printf("VIOLATION %s at depth %d after %d states\n", kind, x.depth, len(x.fps))
		x.trace(at, last, what)
	}
	if stop {
		x.over = true
		fmt.Printf("RESULT %s: %s violated; %d states, %.0fs\n", x.options, kind, len(x.fps), time.Since(x.began).Seconds())
	}
}

// acyclic: there is no endless run without faults. States without a way in are taken away until none is left.
func (x *search) acyclic() bool {
	in := make([]uint16, len(x.fps))
	for _, e := range x.edges {
		in[e]++
	}
	var q []uint32
	for k := range in {
		if in[k] == 0 {
			q = append(q, uint32(k))
		}
	}
	gone := make([]bool, len(x.fps))
	n := 0
	for ; len(q) > 0; n++ {
		k := q[len(q)-1]
		q = q[:len(q)-1]
		gone[k] = true
		for _, e := range x.edges[x.edgeAt[k]:x.edgeAt[k+1]] {
			if in[e]--; in[e] == 0 {
				q = append(q, e)
			}
		}
	}
	if n == len(x.fps) {
		return true
	}
	x.counts["S4-cycle"] = len(x.fps) - n
	fmt.Println("VIOLATION S4-cycle through this state:")
	x.trace(x.onCycle(gone), nil, "")
	return false
}

// onCycle: a state on a cycle of the fault-free graph; the way back is not stored, so it walks forward until one comes again
func (x *search) onCycle(gone []bool) uint32 {
	for k := range gone {
		if gone[k] {
			continue
		}
		met := map[uint32]bool{}
		at := uint32(k)
	walk:
		for !met[at] {
			met[at] = true
			for _, e := range x.edges[x.edgeAt[at]:x.edgeAt[at+1]] {
				if !gone[e] {
					at = e
					continue walk
				}
			}
			break
		}
		if met[at] && len(met) > 1 {
			return at
		}
	}
	return 0
}
