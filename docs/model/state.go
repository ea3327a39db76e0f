package main

// A list is up to four nibbles, oldest highest. A nibble is a folded record or an output:
// 1+r under policy 0, 5+r under policy 1, 9+r an output computed from a wrong state.
type list = uint16

// Position is the record of that name in the checkpoint partition: offset, checkpoint_offset, policy, writer.
// The writer is kept only where state may be carried over (0 elsewhere: fewer states).
type Position struct{ has, q, cut, pol, wr uint8 }

// Inst is the memory of one process and its view of the group. All of it is lost by a crash, except inc.
type Inst struct {
	st, pend list     // state = the records folded, in order; outputs that wait
	mine     Position // carry over: the last position of which this process knows that it is committed
	ph       uint8    // phase of the task, below
	inc      uint8    // incarnation: stands for the member id
	js       uint8    // join state
	gi       uint8    // generation that SyncGroup answered for
	own      uint8    // there is a task
	term     uint8    // for the checks: number of the assignment it was told (grows with generation and static take-over)
	ep       uint8    // producer epoch
	pos      uint8    // next record to fold
	pol, cut uint8    // policy in use; checkpoint_offset
	first    uint8    // no position yet: S+1; it must be committed before the first record
	tg, tt   uint8    // generation and term of the transaction
	tck, tsw uint8    // this transaction carries a checkpoint; a switch of policy
	sqO, sqC uint8    // next sequence number for outputs and checkpoint partition
	lc       uint8    // offset of the last commit
	short    uint8    // the checkpoint partition was cut since this task read or wrote it (seen in Produce's answer)
}

// Msg is a request whose sender gave up waiting, ended or died: it may still arrive, or never.
type Msg struct {
	l                                  list
	k, ep, who, inc, gen, term         uint8
	seq, q, cut, pol, fl, wr, first, x uint8
}

// State is everything. Only uint8 and uint16: no padding, so its bytes can be hashed.
type State struct {
	in                      [2]Inst
	ms                      [2]Msg
	cO, oO                  list     // outputs partition: committed, open
	cK, oK, pK              list     // checkpoint partition: keys committed, open, before the last commit
	cp, op, pp              Position // checkpoint partition: position committed, open (op.has: there is open data), before the last commit
	oKhas, cKhas            uint8    // the open transaction holds keys; the last commit did
	epO, sqO, epC, sqC, epF uint8    // what each partition knows of the producer: epoch (0: nothing), next sequence
	tEp, tSq, pEp, pSq, pv  uint8    // the checkpoint partition's before the open transaction, before the last commit; pp, pK are known
	cOff, oOff, pOff        uint8    // group offset committed, pending, the one before; offset+1, 0 = none
	cMeta, pMeta            uint8    // it carries our metadata
	tep, tst, tadd, tpend   uint8    // transaction coordinator: epoch, status, partitions added, markers to write
	tmk                     uint8    // epoch in those markers
	gen, gph, owner         uint8    // group: generation, phase, owner+1
	kinc                    [2]uint8 // incarnation the group knows for each process, 0 = none
	jset, term              uint8    // who has joined the rebalance under way
	// for the checks only
	start, sx, active uint8 // first offset ever committed as a position, +1; offset of the committed switch (noX: none); active policy
	live, liveWho     uint8 // newest term that ran, and whose it was
	ls                uint8 // log start of the source
	faults            uint8 // faults still allowed
	cuts              uint8 // truncations still allowed
}

const noX = 99

// phases of a task
const (
	Dead    = iota
	Idle    // no task
	Fence   // 2
	Load    // 3, keys and position
	Check   // 3 committed offset, 4, 5
	Carry   // carry over: the position is ours, committed offset not yet asked
	Run     // 6
	Add     // 7: AddPartitions and AddOffsets
	ProdO   // 7: Produce outputs
	ProdC   // 7: Produce checkpoint and position
	Toc     // 7: TxnOffsetCommit
	End     // 7: EndTxn
	UnkInit // mutations unkCommitted, unkAborted
	Stuck   // mutation fencedStops
)

var phName = []string{"dead", "idle", "fence", "load", "check", "carry", "RUN", "commit:add", "commit:produce-out", "commit:produce-ckpt", "commit:offset", "commit:end", "unknown:init", "stuck"}

// join states
const (
	Out     = iota // not in the group, or does not know
	Stable         // SyncGroup answered
	Joining        // JoinGroup sent
)

var jsName = []string{"out", "stable", "joining"}

// status of the transaction
const (
	Empty = iota
	Ongoing
	PrepCommit
	PrepAbort
)

var tsName = []string{"empty", "ongoing", "prepare-commit", "prepare-abort"}

// partitions, as bits
const (
	PO = 1 << iota
	PC
	PF
)

// requests that can be late
const (
	MNone = iota
	MInit
	MAdd
	MProdO
	MProdC
	MToc
	MEnd
)

var mName = []string{"", "InitProducerId", "AddPartitions", "Produce(outputs)", "Produce(checkpoint)", "TxnOffsetCommit", "EndTxn(commit)"}

func app(l list, v uint8) list {
	if l>>12 != 0 {
		return 0xffff
	}
	return l<<4 | list(v)
}
func llen(l list) (k int) {
	for ; l != 0; l >>= 4 {
		k++
	}
	return
}
func cat(a, b list) list {
	for k := llen(b) - 1; k >= 0; k-- {
		a = app(a, uint8(b>>(4*k))&15)
	}
	return a
}
