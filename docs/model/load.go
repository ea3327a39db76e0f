package main

// load: 3: keys and the last position below the high watermark
func (s *State) load(w int) (viol string) {
	i := &s.in[w]
	if m.carry && b(i.mine.has) {
		x, y := s.cp, i.mine
		if m.carryNoWriter {
			x.wr, y.wr = 0, 0
		}
		if m.carryWriterOnly {
			x.q, x.cut, x.pol, y.q, y.cut, y.pol = 0, 0, 0, 0, 0, 0
		}
		if x == y {
			if m.carryNoOff {
				return s.carried(w)
			}
			i.ph = Carry
			return
		}
	}
	i.mine = Position{}
	i.tsw = 0
	i.drop(Check)
	p := s.cp
	if p.has == 0 {
		i.first = 1 // S is not known yet
		return
	}
	i.st, i.cut, i.pol, i.pos = s.cK, p.cut, p.pol, p.q
	return
}

func (s *State) carried(w int) (viol string) {
	i := &s.in[w]
	if !gap && !listOK(i.st, s.start, i.pos, s.sx) {
		viol = "S2"
	}
	s.goRun(w)
	return
}

// check: the group's committed offset, 4, 5
func (s *State) check(w int, cOff, cMeta uint8) (viol string) {
	i := &s.in[w]
	q, alarm := s.runFrom(i, cOff, cMeta)
	if alarm {
		return "alarm"
	}
	r := i.cut
	if r < s.ls { // gap
		r = s.ls
		if m.gapRun {
			q = r
		}
	}
	r = s.replay(i, r, q)
	i.lc = i.pos
	i.pos = r
	if b(i.first) {
		i.lc = r
	}
	if m.livePol {
		i.pol = s.active
	}
	if !gap && s.start != 0 && (i.ep == s.tep || m.loadFirst) && !listOK(i.st, s.start, i.pos, s.sx) {
		viol = "S2"
	}
	s.goRun(w)
	return
}

// runFrom: 4, the offset to replay to and run from
func (s *State) runFrom(i *Inst, cOff, cMeta uint8) (q uint8, alarm bool) {
	off, ours := int(cOff)-1, b(cMeta) || m.noMeta
	q = i.pos
	if b(i.first) {
		q = s.ls
		if off >= int(q) {
			q = uint8(off)
		}
		i.first, i.pol, i.cut = q+1, s.active, q
		if off >= 0 && b(cMeta) && !m.lostAsNew { // the checkpoint partition has lost even its first position
			i.cut = s.ls
		}
	} else if off > int(q) && ours && !m.beyondIgnored {
		if m.alarm && s.cuts == 0 {
			return q, true
		}
		q = uint8(off)
	}
	return q, false
}

// replay: 5, outputs discarded
func (s *State) replay(i *Inst, r, q uint8) uint8 {
	pol := i.pol
	if m.replayActive {
		pol = s.active
	}
	for ; r < q; r++ {
		st, out := s.fold(i, i.st, r, pol)
		i.st = st
		if out != 0 && m.noDiscard {
			i.pend = app(i.pend, out)
		}
	}
	return r
}
