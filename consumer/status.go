package consumer

import "sync"

// Status is what a Consumer or a Queue is doing at a moment.
type Status struct {
	Member     string
	Generation int32
	Joined     bool   // in the group, with an assignment (which may be empty)
	Why        string // what is waited for that no task waits for: the group, or a right to read the revisions
	Tasks      []TaskStatus
}

// TaskStatus is where one partition stands: a task of a Consumer, or a lane of a Queue, which is waiting or running.
type TaskStatus struct {
	Topic     string
	Partition int32
	State     string // waiting, fencing, loading, replaying, running
	Position  int64  // the next input offset; of a lane the next to be handed to Work
	Lag       int64  // records behind the partition's end when it was last asked; -1: not known, or the last time in vain
	Time      int64  // of the last record folded, ms since 1970; 0: none since the task began; of a lane not known
	Why       string // what it waits for
}

// Ready tells whether the member is in the group and each of its tasks runs.
func (s *Status) Ready() bool {
	for _, t := range s.Tasks {
		if t.State != stateRunning || t.Why != "" {
			return false
		}
	}
	return s.Joined && s.Why == ""
}

// The states of a task as they are logged and shown.
const (
	stateWaiting    = "waiting"
	stateFencing    = "fencing"
	stateLoading    = "loading"
	stateReplaying  = "replaying"
	stateRunning    = "running"
	stateCommitting = "committing" // logged only: a running task with a transaction open
	stateEnded      = "ended"      // logged only
)

// StateRunning is the state of a task that folds what comes.
const StateRunning = stateRunning

// States are the states of a TaskStatus, in the order in which a task goes through them.
func States() []string {
	return []string{stateWaiting, stateFencing, stateLoading, stateReplaying, stateRunning}
}

type status struct {
	mu   sync.Mutex
	gen  *generation
	why  string
	lack string // the sentence on a right to read revisions that is missing; "": none is
}

func newStatus() *status { return &status{why: "the cluster has not answered yet"} }

func (s *status) joined(g *generation) { s.mu.Lock(); s.gen, s.why = g, ""; s.mu.Unlock() }
func (s *status) left()                { s.mu.Lock(); s.gen, s.why = nil, "joining the group"; s.mu.Unlock() }
func (s *status) waiting(why string)   { s.mu.Lock(); s.why = why; s.mu.Unlock() }

func (s *status) lacks(why string) { s.mu.Lock(); s.lack = why; s.mu.Unlock() }

func (s *status) now() Status {
	s.mu.Lock()
	g, why, lack := s.gen, s.why, s.lack
	s.mu.Unlock()
	if g == nil {
		return Status{Why: why, Generation: -1}
	}
	st := Status{Member: g.member, Generation: g.number, Joined: true, Why: lack}
	for _, t := range g.tasks {
		if t.status != nil {
			st.Tasks = append(st.Tasks, t.status.get())
		}
	}
	return st
}

// taskStatus is written by its task and read by anybody.
type taskStatus struct {
	mu sync.Mutex
	v  TaskStatus
}

func (s *taskStatus) get() TaskStatus { s.mu.Lock(); defer s.mu.Unlock(); return s.v }

func (s *taskStatus) set(f func(v *TaskStatus)) { s.mu.Lock(); f(&s.v); s.mu.Unlock() }
