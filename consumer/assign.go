package consumer

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// assignor is the protocol's name in JoinGroup, and what a kind of members of their own puts behind it.
const assignor = "sticky"

// offer is what this member offers in JoinGroup: the sticky assignor of franz-go, eager, with what it claims of its last
// assignment. The generation stands in it, so that a member that rejoins by itself (new partitions) always brings a rebalance.
func (m *member) offer() kmsg.JoinGroupRequestProtocol {
	owned, busy := m.owned, false
	if m.claims != nil {
		owned, busy = m.claims(owned)
	}
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name = m.protocol
	p.Metadata = kgo.StickyBalancer().JoinGroupMetadata(slices.Clone(m.topics), maps.Clone(owned), m.generation)
	if busy {
		p.Metadata = markBusy(p.Metadata, owned)
	}
	return p
}

// markBusy says in a member's metadata that it can do nothing with more than it claims: the claim stands in OwnedPartitions too,
// which the eager assignor neither writes nor reads.
func markBusy(metadata []byte, owned map[string][]int32) []byte {
	var meta kmsg.ConsumerMemberMetadata
	if err := meta.ReadFrom(metadata); err != nil {
		return metadata
	}
	for _, t := range slices.Sorted(maps.Keys(owned)) {
		o := kmsg.NewConsumerMemberMetadataOwnedPartition()
		o.Topic, o.Partitions = t, owned[t]
		meta.OwnedPartitions = append(meta.OwnedPartitions, o)
	}
	return meta.AppendTo(nil)
}

// relieve gives what busy members were given beyond their claims to those that are not busy, to the one with the fewest first.
// Where all are busy, each keeps its share: it is the first that may become free.
func relieve(plan *kgo.BalancePlan, members []kmsg.JoinGroupResponseMember) error {
	shares := plan.AsMemberIDMap()
	busy, free := map[string][]kmsg.ConsumerMemberMetadataOwnedPartition{}, []string{}
	for i := range members {
		var meta kmsg.ConsumerMemberMetadata
		if err := meta.ReadFrom(members[i].ProtocolMetadata); err != nil {
			return fmt.Errorf("a member's subscription cannot be read: %w", err)
		}
		if id := members[i].MemberID; len(meta.OwnedPartitions) > 0 {
			busy[id] = meta.OwnedPartitions
		} else {
			free = append(free, id)
		}
	}
	if len(free) == 0 {
		return nil
	}
	size := func(id string) (n int) {
		for _, ps := range shares[id] {
			n += len(ps)
		}
		return n
	}
	for _, id := range slices.Sorted(maps.Keys(busy)) {
		for _, t := range slices.Sorted(maps.Keys(shares[id])) {
			var kept []int32
			for _, p := range shares[id][t] {
				if slices.ContainsFunc(busy[id], func(o kmsg.ConsumerMemberMetadataOwnedPartition) bool {
					return o.Topic == t && slices.Contains(o.Partitions, p)
				}) {
					kept = append(kept, p)
					continue
				}
				to := slices.MinFunc(free, func(a, b string) int { return cmp.Compare(size(a), size(b)) })
				shares[to][t] = append(shares[to][t], p)
			}
			shares[id][t] = kept
		}
	}
	return nil
}

// balance gives every member its partitions.
func balance(members []kmsg.JoinGroupResponseMember, counts map[string]int32) ([]kmsg.SyncGroupRequestGroupAssignment, error) {
	slices.SortFunc(members, func(a, b kmsg.JoinGroupResponseMember) int { // the balancer wants them so
		return cmp.Or(cmp.Compare(text(a.InstanceID), text(b.InstanceID)), cmp.Compare(a.MemberID, b.MemberID))
	})
	mb, wanted, err := kgo.StickyBalancer().MemberBalancer(members)
	if err != nil {
		return nil, fmt.Errorf("a member's subscription cannot be read: %w", err)
	}
	known := maps.Clone(counts)
	for t := range wanted {
		if _, ok := known[t]; !ok {
			known[t] = 0 // another member's topic that we do not read: unassigned until that member leads
		}
	}
	be, ok := mb.(kgo.GroupMemberBalancerOrError) // Balance panics
	if !ok {
		return nil, errors.New("the balancer cannot answer with an error")
	}
	plan, err := be.BalanceOrError(known)
	if err != nil {
		return nil, err
	}
	if p, ok := plan.(*kgo.BalancePlan); ok {
		err = relieve(p, members)
	}
	if err != nil {
		return nil, err
	}
	return withCounts(plan.IntoSyncAssignment(), counts)
}

// withCounts has each assignment say of how many partitions it was made. A static member that is restarted gets the assignment of
// before: partitions that were added meanwhile belong to nobody, and this is how it knows.
func withCounts(all []kmsg.SyncGroupRequestGroupAssignment, counts map[string]int32) ([]kmsg.SyncGroupRequestGroupAssignment, error) {
	var text []byte
	for _, t := range slices.Sorted(maps.Keys(counts)) {
		text = fmt.Appendf(text, "%s %d\n", t, counts[t])
	}
	for i := range all {
		var a kmsg.ConsumerMemberAssignment
		if err := a.ReadFrom(all[i].MemberAssignment); err != nil {
			return nil, fmt.Errorf("the assignment just made cannot be read: %w", err)
		}
		a.UserData = text
		all[i].MemberAssignment = a.AppendTo(nil)
	}
	return all, nil
}

// assignedOf gives the numbers of partitions that an assignment was made of. Of a topic that it does not speak of, what is seen
// counts: its leader does not read that topic, or is of a build before these numbers.
func assignedOf(assignment []byte, seen map[string]int32) map[string]int32 {
	counts := maps.Clone(seen)
	var a kmsg.ConsumerMemberAssignment
	if a.ReadFrom(assignment) != nil { // an empty one; parseAssignment has seen the others
		return counts
	}
	for line := range strings.Lines(string(a.UserData)) {
		topic, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(number, 10, 32)
		if _, ours := counts[topic]; ours && err == nil {
			counts[topic] = int32(n)
		}
	}
	return counts
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func parseAssignment(b []byte) (map[string][]int32, error) {
	if len(b) == 0 { // more members than partitions
		return map[string][]int32{}, nil
	}
	owned, err := kgo.StickyBalancer().ParseSyncAssignment(b)
	if err != nil {
		return nil, fmt.Errorf("the assignment cannot be read: %w", err)
	}
	for t := range owned {
		slices.Sort(owned[t])
	}
	return owned, nil
}
