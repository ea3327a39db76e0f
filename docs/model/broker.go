package main

// What the brokers do with a request. ok, or why not.
const (
	OK      = iota
	Fenced  // 47, 90
	Invalid // 48, 45
	Refused // 22, 25, 82
	Wait    // 51: the client tries again
	Short   // the task's own word: ok, at an offset that says the checkpoint partition was cut
)

// member: does the group know this member under this generation?
func (s *State) member(who, inc, gen uint8) bool {
	if m.noGen {
		return true
	}
	if m.genOnly {
		return gen == s.gen
	}
	return gen == s.gen && inc != 0 && s.kinc[who] == inc
}

// initProducer: fences and aborts an open transaction, waits for markers, then gives a new epoch.
func (s *State) initProducer() int {
	switch s.tst {
	case Ongoing:
		s.abort(true)
		return Wait
	case PrepCommit, PrepAbort:
		if !m.initNoWait {
			return Wait
		}
	}
	s.tep++
	return OK
}

func (s *State) abort(bump bool) {
	if bump {
		s.tep++
	}
	s.tst, s.tpend, s.tmk = PrepAbort, s.tadd, s.tep
}

func (s *State) addPartitions(ep, mask uint8) int {
	if ep != s.tep {
		return Fenced
	}
	if s.tst == PrepCommit || s.tst == PrepAbort {
		return Wait
	}
	s.tst = Ongoing
	s.tadd |= mask
	return OK
}

// admit: the partition leader's checks: epoch, sequence, and (since 3.6) whether the coordinator
// knows the partition in the transaction; not asked if the partition has data of it already,
// which is how a late Produce gets in between EndTxn's answer and the marker.
func (s *State) admit(bit, ep, pep uint8, open bool) int {
	if ep < pep {
		return Fenced
	}
	if open && ep == pep {
		return OK
	}
	if m.noVerify {
		return OK
	}
	if ep != s.tep {
		return Fenced
	}
	if s.tst != Ongoing || s.tadd&bit == 0 {
		return Invalid
	}
	return OK
}

func sequence(ep, seq uint8, pep, psq *uint8) (int, bool) {
	if ep > *pep {
		if seq != 0 && *pep != 0 { // a partition that knows nothing of the producer takes any number
			return Invalid, false
		}
		*pep, *psq = ep, seq+1
		return OK, true
	}
	switch {
	case seq == *psq:
		*psq++
		return OK, true
	case seq < *psq:
		return OK, false // the same batch again
	}
	return Invalid, false
}

func (s *State) produceOut(ep, seq uint8, outs list) int {
	if r := s.admit(PO, ep, s.epO, s.oO != 0); r != OK {
		return r
	}
	r, fresh := sequence(ep, seq, &s.epO, &s.sqO)
	if fresh {
		s.oO = cat(s.oO, outs)
	}
	return r
}

func (s *State) produceCkpt(ep, seq uint8, p Position, keys list, hasKeys bool) int {
	if r := s.admit(PC, ep, s.epC, s.op.has != 0); r != OK {
		return r
	}
	bEp, bSq := s.epC, s.sqC
	r, fresh := sequence(ep, seq, &s.epC, &s.sqC)
	if fresh {
		if trunc && s.op.has == 0 {
			s.tEp, s.tSq = bEp, bSq
		}
		s.op = p
		if hasKeys {
			s.oK, s.oKhas = keys, 1
		}
	}
	return r
}

func (s *State) txnOffsetCommit(ep, who, inc, gen, off uint8) int {
	if r := s.admit(PF, ep, s.epF, s.oOff != 0); r != OK {
		return r
	}
	if !s.member(who, inc, gen) {
		return Refused
	}
	s.epF, s.oOff = ep, off+1
	return OK
}

// endTxn(commit): decided here; markers follow in any order. S3 is checked here.
func (s *State) endTxn(ep, who, term, sw, q, first uint8) (int, string) {
	if ep != s.tep {
		return Fenced, ""
	}
	if s.tst != Ongoing {
		return Invalid, ""
	}
	s.tst, s.tpend, s.tmk = PrepCommit, s.tadd, s.tep
	if sw != 0 {
		s.sx = q
	}
	if s.start == 0 && first != 0 {
		s.start = first
	}
	if term < s.live && who+1 != s.liveWho {
		return OK, "S3"
	}
	return OK, ""
}

// marker: one partition learns the fate; everything open in it is decided. S5: committed offset = position.
func (s *State) marker(bit uint8) (viol string) {
	c := s.tst == PrepCommit
	s.tpend &^= bit
	switch bit {
	case PO:
		if c {
			s.cO = cat(s.cO, s.oO)
			if s.oO != 0 && !s.outputsOK() {
				viol = "S1"
			}
		}
		s.oO = 0
		if s.tmk > s.epO {
			s.epO, s.sqO = s.tmk, 0
		}
	case PC:
		if c && s.op.has != 0 {
			if trunc {
				s.pp, s.pK, s.pEp, s.pSq, s.pv, s.cKhas = s.cp, s.cK, s.tEp, s.tSq, 1, s.oKhas
			}
			s.cp = s.op
			if s.oKhas != 0 {
				s.cK = s.oK
			}
		}
		s.op, s.oK, s.oKhas, s.tEp, s.tSq = Position{}, 0, 0, 0, 0
		if s.tmk > s.epC {
			s.epC, s.sqC = s.tmk, 0
		}
	case PF:
		if c && s.oOff != 0 {
			if trunc {
				s.pOff, s.pMeta = s.cOff, s.cMeta
			}
			s.cOff, s.cMeta = s.oOff, 1
		}
		s.oOff = 0
		if s.tmk > s.epF {
			s.epF = s.tmk
		}
	}
	if s.tpend == 0 {
		s.tst, s.tadd = Empty, 0
		if viol == "" && c && !trunc && !resets && !m.noOffset && !m.noPosEvery && !m.prodOpen && s.cOff != s.cp.q+1 {
			viol = "S5"
		}
	}
	return
}
