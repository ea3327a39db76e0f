package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/visutility/retrainer/consumer/record"
)

// QueueConfig says what a Queue takes, from where, and what is done with it.
type QueueConfig struct {
	Client ClientConfig
	Group  string // group.id; required
	Topic  string // required

	// Kind is what of the topic this process works on. All members of a group work on the same kind, for each record goes to
	// one member only: a member with another Kind is refused by the group, with a *SetupError.
	Kind string

	SessionTimeout   time.Duration // 10s without a heartbeat until the peers take over; the broker's floor is usually 6s
	MetadataInterval time.Duration // 30s between looks for new partitions

	// Work is given one record at a time in the whole process, and may take hours. With nil the record is done, and its offset
	// is committed; an error ends Run with it, and the record comes again, here or elsewhere. ctx ends when Run is told to stop.
	// A record may come again although its work was done: after a crash before the commit, or when the group had given its
	// partition to another member, because the cluster was away for longer than the session.
	Work func(ctx context.Context, r *record.Record) error
}

// Queue takes the committed records of one topic one at a time, as a member of a consumer group, at least once each.
//
// Membership and work are two lives. The member beats, joins and syncs as a Consumer's does (group.go), in its generations
// (generation.go); a record's work outlives them. In a generation, in this order:
//
//  1. resume: the group's committed offset of each partition, asked for after SyncGroup, when no earlier owner can commit any
//     more; none: the log's start.
//  2. the lanes, one a partition, fetch committed records and hand them over in turn, none before all have resumed.
//  3. A record goes to Work. No other goes before it is done, whatever the group does meanwhile.
//  4. Its offset is committed under the generation that holds then: at once after a Work that took long, within half a second
//     after a quick one (a record that is not for this process).
//  5. end: heartbeats tell of a rebalance. The lanes end at once, what is done is committed once more, and the member joins
//     again while Work goes on. In JoinGroup a member with a record in work claims that record's partition and no other, so it
//     is never one from which the assignor takes: it keeps the partition (assign_test.go). The peers get its other partitions or
//     give it some, as they have more or fewer.
//
// On errors: what passes by itself (fate.go) is asked again; an answer that ends the generation leads to the next one, where
// 1 and 4 find the rest; an offset outside the log goes on at the log's start. If the session is lost while Work goes on, its
// partition may go to another member. Then the record is in work twice, which nothing here can prevent, and the offset is
// committed only if the partition is this member's again and its group has not gone past it.
type Queue struct {
	cfg    QueueConfig
	status *status

	client  *Client
	working context.Context // Work's: it ends when Run is told to stop, and with an error
	stop    context.CancelCauseFunc
	leave   context.CancelFunc // ends the membership

	mu     sync.Mutex
	job    *job
	told   *job           // for which the group was told that this member is busy
	done   map[int32]mark // done and not committed, beside the job's
	since  time.Time      // when the first of done was done
	failed error          // of Work
}

// mark is an offset in a topic that can be made anew.
type mark struct {
	id   [16]byte
	next int64
}

// job is a record in work, or one whose work took long until its offset is committed.
type job struct {
	record record.Record
	mark   mark // to be committed
	began  time.Time
	ended  chan struct{} // closed when Work has returned
	took   time.Duration // to be read after ended, as err
	err    error
	lost   string // why its offset is not to be committed
}

const (
	quickWork  = 100 * time.Millisecond // a Work that took longer is committed before the next record
	commitWait = 500 * time.Millisecond // what is done is committed by then
	longWork   = 30 * time.Second       // a Work that takes longer makes the member busy

	// Told to stop, a program has 10 s. Of these a commit may take what Work has left of the first 7, at most requestTimeout, and in
	// any case lastTry, twice; goodbye to the group takes askTimeout at most.
	stopWithin = 7 * time.Second
	lastTry    = 500 * time.Millisecond
)

// NewQueue checks the configuration.
func NewQueue(cfg QueueConfig) (*Queue, error) {
	switch {
	case cfg.Group == "" || cfg.Topic == "":
		return nil, &SetupError{Message: "a queue needs a group and a topic"}
	case cfg.Work == nil:
		return nil, errors.New("consumer: a queue without Work")
	case len(cfg.Client.Brokers) == 0:
		return nil, &SetupError{Message: "no brokers given: at least one host:port is needed"}
	}
	setDefault(&cfg.SessionTimeout, 10*time.Second)
	setDefault(&cfg.MetadataInterval, 30*time.Second)
	setDefault(&cfg.Client.ClientID, cfg.Group)
	if cfg.Client.Now == nil {
		cfg.Client.Now = time.Now
	}
	return &Queue{cfg: cfg, status: newStatus(), done: map[int32]mark{}}, nil
}

// Status tells where each partition stands.
func (q *Queue) Status() Status { return q.status.now() }

