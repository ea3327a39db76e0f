package retrain

import (
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Controller folds the ledger: one entry is one step. What it says depends on the entries and their append times alone. It
// is not safe for use by several goroutines.
type Controller struct {
	now      int64 // ledger time: the greatest append time so far
	ledgerID string
	ledger   uuid.UUID
	policy   *Policy // nil before the first Policy entry

	alerts   map[string]*keptAlert
	models   map[string]*model
	commands map[string]*command
	ended    []endOfCommand // in order of time

	touched   []*model // in this step: to be decided
	wakes     timers   // when a model must be decided again
	deadlines timers   // when a Tick is wanted for it
	out       []Output // of this step
	entry     Entry    // of this step, for explanations
	counts    Counts
	opened    int // commands without an end
	changed   changedKeys
	unlinked  bool  // keys of a checkpoint were restored
	damage    error // of that checkpoint
}

// Counts are the entries that changed nothing, by why.
type Counts struct {
	BeforePolicy     int // before the first policy
	PolicyNotGreater int // its revision is not greater than the active one's
	AlertOlder       int // a later one of its series and partition is known
	AlertOfNoModel   int // it concerns no model
	RequestUnusable  int // no trigger, or without an action
	ProgressUnknown  int // of a command that is not known
	ProgressAfterEnd int // of a command that has ended
}

// NewController is one at the ledger's start.
func NewController() *Controller {
	return &Controller{
		now: math.MinInt64, alerts: map[string]*keptAlert{}, models: map[string]*model{}, commands: map[string]*command{},
		wakes: timers{kind: wakeTimer}, deadlines: timers{kind: deadlineTimer}, changed: newChangedKeys(),
	}
}

// Step folds an entry that was appended at a time (ms since 1970) and appends what it writes to out. An error says that the
// ledger cannot be folded by this build: the process must stop.
func (c *Controller) Step(at int64, entry Entry, out []Output) ([]Output, error) {
	if err := c.link(); err != nil {
		return out, err
	}
	c.out, c.entry = out, entry
	if at > c.now {
		c.now = at
		c.changed.ledger = true
	}
	if _, isPolicy := entry.(*PolicyEntry); c.policy == nil && !isPolicy {
		c.counts.BeforePolicy++
		return c.out, nil
	}
	c.forgetCommands()
	c.wake()
	c.endOverdue()
	if err := c.enter(entry); err != nil {
		return out, err
	}
	slices.SortFunc(c.touched, func(a, b *model) int { return strings.Compare(a.name, b.name) })
	for _, m := range c.touched {
		c.decide(m)
	}
	c.forgetAnswered()
	for _, m := range c.touched {
		c.writeModel(m)
		c.schedule(m)
		m.touched, m.result = false, nil
	}
	c.touched = c.touched[:0]
	return c.out, nil
}

// enter takes the entry itself.
func (c *Controller) enter(entry Entry) error {
	switch e := entry.(type) {
	case *PolicyEntry:
		return c.enterPolicy(e)
	case *Alert:
		c.enterAlert(e)
	case *Request:
		c.enterRequest(e)
	case *Progress:
		c.enterProgress(e)
	}
	return nil // Tick: time has passed
}

// Deadline is the ledger time at which a Tick is wanted; 0: none.
func (c *Controller) Deadline() int64 {
	if c.link() != nil {
		return 0
	}
	return c.deadlines.first()
}

// Counts are the entries so far that changed nothing; they do not survive a restart.
func (c *Controller) Counts() Counts { return c.counts }

// OpenCommands is how many commands have no end now.
func (c *Controller) OpenCommands() int {
	if c.link() != nil {
		return 0
	}
	return c.opened
}

// touch has a model decided in this step.
func (c *Controller) touch(m *model) {
	if m.exists && !m.touched {
		m.touched = true
		c.touched = append(c.touched, m)
		c.changed.models[m.name] = true
	}
}

// wake touches the models for which an end has come since they were last decided: of a command's time, a cool-down, or of
// what held an alert back.
func (c *Controller) wake() {
	for at := c.wakes.first(); at != 0 && at <= c.now; at = c.wakes.first() {
		m := c.wakes.heap[0]
		c.wakes.set(m, 0)
		c.touch(m)
	}
}
