package main

func (s *State) next(emit emitter) {
	s.markers(emit)
	s.late(emit)
	s.groupMoves(emit)
	for w := range s.in {
		if s.in[w].ph != Dead {
			s.task(w, emit)
		}
	}
	if s.faults > 0 || m.freeEnd {
		s.world(emit)
	}
	// a transaction whose client is not at work on it times out at the coordinator
	if s.tst == Ongoing {
		busy := false
		for w := range s.in {
			i := &s.in[w]
			busy = busy || i.ep == s.tep && i.ph >= Add && i.ph <= UnkInit
		}
		if !busy {
			n := *s
			n.abort(true)
			emit(n, false, -1, "the coordinator times the transaction out", "")
		}
	}
}

func (s *State) markers(emit emitter) {
	for _, bit := range []uint8{PO, PC, PF} {
		if s.tpend&bit != 0 {
			n := *s
			if lean && bit == PF && s.tpend&PC != 0 {
				continue
			}
			v := n.marker(bit)
			if lean && bit == PC && n.tpend&PF != 0 {
				n.marker(PF)
			}
			emit(n, false, -1, map[uint8]string{PO: "marker reaches outputs", PC: "marker reaches checkpoint", PF: "marker reaches __consumer_offsets"}[bit], v)
		}
	}
}

// late: requests whose sender no longer waits. A request that is lost for good is one that arrives last of all,
// when every epoch has moved on, so there is no step of its own for it.
func (s *State) late(emit emitter) {
	for k, x := range s.ms {
		if x.k == MNone {
			continue
		}
		n := *s
		n.ms[k] = Msg{}
		if k == 0 {
			n.ms[0], n.ms[1] = n.ms[1], Msg{}
		}
		v := ""
		switch x.k {
		case MInit:
			n.initProducer()
		case MAdd:
			n.addPartitions(x.ep, x.fl)
		case MProdO:
			n.produceOut(x.ep, x.seq, x.l)
		case MProdC:
			n.produceCkpt(x.ep, x.seq, Position{1, x.q, x.cut, x.pol, x.wr}, x.l, b(x.fl))
		case MToc:
			n.txnOffsetCommit(x.ep, x.who, x.inc, x.gen, x.q)
		case MEnd:
			_, v = n.endTxn(x.ep, x.who, x.term, x.fl, x.q, x.first)
		}
		emit(n, false, int(x.who), "arrives late: "+mName[x.k], v)
	}
}
