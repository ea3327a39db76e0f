package embedded

import (
	"context"
	"fmt"
	"strings"
)

// While is ctx until the broker fails: what it cannot write to its folder (a disk that is full) it cannot promise, so whoever runs it
// ends. What it has answered so far stands, as after a kill -9.
func (b *Broker) While(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(b.failed, func() { cancel(b.Failure()) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// Failure is why the broker failed; nil: it did not.
func (b *Broker) Failure() error { return context.Cause(b.failed) }

// unwritten notes that something could not be written. The first one counts, and whatever comes later may only follow from it.
func (b *Broker) unwritten(err error) {
	b.fail(fmt.Errorf("the embedded broker cannot write to its data folder: %w", err))
}

// unwrittenByKfake tells from kfake's words that it could not write, which it says nowhere else.
func unwrittenByKfake(format string, args []any) error {
	if !strings.HasPrefix(format, "persist ") && !strings.HasPrefix(format, "endTx: failed to persist") {
		return nil
	}
	if err, ok := args[len(args)-1].(error); ok {
		return err
	}
	return fmt.Errorf(format, args...)
}
