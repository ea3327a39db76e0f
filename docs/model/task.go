package main

// emitStep makes one fault-free successor: f changes a copy of the state and names the check that it breaks, if any.
func (s *State) emitStep(w int, emit emitter, what string, f func(n *State, i *Inst) string) {
	n := *s
	v := f(&n, &n.in[w])
	emit(n, false, w, what, v)
}

// task: states 2 to 9 of process w, one request at a time
func (s *State) task(w int, emit emitter) {
	i := &s.in[w]
	if !b(i.own) {
		return
	}
	switch i.ph {
	case Fence, UnkInit:
		s.fence(w, emit)
	case Load, Check, Carry:
		s.loading(w, emit)
	case Run:
		s.running(w, emit)
	case Add, ProdO, ProdC, Toc, End:
		s.committing(w, emit)
	}
}

// fence: 2
func (s *State) fence(w int, emit emitter) {
	i := &s.in[w]
	if s.tst >= PrepCommit && !m.initNoWait {
		return // 51, tried again
	}
	n := *s
	fault := !s.valid(w) && i.js == Stable && !m.refusedFences // a zombie's InitProducerId is counted as a fault
	if fault {
		if n.faults == 0 {
			return
		}
		n.faults--
	}
	r := n.initProducer()
	j := &n.in[w]
	if r == Wait {
		emit(n, fault, w, "InitProducerId: aborts the open transaction, 51", "")
		return
	}
	j.ep, j.sqO, j.sqC = n.tep, 0, 0
	v := ""
	switch {
	case j.ph == UnkInit && m.unkCommitted:
		n.answered(w)
	case j.ph == UnkInit:
		n.goRun(w)
	case m.loadFirst: // loaded before: runs with what it read
		if !gap && n.cp.has != 0 && !listOK(j.st, n.start, j.pos, n.sx) {
			v = "S2"
		}
		n.goRun(w)
	default:
		j.ph = Load
	}
	emit(n, fault, w, "InitProducerId ok", v)
}

// loading: 3 to 5, as two requests: the checkpoint partition and the committed offset
func (s *State) loading(w int, emit emitter) {
	i := &s.in[w]
	pos := (i.ph == Load) == m.offsetLast // this step reads the position, not the offset
	hung := s.op.has != 0 && pos && !m.loadLSO || s.oOff != 0 && !pos && !m.unstable
	switch {
	case hung && s.tst == Empty && !m.noHeal:
		// the high watermark is not reached while a transaction is open there, OffsetFetch answers 88, and nobody has a
		// transaction: its marker was lost
		s.emitStep(w, emit, "nothing comes for 5 s: AddPartitions, AddOffsets, EndTxn(abort)", func(n *State, i *Inst) string {
			if i.ep == n.tep {
				n.tadd |= PC | PF
				n.abort(false)
			}
			n.recover(w)
			return ""
		})
	case hung:
	case m.offsetLast:
		s.emitStep(w, emit, []string{"loads", "committed offset; checks, replays", "committed offset; is the state still good"}[i.ph-Load],
			func(n *State, _ *Inst) string { return n.loadOrCheck(w) })
	default:
		s.emitStep(w, emit, []string{"asks the committed offset", "loads, checks, replays"}[i.ph-Load], func(n *State, i *Inst) string {
			if i.ph == Load {
				i.ph, i.lc, i.tck = Check, n.cOff, n.cMeta
				return ""
			}
			return n.loadKnowing(w, i.lc, i.tck)
		})
	}
}

// loadKnowing: the committed offset was asked before the checkpoint partition is read
func (s *State) loadKnowing(w int, off, meta uint8) string {
	i := &s.in[w]
	v := s.load(w)
	if i.ph == Run { // carried over without a look at the committed offset
		return v
	}
	if i.ph == Carry {
		if off == i.mine.q+1 && b(meta) {
			i.lc = i.mine.q
			return s.carried(w)
		}
		i.mine = Position{}
		s.load(w)
	}
	return s.checkLoaded(w, off, meta)
}

// loadOrCheck: the checkpoint partition is read first, the committed offset asked after it
func (s *State) loadOrCheck(w int) string {
	i := &s.in[w]
	switch i.ph {
	case Load:
		return s.load(w)
	case Carry:
		if s.cOff == i.mine.q+1 && b(s.cMeta) {
			return s.carried(w)
		}
		i.mine = Position{}
		i.drop(Load)
		return ""
	}
	return s.checkLoaded(w, s.cOff, s.cMeta)
}

func (s *State) checkLoaded(w int, off, meta uint8) string {
	v := s.check(w, off, meta)
	if m.loadFirst {
		s.in[w].ph = Fence
	}
	return v
}

// running: 6, and where a commit may begin
func (s *State) running(w int, emit emitter) {
	i := &s.in[w]
	if i.pos < N && (!b(i.first) || m.noFirstPos) {
		s.emitStep(w, emit, "folds a record", func(n *State, i *Inst) string {
			i.pos = max(i.pos, n.ls)
			st, out := n.fold(i, i.st, i.pos, i.pol)
			i.st = st
			if out != 0 {
				i.pend = app(i.pend, out)
			}
			i.pos++
			return ""
		})
	}
	need := b(i.first) && !m.noFirstPos
	if !need && !m.ledger && (i.pend != 0 || i.lc != i.pos) {
		s.begin(w, emit, "begins to commit", 0)
	}
	if i.pos > i.cut || need {
		s.begin(w, emit, "begins to commit, with a checkpoint", 1)
	}
	if i.pol != s.active && !b(i.first) {
		s.emitStep(w, emit, "begins to commit the switch of policy, with a full checkpoint", func(n *State, i *Inst) string {
			i.tg, i.tt, i.tck, i.tsw, i.ph, i.pol = i.gi, i.term, 1, 1, Add, n.active
			return ""
		})
	}
	if m.ckptPlain && i.pos > i.cut {
		s.emitStep(w, emit, "checkpoint written outside a transaction", func(n *State, i *Inst) string {
			n.cK, i.cut = i.st, i.pos
			n.cp.cut = i.pos
			return ""
		})
	}
}

func (s *State) begin(w int, emit emitter, what string, checkpoint uint8) {
	s.emitStep(w, emit, what, func(_ *State, i *Inst) string {
		i.tg, i.tt, i.tck, i.tsw, i.ph = i.gi, i.term, checkpoint, 0, Add
		return ""
	})
}
