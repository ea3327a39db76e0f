package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/wire"
)

// membership says which group a member joins, how, and what it does there. It does not change while the member lives.
type membership struct {
	client  *wire.Client
	cluster *cluster
	now     func() time.Time
	log     zerolog.Logger
	status  *status

	group    string        // group.id
	instance string        // group.instance.id of a static member; "": a dynamic one
	protocol string        // what the assignor is called in JoinGroup: members that offer no common name cannot be in one group
	topics   []string      // whose partitions are shared out, sorted
	session  time.Duration // without an answered heartbeat for so long, a member is gone
	look     time.Duration // between looks for new partitions

	// claims is what of its last assignment the member wants to keep; nil: all. A busy one wants nothing beside that.
	claims  func(owned map[string][]int32) (claimed map[string][]int32, busy bool)
	tasks   func(g *generation) []running // what runs in a generation, made for its partitions
	waiting func(why error)               // nil, or told what is waited for
	served  func() bool                   // tells whether a right that is missing now was there before; nil: no
}

// running is a part of what a member does in a generation. live ends when g.soft does; an error that it answers ends the
// generation.
type running struct {
	live   func() error
	status *taskStatus // nil: it has no place of its own in Status
}

// member is this process in the group (classic protocol, eager): it joins, works for one generation, and joins again.
type member struct {
	*membership
	id         string             // member id, "" until the coordinator gave one
	generation int32              // of the last assignment
	owned      map[string][]int32 // the last assignment: the balancer keeps it where it can
	told       string             // what was last logged to be waited for, since the last joining
}

func newMember(ms *membership) *member { return &member{membership: ms, generation: -1} }

var errFenced = errors.New("another process joined the group with the same instance id: give each instance its own --instance-id")

// run is the member's life: until ctx is done, or an error that no repetition mends.
func (m *member) run(ctx context.Context) error {
	retry := delays(50 * time.Millisecond)
	for ctx.Err() == nil {
		g, err := m.join(ctx)
		if err == nil {
			retry.Reset()
			err = m.work(g)
		}
		switch f := fateOfError(err); {
		case f == fateDone || f == fateEnd: // once more, but never without end at once
			_ = pause(ctx, 20*time.Millisecond)
		case f == fateStop || f == fateDenied && (m.served == nil || !m.served()):
			m.leave(ctx)
			return err
		default:
			if ctx.Err() == nil {
				m.status.waiting(err.Error())
				if m.waiting != nil {
					m.waiting(err)
				}
				m.log.Warn().Err(err).Msg("group")
				_ = pause(ctx, retry.NextBackOff())
			}
		}
	}
	m.leave(ctx)
	return nil
}

// show shows what is waited for, and logs why something is tried again: once, until that is another.
func (m *member) show(why string, failed bool) {
	m.status.waiting(why)
	if failed && why != m.told {
		m.told = why
		m.log.Warn().Str("why", why).Msg("waiting")
	}
}

// join sends JoinGroup. No task runs meanwhile: those of the generation before have ended.
func (m *member) join(ctx context.Context) (*generation, error) {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.ProtocolType = m.group, "consumer"
	req.SessionTimeoutMillis = int32(m.session.Milliseconds())
	req.RebalanceTimeoutMillis = req.SessionTimeoutMillis
	req.Protocols = []kmsg.JoinGroupRequestProtocol{m.offer()}
	req.InstanceID = m.instanceID()
	var res *kmsg.JoinGroupResponse
	err := m.ask(ctx, "JoinGroup", m.session+requestTimeout, func(ctx context.Context, node int32) (code int16, err error) {
		req.MemberID = m.id
		if res, err = wire.Do[*kmsg.JoinGroupResponse](ctx, m.client, node, req); err != nil {
			return 0, err
		}
		if res.ErrorCode == kerr.MemberIDRequired.Code { // KIP-394: the same again with the id given
			m.id, req.MemberID = res.MemberID, res.MemberID
			if res, err = wire.Do[*kmsg.JoinGroupResponse](ctx, m.client, node, req); err != nil {
				return 0, err
			}
		}
		return res.ErrorCode, nil
	})
	if err != nil {
		return nil, m.forget(err)
	}
	m.id = res.MemberID
	g := newGeneration(m.membership, res.Generation, res.MemberID)
	g.unhook = context.AfterFunc(ctx, g.finish)
	answered := m.now()
	g.start(func() { g.heartbeats(answered) }) // from here on: a member that waits in SyncGroup may be expired otherwise
	if err := m.sync(g, res); err != nil {
		g.end(err)
		g.wait()
		if g.finishing() {
			return nil, ctx.Err()
		}
		return nil, m.forget(context.Cause(g.soft))
	}
	return g, nil
}

