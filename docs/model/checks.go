package main

import (
	"fmt"
	"strings"
	"unsafe"
)

// listOK: the state is exactly the fold of the records [start, q), each under the policy that the switch at x gives it.
func listOK(l list, start, q, x uint8) bool {
	if start == 0 {
		return l == 0
	}
	want := list(0)
	for r := start - 1; r < q; r++ {
		want = app(want, 1+r+4*b2(x != noX && r >= x))
	}
	return l == want
}

// contiguous: the list holds the records [start, r) in order, whatever the policies
func contiguous(l list, start, r uint8) bool {
	k := llen(l)
	if int(r)-int(start) != k {
		return false
	}
	for j := 0; j < k; j++ {
		v := uint8(l>>(4*(k-1-j))) & 15
		if v == 15 || (v-1)%4 != start+uint8(j) {
			return false
		}
	}
	return true
}

func (s *State) expected() (l list) {
	if s.start == 0 {
		return 0
	}
	for r := s.start - 1; r < N; r++ {
		p := b2(s.sx != noX && r >= s.sx)
		if typ[p][r] == 'o' {
			l = app(l, 1+r+4*p)
		}
	}
	return
}

// outputsOK: what a read_committed reader has is a prefix of the fold's outputs (with a gap: nothing twice, in order)
func (s *State) outputsOK() bool {
	if s.cO == 0xffff {
		return false
	}
	if gap {
		last := -1
		for k := llen(s.cO) - 1; k >= 0; k-- {
			r := int(uint8(s.cO>>(4*k)&15)-1) % 4
			if r <= last {
				return false
			}
			last = r
		}
		return true
	}
	e := s.expected()
	d := llen(e) - llen(s.cO)
	return d >= 0 && e>>(4*d) == s.cO
}

// done: everything is said, nothing is open (but for what a lost marker left), a valid owner runs at the end
func (s *State) done() bool {
	if s.tst != Empty || s.oO != 0 || !trunc && (s.op.has != 0 || s.oOff != 0) || !gap && s.cO != s.expected() {
		return false
	}
	return s.atEnd()
}

func (s *State) atEnd() bool {
	for w := range s.in {
		i := &s.in[w]
		if i.ph == Run && b(i.own) && i.js == Stable && s.valid(w) && i.pos == N && i.pend == 0 && (!b(i.first) || m.noFirstPos) && s.owner == uint8(w)+1 {
			return true
		}
	}
	return false
}

func (s *State) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s))
}

func show(l list, pre string) string {
	var o []string
	for k := llen(l) - 1; k >= 0; k-- {
		v := uint8(l>>(4*k)) & 15
		switch {
		case v == 15:
			return "[overflow]"
		case v >= 9:
			o = append(o, fmt.Sprintf("%s%d!", pre, v-9))
		case v >= 5:
			o = append(o, fmt.Sprintf("%s%d'", pre, v-5))
		default:
			o = append(o, fmt.Sprintf("%s%d", pre, v-1))
		}
	}
	return "[" + strings.Join(o, " ") + "]"
}

func (s *State) String() string {
	var o strings.Builder
	for w := range s.in {
		i := &s.in[w]
		own := ""
		if b(i.own) {
			own = " owns"
		}
		fmt.Fprintf(&o, "%c{%s gen%d %s%s ep%d fold%s wait%s} ", 'A'+w, phName[i.ph], i.gi, jsName[i.js], own, i.ep, show(i.st, "r"), show(i.pend, "o"))
	}
	pos := "none"
	if s.cp.has != 0 {
		pos = fmt.Sprintf("%d (ckpt %d)", s.cp.q, s.cp.cut)
	}
	fmt.Fprintf(&o, "| outputs%s open%s position %s", show(s.cO, "o"), show(s.oO, "o"), pos)
	if s.op.has != 0 {
		fmt.Fprintf(&o, " open %d (ckpt %d)", s.op.q, s.op.cut)
	}
	fmt.Fprintf(&o, " offset %d%s | txn ep%d %s | group gen%d owner%c", int(s.cOff)-1, " *"[1-s.cMeta:2-s.cMeta], s.tep, tsName[s.tst], s.gen, " AB"[s.owner])
	return o.String()
}
