package consumer

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// assignor is the protocol's name in JoinGroup, and what a kind of members of their own puts behind it.
const assignor = "sticky"

// offer is what this member offers in JoinGroup: the sticky assignor of franz-go, eager, with what it claims of its last
// assignment. The generation stands in it, so that a member that rejoins by itself (new partitions) always brings a rebalance.
func (m *member) offer() kmsg.JoinGroupRequestProtocol {
	owned := m.owned
	if m.claims != nil {
		owned = m.claims(owned)
	}
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name = m.protocol
	p.Metadata = kgo.StickyBalancer().JoinGroupMetadata(slices.Clone(m.topics), maps.Clone(owned), m.generation)
	return p
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
	return plan.IntoSyncAssignment(), nil
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
