package main

// world: what goes wrong. Each costs one fault.
func (s *State) world(emit emitter) {
	for w := range s.in {
		s.endsUnderWay(w, emit)
	}
	if s.faults == 0 {
		return
	}
	after := *s
	after.faults--
	ev := func(w int, what string, f func(n *State)) {
		n := after
		f(&n)
		emit(n, true, w, what, "")
	}
	for w := range s.in {
		if s.in[w].ph != Dead {
			s.dies(w, ev)
		}
		s.takenOver(w, ev)
	}
	s.around(ev)
	if s.cuts > 0 {
		after.cuts--
		s.truncations(ev)
	}
}

type event func(w int, what string, f func(n *State))

// endsUnderWay: the task ends while its request is under way (nobody waits for the answer, or not long enough)
func (s *State) endsUnderWay(w int, emit emitter) {
	i := &s.in[w]
	x := s.request(w)
	if x.k == MNone || s.ms[1].k != MNone || i.js != Stable || !b(i.own) || s.jset&(1<<w) != 0 {
		return
	}
	n := *s
	if !m.freeEnd {
		n.faults--
	}
	n.orphan(x)
	switch {
	case s.gph == 1 && s.kinc[w] == i.inc:
		n.in[w].end()
		n.in[w].js = Joining
		n.jset |= 1 << w
		emit(n, !m.freeEnd, w, "heartbeat 27: ENDS with its "+mName[x.k]+" under way, JoinGroup", "")
	case s.kinc[w] != i.inc:
		n.in[w].end()
		n.in[w].js = Out
		emit(n, !m.freeEnd, w, "heartbeat 25/82: ENDS with its "+mName[x.k]+" under way", "")
	}
}

// dies: crash, time-out, loss of the session
func (s *State) dies(w int, ev event) {
	i := &s.in[w]
	die := func(n *State) {
		n.in[w] = Inst{inc: i.inc, ph: Dead}
		n.jset &^= 1 << w
	}
	if i.js != Out {
		ev(w, "CRASH", die)
	}
	if x := s.request(w); x.k != MNone && s.ms[1].k == MNone {
		ev(w, "CRASH with its "+mName[x.k]+" under way", func(n *State) { n.orphan(x); die(n) })
		ev(w, "TIME-OUT of "+mName[x.k], func(n *State) { n.orphan(x); n.timeOut(w) })
	}
	if s.kinc[w] != 0 && s.jset&(1<<w) == 0 {
		ev(w, "its session ends, it does not know", func(n *State) { n.expire(w) })
	}
}

// timeOut: 8, a deadline passed; the cases beside the first and the last are mutations
func (s *State) timeOut(w int) {
	i := &s.in[w]
	switch {
	case i.ph == Fence || i.ph == UnkInit:
	case i.ph == End && (m.unkCommitted || m.unkAborted):
		i.ph = UnkInit
	case i.ph == End && m.unkNoInit:
		i.drop(Load)
	case m.prodOpen && i.ph == ProdO:
		i.sqO++
		i.ph = i.afterProdO()
	case m.prodOpen && i.ph == ProdC:
		i.sqC++
		i.ph = i.afterProdC()
	case m.tocOpen && i.ph == Toc:
		i.ph = End
	case m.abortNoInit && i.ph != End:
		s.abortSameEpoch(w)
	default:
		s.recover(w)
	}
}

// abortSameEpoch: a mutation, the transaction is aborted and the epoch kept
func (s *State) abortSameEpoch(w int) {
	i := &s.in[w]
	if s.tep == i.ep && s.tst == Ongoing {
		s.abort(false)
	}
	sqO, sqC := i.sqO, i.sqC
	switch i.ph {
	case ProdO:
		sqO++
	case ProdC:
		sqC++
	}
	i.drop(Load)
	i.sqO, i.sqC = sqO, sqC
}

// takenOver: another process starts with the static id of a member that still lives
func (s *State) takenOver(w int, ev event) {
	k := 1 - w
	if !static || s.gph != 0 || s.kinc[w] == 0 || s.kinc[k] != 0 || s.in[k].ph != Idle || s.in[k].js != Out {
		return
	}
	ev(k, "starts with the instance id of the other (static take-over)", func(n *State) {
		j := &n.in[k]
		n.kinc[w], n.kinc[k] = 0, j.inc
		j.js, j.gi, j.own = Stable, n.gen, b2(n.owner == uint8(w)+1)
		if b(j.own) {
			n.owner = uint8(k) + 1
			n.term++
			n.recover(k)
		}
		j.term = n.term
	})
}

// around: what happens to the group, the coordinator, the offsets, the policy and the source
func (s *State) around(ev event) {
	if s.gph == 0 && s.gen > 0 && (s.kinc[0] != 0 || s.kinc[1] != 0) {
		ev(-1, "a rebalance begins", func(n *State) { n.gph = 1 })
	}
	if s.tst == Ongoing {
		ev(-1, "the coordinator times the transaction out", func(n *State) { n.abort(true) })
	}
	if resets {
		ev(-1, "group offset RESET to earliest", func(n *State) { n.cOff, n.cMeta = n.ls+1, 0 })
		ev(-1, "group offset RESET to latest", func(n *State) { n.cOff, n.cMeta = N+1, 0 })
	}
	if s.active == 0 && typ[0] != typ[1] {
		ev(-1, "another policy becomes active", func(n *State) { n.active = 1 })
	}
	if gap && s.ls+1 < N {
		ev(-1, "retention moves the log start up", func(n *State) { n.ls++ })
	}
}
