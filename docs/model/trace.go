package main

import "fmt"

func (o options) String() string {
	return fmt.Sprintf("mut=%q records=%s/%s faults=%d static=%v gap=%v cuts=%d warm=%v", o.mut, typ[0], typ[1], o.faults, static, gap, o.cuts, o.warm)
}

// trace prints the way from the root to a state, found again step by step by the fingerprints, and one step beyond it.
func (x *search) trace(at uint32, last *State, what string) {
	if !x.verbatim {
		return
	}
	var chain []uint32
	for k := at; k != 0; k = x.parent[k] {
		chain = append(chain, k)
	}
	s, n := x.root, 0
	fmt.Println("     start:", s.String())
	for k := len(chain) - 1; k >= 0; k-- {
		found, step := false, ""
		cur := s
		cur.next(func(ns State, fault bool, who int, w, _ string) {
			if ns.ms[0].k == MNone && ns.ms[1].k != MNone {
				ns.ms[0], ns.ms[1] = ns.ms[1], Msg{}
			}
			if !found && x.hash(&ns) == x.fps[chain[k]] {
				found, s, step = true, ns, label(fault, who, w)
			}
		})
		n++
		fmt.Printf("%3d. %-60s %s\n", n, step, s.String())
	}
	if last != nil {
		fmt.Printf("%3d. %-60s %s\n", n+1, what, last.String())
	}
}

func label(fault bool, who int, what string) string {
	p := ""
	if who >= 0 {
		p = string(rune('A'+who)) + " "
	}
	if fault {
		p = "* " + p
	}
	return p + what
}
