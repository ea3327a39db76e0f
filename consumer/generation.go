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

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/wire"
)

// generation is one membership: between an answer to JoinGroup and the next JoinGroup. Everything that runs for it is
// started by start and has ended when wait returns.
type generation struct {
	*membership
	number int32
	member string
	owned  map[string][]int32 // what the group gave this member
	counts map[string]int32   // partitions of the topics that were shared out
	seen   map[string]int32   // the same when this member joined
	tasks  []running

	soft, hard context.Context // soft ends: take no more records; hard ends 3 s later: leave what is unanswered
	endSoft    context.CancelCauseFunc
	endHard    context.CancelFunc
	drain      atomic.Pointer[time.Timer]
	unhook     func() bool // the consumer's end no longer ends it
	running    sync.WaitGroup
}

// drainTimeout is how long an open transaction may take to be answered when the generation ends.
const drainTimeout = 3 * time.Second

var (
	errFinish      = errors.New("the consumer was told to stop")
	errSessionOver = errors.New("no answer to heartbeats for the session's length")
	errPartitions  = errors.New("the number of partitions of an input has changed")
)

func newGeneration(ms *membership, number int32, id string) *generation {
	g := &generation{membership: ms, number: number, member: id}
	g.hard, g.endHard = context.WithCancel(context.Background())
	g.soft, g.endSoft = context.WithCancelCause(g.hard)
	return g
}

// places counts what has a place in Status: one a partition.
func (g *generation) places() (n int) {
	for _, t := range g.tasks {
		if t.status != nil {
			n++
		}
	}
	return n
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

// heartbeats keeps the membership alive and ends the generation when the coordinator says so, or when it has been silent
// for the session's length, counted from when the last answered beat was sent. The first session begins with the answer to
// JoinGroup, which may have waited for others as long as a session lasts.
func (g *generation) heartbeats(last time.Time) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID = g.group, g.number, g.member
	req.InstanceID = g.instanceID()
	route, lost := g.cluster.toCoordinator(groups, g.group)
	for pause(g.soft, g.session/10) == nil {
		left := g.session - g.now().Sub(last)
		if left <= 0 {
			g.end(&fault{fate: fateEnd, what: "heartbeat", err: errSessionOver})
			return
		}
		var sent time.Time
		err := g.cluster.persist(g.soft, left, ask{what: "heartbeat", route: route, lost: lost, rights: rights{30: "Read on group " + g.group},
			send: func(ctx context.Context, node int32) (int16, error) {
				ctx, cancel := context.WithTimeout(ctx, g.session/3)
				defer cancel()
				sent = g.now()
				res, err := wire.Do[*kmsg.HeartbeatResponse](ctx, g.client, node, req)
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
	for t, n := range g.seen { // in any order: the first that has grown ends it
		if n > g.counts[t] {
			g.changed(g.seen)
			return
		}
	}
	for pause(g.soft, g.look) == nil {
		counts, err := g.cluster.counts(g.soft, g.topics)
		if err != nil {
			continue
		}
		if !maps.Equal(counts, g.counts) {
			g.changed(counts)
		}
	}
}

func (g *generation) changed(counts map[string]int32) {
	g.end(&fault{fate: fateEnd, what: fmt.Sprint("inputs by partitions: ", describe(counts)), err: errPartitions})
}

func describe(counts map[string]int32) (s string) {
	for _, t := range slices.Sorted(maps.Keys(counts)) {
		s += fmt.Sprintf("%s has %d; ", t, counts[t])
	}
	return s
}
