package main

// mutations: one bool a rule. All false is the protocol as MODEL.md describes it; each true is one deviation from it. The
// number before a comment is the state of a task that the rule belongs to.
type mutations struct {
	// the rules before the corrections
	lostAsNew  bool // 4: no position, committed offset with our metadata: taken for a first start
	noHeal     bool // 3: nothing comes for 5 s: the high watermark is asked again, nothing else
	offsetLast bool // 3: the committed offset is asked after the load, not before the high watermark
	alarm      bool // not a deviation: shows where "lost acknowledged records" is said though nothing was lost
	noAnswer   bool // 7: the offset in Produce's answer is not looked at
	// carrying state over
	carry, carryNoOff, carryLit, carryNoWriter, carryWriterOnly, carrySwitch bool
	// brokers, programs
	noVerify bool // brokers before 3.6
	ledger   bool // checkpoint in each transaction
	freeEnd  bool // ending with a request under way costs no fault
	// rules removed
	beyondIgnored, noMeta, replayActive, livePol, gapRun bool
	noFirstPos                                           bool
	endLate, keepJoin, refusedFences, keepLost           bool
	loadFirst, loadLSO, initNoWait, unstable             bool
	noPosEvery, noGen, noOffset, genOnly                 bool
	prodOpen, tocOpen, abortNoInit                       bool
	unkNoInit, unkCommitted, unkAborted                  bool
	noDiscard, fencedStops, ckptPlain                    bool
}

var m mutations

var (
	typ    = [2]string{"qoo", "qoo"} // what record r yields, under policy 0 and 1: q nothing, o one output
	N      = uint8(3)
	static = false
	resets = false
	gap    = false
	trunc  = false // checkpoint partition or __consumer_offsets lose what was acknowledged
	lean   = false // the marker for __consumer_offsets goes with the one for the checkpoint
)

type emitter func(ns State, fault bool, who int, what, viol string)

func b2(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func b(x uint8) bool { return x != 0 }
