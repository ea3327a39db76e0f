package consumer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
)

// player is a member of the simulated group: what a Queue's member remembers, and what it works on.
type player struct {
	*member
	q  *Queue
	at int // the latest generation that it has synced; it begins no record in another

	lost bool // a group without it gave its record's partition away: there is no promise any more
}

const queueTopic = "commands"

func (p *player) work() int32 {
	if p.q.job == nil {
		return -1
	}
	return p.q.job.record.Partition
}

// assignment is a group under its own rules: who was given what in the newest generation.
type assignment struct {
	r          *rand.Rand
	partitions int32
	generation int
	all        []*player
	holder     map[int32]*player // of the newest generation
	joined     int               // members so far
	kept       int               // records in work that a rebalance went over
}

func (a *assignment) newPlayer() *player {
	a.joined++
	p := &player{q: &Queue{cfg: QueueConfig{Topic: queueTopic, Client: ClientConfig{Now: time.Now}}}, at: -1}
	p.member = newMember(&membership{protocol: assignor, topics: []string{queueTopic}, claims: p.q.claims})
	p.id = fmt.Sprintf("member-%d", a.joined*7919%1000) // in any order
	return p
}

// rebalance forms a generation of those who join; a member that misses SyncGroup knows nothing of it.
func (a *assignment) rebalance(joining []*player) error {
	members := make([]kmsg.JoinGroupResponseMember, len(joining))
	for i, p := range joining {
		members[i] = kmsg.JoinGroupResponseMember{MemberID: p.id, ProtocolMetadata: p.offer().Metadata}
	}
	a.r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	plan, err := balance(members, map[string]int32{queueTopic: a.partitions})
	if err != nil {
		return err
	}
	a.generation++
	a.holder = map[int32]*player{}
	busy := func(p *player) bool { return p.q.told != nil }
	all := !slices.ContainsFunc(joining, func(p *player) bool { return !busy(p) })
	least, most := int(a.partitions), 0
	for _, g := range plan {
		p := joining[slices.IndexFunc(joining, func(p *player) bool { return p.id == g.MemberID })]
		owned, err := parseAssignment(g.MemberAssignment)
		if err != nil {
			return err
		}
		for _, n := range owned[queueTopic] {
			if a.holder[n] != nil {
				return fmt.Errorf("partition %d was given to two", n)
			}
			a.holder[n] = p
		}
		if n := len(owned[queueTopic]); all || !busy(p) {
			least, most = min(least, n), max(most, n)
		} else if n > 1 || n == 1 && owned[queueTopic][0] != p.work() {
			return fmt.Errorf("generation %d: %s is busy with partition %d and was given %v, with others free", a.generation, p.id, p.work(), owned)
		}
		if a.r.IntN(6) > 0 {
			p.owned, p.generation, p.at = owned, int32(a.generation), a.generation
		}
	}
	if len(a.holder) != int(a.partitions) || most > least+1 {
		return fmt.Errorf("%d of %d partitions are given, to each between %d and %d", len(a.holder), a.partitions, least, most)
	}
	for _, p := range a.all {
		n := p.work()
		switch {
		case n < 0 || p.lost:
		case a.holder[n] == p:
			a.kept++
		case slices.Contains(joining, p):
			return fmt.Errorf("generation %d: %s works on partition %d, which was given to %s", a.generation, p.id, n, a.holder[n].id)
		default:
			p.lost = true
		}
	}
	return nil
}

// A member with a record in work keeps its partition in every rebalance that it takes part in, whoever comes, goes, is expelled
// and comes back with an old claim, and misses the end of a rebalance; with fewer and with more members than partitions.
func TestARecordInWorkKeepsItsPartition(t *testing.T) {
	kept := 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		a := &assignment{r: r, partitions: 1 + r.Int32N(10)}
		limit := 2 + r.IntN(12)
		for range 60 {
			if n := r.IntN(len(a.all) + 2); len(a.all) < limit && n < 2 {
				a.all = append(a.all, a.newPlayer())
			}
			if len(a.all) > 1 && r.IntN(6) == 0 {
				a.all = slices.Delete(a.all, 0, 1)
			}
			for _, p := range a.all {
				switch owned := p.owned[queueTopic]; {
				case p.work() >= 0 && r.IntN(4) == 0:
					p.q.job = nil
				case p.work() < 0 && p.at == a.generation && len(owned) > 0 && r.IntN(2) == 0:
					p.lost, p.q.job = false, &job{record: record.Record{Partition: owned[r.IntN(len(owned))]}, began: time.Now(), ended: make(chan struct{})}
				case p.work() >= 0 && r.IntN(3) == 0:
					p.q.job.began = time.Time{} // it has taken long by now
				}
			}
			joining := slices.Clone(a.all)
			for len(joining) > 1 && r.IntN(4) == 0 { // one is away for longer than the session
				i := r.IntN(len(joining))
				joining = slices.Delete(joining, i, i+1)
			}
			if len(joining) == 0 {
				continue
			}
			if r.IntN(20) == 0 {
				a.partitions++
			}
			if err := a.rebalance(joining); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		kept += a.kept
	}
	if kept < 10_000 {
		t.Errorf("only %d times did a rebalance go over a record in work", kept)
	}
	t.Logf("%d records in work kept their partition", kept)
}
