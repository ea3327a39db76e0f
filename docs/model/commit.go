package main

// committing: 7 and 8, the requests of one transaction, each after the one before is answered
func (s *State) committing(w int, emit emitter) {
	what := mName[s.request(w).k]
	n := *s
	r, v := n.commitStep(w)
	switch r {
	case OK:
		what += " ok"
	case Wait:
		return
	case Short:
		n.recover(w)
		what += " ok, at an offset below the last known"
	case Fenced:
		n = *s
		n.fenced(w)
		what += ": 47/90"
	case Invalid:
		n = *s
		n.recover(w)
		what += ": 48/45"
	case Refused:
		n = *s
		n.refused(w)
		what += ": 22/25"
	}
	emit(n, false, w, what, v)
}

// commitStep sends the request that is due and goes on to the next; only an answer OK or Short leaves it so
func (s *State) commitStep(w int) (r int, viol string) {
	i := &s.in[w]
	switch i.ph {
	case Add:
		r = s.addPartitions(i.ep, i.mask())
		i.ph = i.afterAdd()
	case ProdO:
		r = s.produceOut(i.ep, i.sqO, i.pend)
		i.sqO++
		i.ph = i.afterProdO()
	case ProdC:
		r = s.produceCkpt(i.ep, i.sqC, i.position(w), i.st, b(i.tck))
		if r == OK && b(i.short) && !m.noAnswer {
			return Short, ""
		}
		i.sqC++
		i.ph = i.afterProdC()
	case Toc:
		r = s.txnOffsetCommit(i.ep, uint8(w), i.inc, i.tg, i.pos)
		i.ph = End
	case End:
		r, viol = s.endTxn(i.ep, uint8(w), i.tt, i.tsw, i.pos, i.first)
		if r == OK {
			s.answered(w)
		}
	}
	return r, viol
}

// request: what the task is waiting for, as a message that can be late
func (s *State) request(w int) Msg {
	i := &s.in[w]
	x := Msg{ep: i.ep, who: uint8(w), inc: i.inc, gen: i.tg, term: i.tt}
	switch i.ph {
	case Fence, UnkInit:
		return Msg{k: MInit, who: uint8(w)}
	case Add:
		x.k, x.fl = MAdd, i.mask()
	case ProdO:
		x.k, x.l, x.seq = MProdO, i.pend, i.sqO
	case ProdC:
		x.k, x.seq, x.fl = MProdC, i.sqC, i.tck
		p := i.position(w)
		x.q, x.cut, x.pol, x.wr = p.q, p.cut, p.pol, p.wr
		if b(i.tck) {
			x.l = i.st
		}
	case Toc:
		x.k, x.q = MToc, i.pos
	case End:
		x.k, x.fl, x.q, x.first = MEnd, i.tsw, i.pos, i.first
	default:
		return Msg{}
	}
	return x
}

func (i *Inst) position(w int) Position {
	p := Position{1, i.pos, i.cut, i.pol, i.writer(w)}
	if b(i.tck) {
		p.cut = i.pos
	}
	return p
}

func (i *Inst) mask() (k uint8) {
	if i.pend != 0 {
		k |= PO
	}
	if !m.noPosEvery || b(i.tck) {
		k |= PC
	}
	if !m.noOffset {
		k |= PF
	}
	return
}

func (i *Inst) afterAdd() uint8 {
	if i.pend != 0 {
		return ProdO
	}
	return i.afterProdO()
}

func (i *Inst) afterProdO() uint8 {
	if i.mask()&PC != 0 {
		return ProdC
	}
	return i.afterProdC()
}

func (i *Inst) afterProdC() uint8 {
	if m.noOffset {
		return End
	}
	return Toc
}

// answered: EndTxn ok
func (s *State) answered(w int) {
	i := &s.in[w]
	p := i.position(w)
	if m.carry {
		i.mine = p
	}
	i.cut = p.cut
	i.pend, i.first, i.tck, i.tsw, i.lc = 0, 0, 0, 0, i.pos
	i.tg, i.tt = 0, 0
	s.goRun(w)
}