// Run works until ctx is done (then it waits for Work, commits, leaves the group and answers nil), until Work answers with an
// error, or until an error that no repetition mends. A broker that is away is waited for. When Run returns, all its goroutines
// have ended. It is called once.
func (q *Queue) Run(ctx context.Context) error {
	var err error
	if q.client, err = Connect(q.cfg.Client); err != nil {
		return err
	}
	defer q.client.Close()
	if err := q.client.NeedTopics(ctx, q.cfg.Topic); ctx.Err() != nil {
		return nil
	} else if err != nil {
		return err
	}
	q.working, q.stop = context.WithCancelCause(ctx)
	member, leave := context.WithCancel(context.WithoutCancel(ctx))
	q.leave = leave
	var stopping sync.WaitGroup
	stopping.Go(func() { q.end(member) })
	err = newMember(q.membership()).run(member)
	q.stop(err)
	stopping.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	if told := ctx.Err() != nil && (errors.Is(q.failed, ctx.Err()) || errors.Is(q.failed, context.Cause(ctx))); q.failed != nil && !told {
		return q.failed
	}
	return q.explain(err)
}

// end waits for the end of Work when Run is to end, then for a moment in which what is done is committed.
func (q *Queue) end(member context.Context) {
	<-q.working.Done()
	told := q.cfg.Client.Now()
	if j := q.inWork(); j != nil {
		<-j.ended
	}
	if q.uncommitted() {
		left := stopWithin - q.cfg.Client.Now().Sub(told)
		_ = pause(member, max(lastTry, min(left, requestTimeout)))
	}
	q.leave()
}

// membership is how this process is a member of the group.
func (q *Queue) membership() *membership {
	protocol := assignor
	if q.cfg.Kind != "" {
		protocol += "/" + q.cfg.Kind
	}
	return &membership{client: q.client.wire, cluster: q.client.cluster, now: q.cfg.Client.Now, log: q.cfg.Client.Log, status: q.status,
		group: q.cfg.Group, protocol: protocol, topics: []string{q.cfg.Topic},
		session: q.cfg.SessionTimeout, look: q.cfg.MetadataInterval,
		claims: q.claims, tasks: q.tasks, waiting: q.cfg.Client.Waiting}
}

// claims are all partitions of the last assignment, or the one of a record in work alone. A member whose work takes long is
// busy: what it could only let wait goes to others.
func (q *Queue) claims(owned map[string][]int32) (claimed map[string][]int32, busy bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.told = nil
	j := q.job
	if j == nil || !slices.Contains(owned[q.cfg.Topic], j.record.Partition) {
		return owned, false
	}
	if !j.over() && q.cfg.Client.Now().Sub(j.began) >= longWork {
		q.told = j
	}
	return map[string][]int32{q.cfg.Topic: {j.record.Partition}}, q.told != nil
}

// over tells whether Work has returned.
func (j *job) over() bool {
	select {
	case <-j.ended:
		return true
	default:
		return false
	}
}

// tasks are what runs in a generation.
func (q *Queue) tasks(g *generation) []running {
	if q.cfg.Client.Waiting != nil {
		q.cfg.Client.Waiting(nil)
	}
	s := newShift(q, g)
	all := []running{{live: s.live}}
	for _, l := range s.lanes {
		all = append(all, running{live: l.live, status: &l.status})
	}
	return all
}

// begin gives a record to Work.
func (q *Queue) begin(h handed) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.working.Err() != nil {
		return
	}
	j := &job{record: h.record, mark: mark{h.id, h.record.Offset + 1}, began: q.cfg.Client.Now(), ended: make(chan struct{})}
	q.job = j
	go func() { // end waits for it
		defer close(j.ended)
		j.err = q.cfg.Work(q.working, &j.record)
		if j.took = q.cfg.Client.Now().Sub(j.began); j.err != nil {
			q.fail(j.err)
		}
	}()
}

func (q *Queue) fail(err error) {
	q.mu.Lock()
	q.failed = err
	q.mu.Unlock()
	q.stop(err)
}

// inWork is the record in work, or the one whose offset waits for its commit.
func (q *Queue) inWork() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.job
}

// uncommitted tells whether offsets wait for their commit.
func (q *Queue) uncommitted() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.job != nil && q.job.err == nil || len(q.done) > 0
}

// explain makes of an error of the membership one for an operator where it is one.
func (q *Queue) explain(err error) error {
	if f := (*fault)(nil); errors.As(err, &f) && f.code == kerr.InconsistentGroupProtocol.Code {
		return &SetupError{cause: err, Message: fmt.Sprintf("group %s does not take a member that works on %s: all members of a group work on the same kind of records, and those that are in it work on another; "+
			"use a group of its own for each kind, or stop the other members first", q.cfg.Group, q.kind())}
	}
	return setup(err)
}

func (q *Queue) kind() string {
	if q.cfg.Kind == "" {
		return "all kinds"
	}
	return fmt.Sprintf("kind %q", q.cfg.Kind)
}
