package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/wire"
)

// member is this process in the group (classic protocol, eager): it joins, works for one generation, and joins again.
type member struct {
	c          *Consumer
	id         string             // member id, "" until the coordinator gave one
	generation int32              // of the last assignment
	owned      map[string][]int32 // the last assignment: the balancer keeps it where it can
}

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
		switch fateOfError(err) {
		case fateDone, fateEnd: // once more, but never without end at once
			_ = pause(ctx, 20*time.Millisecond)
		case fateStop:
			m.leave(ctx)
			return err
		default:
			if ctx.Err() == nil {
				m.c.status.waiting(err.Error())
				m.c.cfg.Log.Warn().Err(err).Msg("group")
				_ = pause(ctx, retry.NextBackOff())
			}
		}
	}
	m.leave(ctx)
	return nil
}

// join sends JoinGroup. No task runs meanwhile: those of the generation before have ended.
func (m *member) join(ctx context.Context) (*generation, error) {
	cfg, req := &m.c.cfg, kmsg.NewPtrJoinGroupRequest()
	req.Group, req.ProtocolType = cfg.App, "consumer"
	req.SessionTimeoutMillis = int32(cfg.SessionTimeout.Milliseconds())
	req.RebalanceTimeoutMillis = req.SessionTimeoutMillis
	req.Protocols = []kmsg.JoinGroupRequestProtocol{m.protocol()}
	if cfg.InstanceID != "" {
		req.InstanceID = &cfg.InstanceID
	}
	var res *kmsg.JoinGroupResponse
	var sent time.Time
	err := m.ask(ctx, "JoinGroup", cfg.SessionTimeout+requestTimeout, func(ctx context.Context, node int32) (code int16, err error) {
		req.MemberID, sent = m.id, cfg.Now()
		if res, err = wire.Do[*kmsg.JoinGroupResponse](ctx, m.c.client, node, req); err != nil {
			return 0, err
		}
		if res.ErrorCode == kerr.MemberIDRequired.Code { // KIP-394: the same again with the id given
			m.id, req.MemberID = res.MemberID, res.MemberID
			sent = cfg.Now()
			if res, err = wire.Do[*kmsg.JoinGroupResponse](ctx, m.c.client, node, req); err != nil {
				return 0, err
			}
		}
		return res.ErrorCode, nil
	})
	if err != nil {
		return nil, m.forget(err)
	}
	m.id = res.MemberID
	g := newGeneration(m.c, res.Generation, res.MemberID)
	g.unhook = context.AfterFunc(ctx, g.finish)
	g.start(func() { g.heartbeats(sent) }) // from here on: a member that waits in SyncGroup may be expired otherwise
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

// ask sends a request to the group's coordinator, which may be repeated.
func (m *member) ask(ctx context.Context, what string, d time.Duration, send func(context.Context, int32) (int16, error)) error {
	route, lost := m.c.cluster.toCoordinator(0, m.c.cfg.App)
	return m.c.cluster.persist(ctx, d, ask{what: what + " of group " + m.c.cfg.App, route: route, lost: lost, send: send})
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
	req.Group, req.Generation, req.MemberID = m.c.cfg.App, g.number, g.member
	req.ProtocolType, req.Protocol = kmsg.StringPtr("consumer"), joined.Protocol
	if m.c.cfg.InstanceID != "" {
		req.InstanceID = &m.c.cfg.InstanceID
	}
	counts, err := m.c.partitionCounts(g.soft)
	if err != nil {
		return err
	}
	if joined.LeaderID == joined.MemberID && !joined.SkipAssignment {
		if req.GroupAssignment, err = balance(joined.Members, counts); err != nil {
			return &fault{fate: fateStop, what: "assigning partitions", err: err}
		}
	}
	var res *kmsg.SyncGroupResponse
	deadline := m.c.cfg.SessionTimeout * 4 / 5 // below the session: whoever waits longer has been forgotten
	err = m.ask(g.soft, "SyncGroup", deadline, func(ctx context.Context, node int32) (code int16, err error) {
		if res, err = wire.Do[*kmsg.SyncGroupResponse](ctx, m.c.client, node, req); err != nil {
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
	for i := range m.c.cfg.Inputs {
		in := &m.c.cfg.Inputs[i]
		for _, p := range m.owned[in.Topic] {
			g.tasks = append(g.tasks, newTask(g, in, p))
		}
	}
	g.counts = counts
	return nil
}

// work runs the generation's tasks until it ends, and answers why as an error of fateEnd or fateStop; nil when ctx is done.
func (m *member) work(g *generation) error {
	m.c.status.joined(g)
	m.c.cfg.Log.Info().Int32("generation", g.number).Str("member", g.member).Int("tasks", len(g.tasks)).Msg("joined")
	g.unfenced.Store(int32(len(g.tasks)))
	if len(g.tasks) == 0 {
		close(g.fenced)
	}
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
	m.c.status.left()
	cause := context.Cause(g.soft)
	if errors.Is(cause, errFinish) {
		return nil
	}
	m.c.cfg.Log.Info().Int32("generation", g.number).AnErr("cause", cause).Msg("generation over")
	return m.forget(cause)
}

// leave tells the coordinator that a dynamic member is gone, so that its peers need not wait for the session to end. A
// static member does not: restarted in time, it finds its partitions again.
func (m *member) leave(ctx context.Context) {
	if m.id == "" || m.c.cfg.InstanceID != "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = m.c.cfg.App, m.id
	lm := kmsg.NewLeaveGroupRequestMember()
	lm.MemberID = m.id
	req.Members = append(req.Members, lm)
	err := m.ask(ctx, "LeaveGroup", askTimeout, func(ctx context.Context, node int32) (int16, error) {
		res, err := wire.Do[*kmsg.LeaveGroupResponse](ctx, m.c.client, node, req)
		if err != nil {
			return 0, err
		}
		return res.ErrorCode, nil
	})
	if err != nil {
		m.c.cfg.Log.Warn().Err(err).Msg("leaving the group: peers take over when the session ends")
	}
}

// generation is one membership: between an answer to JoinGroup and the next JoinGroup. Everything that runs for it is
// started by start and has ended when wait returns.
type generation struct {
	c      *Consumer
	number int32
	member string
	tasks  []*task
	counts map[string]int32 // partitions of the inputs when it began

	soft, hard context.Context // soft ends: take no more records; hard ends 3 s later: leave what is unanswered
	endSoft    context.CancelCauseFunc
	endHard    context.CancelFunc
	drain      atomic.Pointer[time.Timer]
	unhook     func() bool   // the consumer's end no longer ends it
	fenced     chan struct{} // closed when every task has fenced
	unfenced   atomic.Int32
	running    sync.WaitGroup
}

// drainTimeout is how long an open transaction may take to be answered when the generation ends.
const drainTimeout = 3 * time.Second

var (
	errFinish      = errors.New("the consumer was told to stop")
	errSessionOver = errors.New("no answer to heartbeats for the session's length")
	errPartitions  = errors.New("the number of partitions of an input has changed")
)

func newGeneration(c *Consumer, number int32, id string) *generation {
	g := &generation{c: c, number: number, member: id, fenced: make(chan struct{})}
	g.hard, g.endHard = context.WithCancel(context.Background())
	g.soft, g.endSoft = context.WithCancelCause(g.hard)
	return g
}

func (g *generation) start(f func()) { g.running.Go(f) }

// end begins the end: tasks take no more records; what is open may be answered for drainTimeout.
func (g *generation) end(cause error) { g.endAfter(cause, drainTimeout) }

// finish is end for a consumer that was told to stop: tasks commit what they have.
func (g *generation) finish() { g.endAfter(errFinish, requestTimeout) }

func (g *generation) endAfter(cause error, d time.Duration) {
	if g.soft.Err() != nil {
		return
	}
	g.endSoft(cause)
	g.drain.Store(time.AfterFunc(d, g.endHard))
}

func (g *generation) finishing() bool { return errors.Is(context.Cause(g.soft), errFinish) }

func (g *generation) wait() {
	g.running.Wait()
	g.unhook()
	if t := g.drain.Load(); t != nil {
		t.Stop()
	}
	g.endHard()
}

// fencedOne is called by each task after its first fence.
func (g *generation) fencedOne() {
	if g.unfenced.Add(-1) == 0 {
		close(g.fenced)
	}
}

// heartbeats keeps the membership alive and ends the generation when the coordinator says so, or when it has been silent
// for the session's length, counted from when the last answered beat was sent.
func (g *generation) heartbeats(last time.Time) {
	cfg := &g.c.cfg
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID = cfg.App, g.number, g.member
	if cfg.InstanceID != "" {
		req.InstanceID = &cfg.InstanceID
	}
	route, lost := g.c.cluster.toCoordinator(0, cfg.App)
	for pause(g.soft, cfg.SessionTimeout/10) == nil {
		left := cfg.SessionTimeout - cfg.Now().Sub(last)
		if left <= 0 {
			g.end(&fault{fate: fateEnd, what: "heartbeat", err: errSessionOver})
			return
		}
		var sent time.Time
		err := g.c.cluster.persist(g.soft, left, ask{what: "heartbeat", route: route, lost: lost,
			send: func(ctx context.Context, node int32) (int16, error) {
				ctx, cancel := context.WithTimeout(ctx, cfg.SessionTimeout/3)
				defer cancel()
				sent = cfg.Now()
				res, err := wire.Do[*kmsg.HeartbeatResponse](ctx, g.c.client, node, req)
				if err != nil {
					return 0, err
				}
				return res.ErrorCode, nil
			}})
		switch fateOfError(err) {
		case fateDone:
			last = sent
		case fateAgain, fateRoute: // until the session is over
		default:
			g.end(err)
			return
		}
	}
}

// watch looks for new partitions of the inputs. Every member does: the coordinator's leader may be a restarted static
// member that was never told that it leads.
func (g *generation) watch() {
	for pause(g.soft, g.c.cfg.MetadataInterval) == nil {
		counts, err := g.c.partitionCounts(g.soft)
		if err != nil {
			continue
		}
		if !maps.Equal(counts, g.counts) {
			g.end(&fault{fate: fateEnd, what: fmt.Sprint("inputs by partitions: ", describe(counts)), err: errPartitions})
		}
	}
}

func describe(counts map[string]int32) (s string) {
	for _, t := range slices.Sorted(maps.Keys(counts)) {
		s += fmt.Sprintf("%s has %d; ", t, counts[t])
	}
	return s
}
