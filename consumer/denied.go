package consumer

import (
	"errors"
	"time"
)

// Rights that are missing at the start end the process with a sentence (fate.go, fateDenied): an operator is there to read it. Once
// every task has fetched the rights were right, and an edit of them must not end all instances: what needs the right waits, says in
// Status which one it is, and goes on by itself when it is given back. Nothing is passed over meanwhile: a fetch that is refused
// has no effect, and a transaction that is refused at any step is dropped as any other.

// deniedPause is how long it takes until a fetch that was refused is tried again.
const deniedPause = 500 * time.Millisecond

// lack is what a task knows of a right that it was refused.
type lack struct {
	why     string   // the sentence
	batches []*batch // of the transaction that was refused
}

// denied notes what a life was dropped for, where that is a right.
func (t *task) denied(err error) {
	var f *fault
	if !errors.As(err, &f) || f.fate != fateDenied {
		return
	}
	t.lacks.why = err.Error()
	if t.writing != nil {
		t.lacks.batches = t.writing
	}
}

// allowed tries, before anything is loaded, whether a transaction that was refused would be taken: one with the same partitions, the
// same group and nothing in it. Without it a state of any size would be loaded again and again for as long as the right is missing.
// Any other answer is left to the transaction itself: a topic may have been made anew since, with fewer partitions.
func (t *task) allowed() error {
	if t.lacks.batches == nil {
		return nil
	}
	err := t.abortIn(t.lacks.batches)
	if fateOfError(err) != fateDenied {
		t.lacks.batches = nil
	}
	return err
}

// fedOnce tells the other tasks of this task's first fetch. When all have fetched, the rights are known to be right.
func (t *task) fedOnce() {
	if t.fed {
		return
	}
	if t.fed = true; t.fences.unfed.Add(-1) == 0 {
		t.c.served.Store(true)
		t.c.cfg.Log.Info().Int32("generation", t.g.number).Int("tasks", t.g.places()).Msg("every task runs")
	}
}
