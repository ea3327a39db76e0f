package main

// groupMoves: the classic protocol, seen from one partition
func (s *State) groupMoves(emit emitter) {
	for w := range s.in {
		do := func(what string, f func(n *State, i *Inst)) {
			s.emitStep(w, emit, what, func(n *State, i *Inst) string { f(n, i); return "" })
		}
		if s.in[w].ph == Dead {
			if s.kinc[w] != 0 {
				do("session of the dead member ends", func(n *State, _ *Inst) { n.expire(w) })
			}
			do("process starts", func(_ *State, i *Inst) { i.inc++; i.ph = Idle })
			continue
		}
		s.joins(w, do)
		s.learns(w, do)
	}
	if s.gph == 1 && s.jset != 0 {
		s.rebalances(emit)
	}
}

// joins: what makes a live member send JoinGroup
func (s *State) joins(w int, do func(string, func(*State, *Inst))) {
	i, bit := &s.in[w], uint8(1)<<w
	in := s.jset&bit != 0
	known := s.kinc[w] == i.inc
	switch {
	case i.js == Out && static && s.kinc[w] != 0 && !known && s.gph == 0 && s.gen > 0:
		do("JoinGroup, static: same generation, old member id fenced", func(n *State, i *Inst) {
			n.kinc[w], i.js, i.gi, i.own = i.inc, Stable, n.gen, b2(n.owner == uint8(w)+1)
			if b(i.own) {
				n.term++
				n.recover(w)
			}
			i.term = n.term
		})
	case i.js == Out && !in:
		do("JoinGroup", func(n *State, i *Inst) { i.js = Joining; n.jset |= bit; n.gph = 1 })
	case i.js == Stable && s.gph == 1 && known && !in:
		do("heartbeat 27: the task ends, JoinGroup", func(n *State, i *Inst) {
			i.js = Joining
			n.jset |= bit
			if !m.endLate && !m.keepJoin {
				i.end()
			}
		})
	case i.js == Joining && !in && known && s.gph == 1: // a second rebalance before SyncGroup was answered
		do("SyncGroup 27, JoinGroup", func(n *State, _ *Inst) { n.jset |= bit })
	}
}

// learns: SyncGroup's answer, and the heartbeat that says it is out
func (s *State) learns(w int, do func(string, func(*State, *Inst))) {
	i := &s.in[w]
	in := s.jset&(1<<w) != 0
	known := s.kinc[w] == i.inc
	if i.js == Joining && !in && s.gph == 0 && known {
		do("JoinGroup, SyncGroup answered", func(n *State, i *Inst) {
			i.js, i.gi, i.own, i.term = Stable, n.gen, b2(n.owner == uint8(w)+1), n.term
			switch {
			case !b(i.own):
				i.end()
			case m.keepJoin && i.ph != Idle:
				if i.ph == Run {
					n.goRun(w)
				}
			default:
				i.ep, i.sqO, i.sqC = 0, 0, 0
				n.recover(w)
			}
		})
	}
	if i.js != Out && !in && !known {
		do("heartbeat 25/82: lost, the task ends", func(_ *State, i *Inst) {
			i.js = Out
			if !m.keepLost {
				i.end()
			}
		})
	}
}

// rebalances: the group is done with waiting for JoinGroup; any of those who joined may get the partition
func (s *State) rebalances(emit emitter) {
	cost := uint8(0)
	for w := range s.in {
		if s.kinc[w] != 0 && s.jset&(1<<w) == 0 && s.in[w].ph != Dead && s.kinc[w] == s.in[w].inc {
			cost = 1 // a live member is thrown out for being late
		}
	}
	if cost > s.faults {
		return
	}
	for o := range s.in {
		if s.jset&(1<<o) == 0 {
			continue
		}
		n := *s
		n.faults -= cost
		n.gph, n.owner, n.jset = 0, uint8(o)+1, 0
		n.gen++
		n.term++
		for w := range n.in {
			n.kinc[w] = 0
			if s.jset&(1<<w) != 0 {
				n.kinc[w] = n.in[w].inc
			}
		}
		emit(n, cost > 0, -1, "rebalance done, the partition goes to "+string(rune('A'+o)), "")
	}
}

func (s *State) expire(w int) {
	s.kinc[w] = 0
	if s.owner == uint8(w)+1 {
		s.owner = 0
	}
	if s.kinc[1-w] != 0 || s.jset != 0 {
		s.gph = 1
	}
}
