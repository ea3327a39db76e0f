package main

// fold one record: the new state, and the output if it yields one (9+r if the state was wrong)
func (s *State) fold(i *Inst, st list, r, pol uint8) (list, uint8) {
	out := uint8(0)
	if typ[pol][r] == 'o' {
		out = 1 + r + 4*pol
		base := s.start
		if base == 0 {
			base = i.first
		}
		if !gap && !contiguous(st, base-1, r) {
			out = 9 + r
		}
	}
	return app(st, 1+r+4*pol), out
}

// drop: the task's memory goes. Carry over: it stays, to be judged after the next fence;
// not if a switch of policy was begun and not answered.
func (i *Inst) drop(ph uint8) {
	if m.carry && b(i.mine.has) && (!b(i.tsw) || m.carrySwitch) {
		if m.carryLit && i.ph == End {
			i.mine.q, i.mine.cut, i.mine.pol = i.position(0).q, i.position(0).cut, i.position(0).pol
		}
		i.ph, i.tg, i.tt, i.tck, i.tsw, i.short = ph, 0, 0, 0, 0, 0
		return
	}
	i.st, i.pend, i.mine, i.ph = 0, 0, Position{}, ph
	i.pos, i.pol, i.cut, i.first, i.tg, i.tt, i.tck, i.tsw, i.lc, i.short = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
}

// recover: 8: a deadline passed, an abort, 47, 90, a fate unknown: drop, 2
func (s *State) recover(w int) {
	i := &s.in[w]
	ph := uint8(Fence)
	if m.loadFirst {
		ph = Load
	}
	if !b(i.own) {
		ph = Idle
	}
	i.drop(ph)
}

// end: 9
func (i *Inst) end() {
	i.own = 0
	i.drop(Idle)
	i.ep, i.sqO, i.sqC, i.gi, i.term = 0, 0, 0, 0, 0
}

func (s *State) fenced(w int) {
	if m.fencedStops {
		s.in[w].drop(Stuck)
		return
	}
	s.recover(w)
}

// refused: 22, 25, 82: the task ends; the open transaction is left.
func (s *State) refused(w int) {
	i := &s.in[w]
	if m.refusedFences && i.js == Stable || m.keepJoin && i.js == Stable && b(i.own) && i.gi != i.tg {
		s.recover(w)
		return
	}
	i.end()
	if s.kinc[w] != i.inc && s.jset&(1<<w) == 0 {
		i.js = Out
	}
}

func (s *State) valid(w int) bool {
	i := &s.in[w]
	return s.kinc[w] == i.inc && i.gi == s.gen
}

func (s *State) goRun(w int) {
	i := &s.in[w]
	i.ph = Run
	if i.js == Stable && i.term > s.live {
		s.live, s.liveWho = i.term, uint8(w)+1
	}
}

func (i *Inst) writer(w int) uint8 {
	if !m.carry {
		return 0
	}
	return uint8(w+1)<<6 | i.inc
}

// orphan: a request that nobody waits for any more is under way
func (s *State) orphan(msg Msg) bool {
	for k := range s.ms {
		if s.ms[k].k == MNone {
			s.ms[k] = msg
			if s.ms[0].k > s.ms[1].k && s.ms[1].k != MNone {
				s.ms[0], s.ms[1] = s.ms[1], s.ms[0]
			}
			return true
		}
	}
	return false
}
