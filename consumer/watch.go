package consumer

import (
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/visutility/retrainer/consumer/record"
)

// Watcher is told what becomes of tasks, for whoever counts it. Tasks call it from their goroutines, several at a time: it must be
// quick, must not block, and must not keep what it is given.
type Watcher interface {
	// Loaded tells that a task has its state: so many records were folded once more for it, and nothing of them counts again.
	// counts are those of its handler, where that is record.Counting.
	Loaded(topic string, partition int32, replayed int64, counts []int64)
	// Committed tells that a transaction stands.
	Committed(c *Commit)
	// Uncommitted tells that a transaction was aborted; or, not known, that another member went on before its fate was seen.
	Uncommitted(topic string, partition int32, known bool)
	// Dropped tells that a task threw its state away and begins again with the fence, and why: one of Causes, or Kafka's name of
	// another error.
	Dropped(topic string, partition int32, cause string)
}

// Commit is a transaction that stands.
type Commit struct {
	Topic         string // the input
	Partition     int32
	Outputs       []record.Output // those of its handler
	Before, After []int64         // what a record.Counting handler had counted when it committed before, or was loaded, and now
}

// The causes of drops that are no answer of Kafka's.
const (
	causePanic      = "panic"       // the handler's, on a record
	causeNoAnswer   = "no_answer"   // in time
	causeUnreadable = "unreadable"  // a batch
	causeCut        = "log_cut"     // a checkpoint partition lost what was read or written before
	causeHanging    = "no_progress" // a checkpoint partition could not be read to its end, or the committed offset stayed unstable
)

// Causes are the causes that Watcher.Dropped is told, but for answers of Kafka that are only repeated for a while.
func Causes() []string {
	all := []string{causePanic, causeNoAnswer, causeUnreadable, causeCut, causeHanging}
	for code, fate := range fates { // order: sorted below
		if fate == fateDrop || fate == fateDenied {
			all = append(all, nameOf(code))
		}
	}
	slices.Sort(all)
	return all
}

// nameOf is Kafka's name of an error code.
func nameOf(code int16) string {
	var e *kerr.Error
	if errors.As(kerr.ErrorForCode(code), &e) {
		return e.Message
	}
	return kerr.UnknownServerError.Message
}

// causeOf says in a word of a bounded set why a task was dropped.
func causeOf(err error) string {
	var f *fault
	switch {
	case !errors.As(err, &f):
		return causeNoAnswer
	case f.cause != "":
		return f.cause
	case f.err == nil:
		return nameOf(f.code)
	}
	return causeNoAnswer
}

// unwatched is the Watcher of whoever does not want one.
type unwatched struct{}

func (unwatched) Loaded(string, int32, int64, []int64) {}
func (unwatched) Committed(*Commit)                    {}
func (unwatched) Uncommitted(string, int32, bool)      {}
func (unwatched) Dropped(string, int32, string)        {}

// unanswered remembers, beyond the life of a task, the transactions whose end was asked for and not answered: the next load of the
// partition shows what became of them.
type unanswered struct {
	mu sync.Mutex
	at map[partitionOf]pending
}

// pending is such a transaction: the positions before it and of it.
type pending struct {
	before, next position
	commit       Commit
}

func (u *unanswered) put(p pending) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.at[partitionOf{p.commit.Topic, p.commit.Partition}] = p
}

func (u *unanswered) take(topic string, partition int32) (p pending, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := partitionOf{topic, partition}
	p, ok = u.at[at]
	delete(u.at, at)
	return p, ok
}

// counts are the numbers of a Counting handler, appended to n.
func (t *task) counts(n []int64) []int64 {
	if h, ok := t.handler.(record.Counting); ok {
		return h.AppendCounts(n)
	}
	return n
}

// told tells the watcher how a transaction ended, where that is known.
func (t *task) told(before, next position, err error) {
	c := Commit{Topic: t.in.Topic, Partition: t.partition, Outputs: t.outputs, Before: t.before, After: t.after}
	switch {
	case err == nil:
		t.c.cfg.Watcher.Committed(&c)
		t.before, t.after = t.after, t.before
	case t.asked:
		t.c.unanswered.put(pending{before: before, next: next, commit: c}) // the life ends here: nobody changes it any more
	default:
		t.c.cfg.Watcher.Uncommitted(c.Topic, c.Partition, true)
	}
}

// settle tells the watcher what the load says of a transaction whose end was not answered.
func (t *task) settle() {
	p, ok := t.c.unanswered.take(t.in.Topic, t.partition)
	switch {
	case !ok:
	case t.known && t.saved == p.next:
		t.c.cfg.Watcher.Committed(&p.commit)
	default:
		t.c.cfg.Watcher.Uncommitted(t.in.Topic, t.partition, !t.known || t.saved == p.before)
	}
}
