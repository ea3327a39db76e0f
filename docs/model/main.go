// Package main is an explicit-state model of the protocol of a task: how one partition of one input topic is fenced,
// loaded, checked, replayed, run and committed by two processes and the brokers between them. It knows no code of the
// program beside it. MODEL.md has what it found; a change of the protocol comes with a change here.
//
//	state.go    what there is: brokers, group, transaction coordinator, two processes, requests under way
//	broker.go   what Kafka does with a request (V1 transactions, classic group)
//	next.go     every successor of a state: task.go, load.go, commit.go, memory.go (a task), group.go (membership),
//	            faults.go and truncate.go (what the world does), and requests that arrive late
//	rules.go    the rules that can be taken away, one flag each
//	checks.go   what must hold; search.go, table.go, trace.go: breadth-first search, counterexamples
package main

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"unsafe"
)

type options struct {
	mut, stop, only     string
	records, records2   string
	faults, cuts        int
	epochs, most        int
	one, warm, verbatim bool
}

func main() {
	var o options
	var quiet bool
	flag.StringVar(&o.mut, "mut", "", "mutations, by comma (rules.go)")
	flag.StringVar(&o.stop, "stop", "S1,S2,S3,S4,S5", "checks that end the search")
	flag.IntVar(&o.faults, "faults", 3, "faults in a run")
	flag.IntVar(&o.cuts, "cuts", 0, "truncations of the checkpoint partition or of __consumer_offsets in a run, at most")
	flag.IntVar(&o.epochs, "epochs", 40, "an epoch beyond this is not explored: a run without end shows as S4")
	flag.BoolVar(&o.one, "one", false, "one process instead of two")
	flag.IntVar(&o.most, "max", 120_000_000, "states, at most")
	flag.StringVar(&o.only, "only", "", "only faults whose name holds one of these, by comma")
	flag.BoolVar(&quiet, "quiet", false, "no trace of a counterexample")
	flag.StringVar(&o.records, "records", "qoo", "what each record yields: q nothing, o an output")
	flag.StringVar(&o.records2, "records2", "", "the same under the second policy")
	flag.BoolVar(&static, "static", false, "static members")
	flag.BoolVar(&resets, "resets", false, "the group's offset is reset by hand")
	flag.BoolVar(&gap, "gap", false, "retention")
	flag.BoolVar(&o.warm, "warm", false, "start with A live in generation 1 and a committed position at 0 (saves depth)")
	flag.BoolVar(&lean, "lean", false, "the marker of __consumer_offsets comes with that of the checkpoint")
	flag.Parse()
	o.verbatim = !quiet
	if err := mutate(o.mut); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	typ = [2]string{o.records, o.records}
	if o.records2 != "" {
		typ[1] = o.records2
	}
	N, trunc = uint8(len(o.records)), o.cuts > 0
	if z, i, g := unsafe.Sizeof(State{}), unsafe.Sizeof(Inst{}), unsafe.Sizeof(Msg{}); i != 28 || g != 16 || z != 2*i+2*g+10+52 {
		panic(fmt.Sprint("the bytes of a state are hashed and must have no padding: ", z, i, g))
	}
	if !newSearch(o, root(o)).run() {
		os.Exit(1)
	}
}

func mutate(names string) error {
	for _, k := range strings.Split(names, ",") {
		if k == "" {
			continue
		}
		f := reflect.ValueOf(&m).Elem().FieldByName(k)
		if !f.IsValid() {
			return fmt.Errorf("no such mutation: %s (rules.go has them)", k)
		}
		*(*bool)(unsafe.Pointer(f.UnsafeAddr())) = true
	}
	m.carry = m.carry || m.carryNoOff || m.carryLit || m.carryNoWriter || m.carryWriterOnly || m.carrySwitch
	return nil
}

// root is the state that the search begins at.
func root(o options) State {
	s := State{sx: noX, faults: uint8(o.faults), cuts: uint8(o.cuts)}
	for w := range s.in {
		s.in[w].inc, s.in[w].ph = 1, Idle
	}
	if o.one {
		s.in[1] = Inst{ph: Dead, inc: 200}
	}
	if !o.warm {
		return s
	}
	s.in[0] = Inst{ph: Run, inc: 1, js: Stable, gi: 1, own: 1, term: 1, ep: 1}
	s.kinc[0], s.gen, s.owner, s.term = 1, 1, 1, 1
	s.live, s.liveWho, s.tep, s.start = 1, 1, 1, 1
	s.cp, s.cOff, s.cMeta = Position{has: 1}, 1, 1
	s.cp.wr = s.in[0].writer(0)
	if m.carry {
		s.in[0].mine = s.cp
	}
	s.pv = b2(trunc)
	s.epC, s.sqC, s.epF = 1, 1, 1
	s.in[0].sqC = 1
	return s
}