// instanceID is group.instance.id as requests have it.
func (ms *membership) instanceID() *string {
	if ms.instance == "" {
		return nil
	}
	return &ms.instance
}

// ask sends a request to the group's coordinator, which may be repeated.
func (m *member) ask(ctx context.Context, what string, d time.Duration, send func(context.Context, int32) (int16, error)) error {
	route, lost := m.cluster.toCoordinator(groups, m.group)
	return m.cluster.persist(showing(ctx, m.show), d, ask{what: what + " of group " + m.group, route: route, lost: lost, send: send,
		rights: rights{30: "Read on group " + m.group}})
}

// forget draws a group error's conclusion for the member: an unknown member starts anew, a fenced one stops.
func (m *member) forget(err error) error {
	var f *fault
	if errors.As(err, &f) {
		switch f.code {
		case kerr.UnknownMemberID.Code:
			m.id = ""
		case kerr.FencedInstanceID.Code:
			return &fault{fate: fateStop, what: f.what, err: errFenced}
		}
	}
	return err
}

// sync sends SyncGroup, as the leader with everybody's assignment, and prepares this member's tasks.
func (m *member) sync(g *generation, joined *kmsg.JoinGroupResponse) error {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.Generation, req.MemberID = m.group, g.number, g.member
	req.ProtocolType, req.Protocol = kmsg.StringPtr("consumer"), joined.Protocol
	req.InstanceID = m.instanceID()
	counts, err := m.cluster.counts(g.soft, m.topics)
	if err != nil {
		return err
	}
	if joined.LeaderID == joined.MemberID && !joined.SkipAssignment {
		if req.GroupAssignment, err = balance(joined.Members, counts); err != nil {
			return &fault{fate: fateStop, what: "assigning partitions", err: err}
		}
	}
	var res *kmsg.SyncGroupResponse
	deadline := m.session * 4 / 5 // below the session: whoever waits longer has been forgotten
	err = m.ask(g.soft, "SyncGroup", deadline, func(ctx context.Context, node int32) (code int16, err error) {
		if res, err = wire.Do[*kmsg.SyncGroupResponse](ctx, m.client, node, req); err != nil {
			return 0, err
		}
		return res.ErrorCode, nil
	})
	if err != nil {
		return err
	}
	if m.owned, err = parseAssignment(res.MemberAssignment); err != nil {
		return &fault{fate: fateStop, what: "assignment", err: err}
	}
	m.generation = g.number
	g.owned, g.counts, g.seen = m.owned, assignedOf(res.MemberAssignment, counts), counts
	g.tasks = m.tasks(g)
	return nil
}

// work runs the generation's tasks until it ends, and answers why as an error of fateEnd, fateDenied or fateStop; nil when ctx is done.
func (m *member) work(g *generation) error {
	m.status.joined(g)
	m.told = ""
	m.log.Info().Int32("generation", g.number).Str("member", g.member).Int("tasks", g.places()).Msg("joined")
	for _, t := range g.tasks {
		g.start(func() {
			if err := t.live(); err != nil {
				g.end(err)
			}
		})
	}
	g.start(g.watch)
	<-g.soft.Done()
	g.wait()
	m.status.left()
	cause := context.Cause(g.soft)
	if errors.Is(cause, errFinish) {
		return nil
	}
	m.log.Info().Int32("generation", g.number).AnErr("cause", cause).Msg("generation over")
	return m.forget(cause)
}

// leave tells the coordinator that a dynamic member is gone, so that its peers need not wait for the session to end. A
// static member does not: restarted in time, it finds its partitions again.
func (m *member) leave(ctx context.Context) {
	if m.id == "" || m.instance != "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = m.group, m.id
	lm := kmsg.NewLeaveGroupRequestMember()
	lm.MemberID = m.id
	req.Members = append(req.Members, lm)
	err := m.ask(ctx, "LeaveGroup", askTimeout, func(ctx context.Context, node int32) (int16, error) {
		res, err := wire.Do[*kmsg.LeaveGroupResponse](ctx, m.client, node, req)
		if err != nil {
			return 0, err
		}
		return res.ErrorCode, nil
	})
	if err != nil {
		m.log.Warn().Err(err).Msg("leaving the group: peers take over when the session ends")
	}
}
