package main

// truncations: an unclean election took what was acknowledged
func (s *State) truncations(ev event) {
	if s.op.has != 0 {
		ev(-1, "TRUNCATION: the checkpoint partition loses its open data", func(n *State) {
			n.op, n.oK, n.oKhas, n.epC, n.sqC, n.tEp, n.tSq = Position{}, 0, 0, n.tEp, n.tSq, 0, 0
			n.short()
		})
	}
	if s.cp.has != 0 && s.pv != 0 {
		ev(-1, "TRUNCATION: the checkpoint partition loses its last commit", func(n *State) { n.cut(); n.short() })
		if s.op.has == 0 {
			ev(-1, "TRUNCATION: the checkpoint partition loses its last marker only", (*State).cutMarker)
		}
	}
	if s.cp.has != 0 {
		ev(-1, "TRUNCATION: the checkpoint partition loses everything", func(n *State) {
			n.cut()
			n.short()
			n.cp, n.cK, n.epC, n.sqC = Position{}, 0, 0, 0
		})
	}
	if s.cOff != 0 {
		ev(-1, "OFFSETS: __consumer_offsets loses the last commit", func(n *State) {
			n.cOff, n.cMeta, n.pOff, n.pMeta, n.oOff = n.pOff, n.pMeta, 0, 0, 0
		})
		if s.oOff == 0 {
			ev(-1, "OFFSETS: __consumer_offsets loses the last marker only", func(n *State) {
				n.cOff, n.cMeta, n.pOff, n.pMeta, n.oOff = n.pOff, n.pMeta, 0, 0, n.cOff
			})
		}
	}
}

// cutMarker: the last commit's data stays, open for ever
func (s *State) cutMarker() {
	p, k, has, e, q := s.cp, s.cK, s.cKhas, s.epC, s.sqC
	s.cut()
	s.op, s.oKhas, s.tEp, s.tSq, s.epC, s.sqC = p, has, s.epC, s.sqC, e, q
	if b(has) {
		s.oK = k
	}
}

// cut: the checkpoint partition as it was before its last commit
func (s *State) cut() {
	s.cp, s.cK, s.epC, s.sqC = s.pp, s.pK, s.pEp, s.pSq
	s.pp, s.pK, s.pEp, s.pSq, s.pv, s.cKhas = Position{}, 0, 0, 0, 0, 0
	s.op, s.oK, s.oKhas, s.tEp, s.tSq = Position{}, 0, 0, 0, 0
}

// short: the log is shorter than the tasks know that have read or written it
func (s *State) short() {
	for w := range s.in {
		if i := &s.in[w]; i.ph >= Check {
			i.short = 1
		}
	}
}
