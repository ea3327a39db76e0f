//go:build linux || darwin

package worker

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// A system that shuts down, and a service manager, tell the worker and its program to end at once. The program's end may be seen first:
// it is no failure of the training even so, and the command is trained by whoever comes next.
func TestAProgramThatIsToldToEndTogetherWithItsWorkerHasNotFailed(t *testing.T) {
	for _, mode := range []string{"waits", "waits143"} {
		b := newBench(t, mode, func(c *Config) { c.Grace = time.Hour })
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			pid := 0
			until(t, "the program is ready, and its worker has noted it", func() bool {
				if exists(b.file("ready")) {
					pid, _ = strconv.Atoi(strings.TrimSpace(b.read("program.lock"))) // what is no number is not noted yet
				}
				return pid > 0
			})
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Error(err)
				return
			}
			b.ended(mode)
		}()
		if _, err := b.train(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: ended with %v", mode, err)
		}
		if _, err, ok := b.Finished(someID); ok {
			t.Errorf("%s: recorded is %v", mode, err)
		}
	}
}

func TestAProgramThatSomebodyTellsToEndHasFailedAndMayBeTriedAgain(t *testing.T) {
	b := newBench(t, "terminated", func(c *Config) { c.Grace = time.Millisecond })
	b.fails("signal_15", true, "ended by signal 15")
}

func TestNoNumberOfMillisecondsIsTakenForATimeThatIsOver(t *testing.T) {
	begun := time.Now()
	for _, c := range []struct {
		ms      int64
		limited bool
	}{
		{math.MinInt64, false}, {-1, false}, {0, false}, {1, true}, {math.MaxInt64 / int64(time.Millisecond), true},
		{math.MaxInt64/int64(time.Millisecond) + 1, false}, {math.MaxInt64, false},
	} {
		at, limited := Deadline(&retrain.Command{MaxRuntimeMs: c.ms}, begun)
		if limited != c.limited || limited && !at.After(begun) {
			t.Errorf("%d ms: %v, %v", c.ms, at, limited)
		}
	}
	b := newBench(t, "silent")
	b.command.MaxRuntimeMs = math.MaxInt64
	b.succeeds()
}

// begun.json may stand in the future, when the clock was set back since.
func TestAClockThatWasSetBackGivesATrainingNoMoreThanItsMaxRuntime(t *testing.T) {
	c := someCommand()
	r := &run{training: &retrain.Training{Command: c}, begun: time.Now().Add(1000 * time.Hour)}
	if left := r.left(); left == nil || *left > time.Duration(c.MaxRuntimeMs)*time.Millisecond {
		t.Errorf("%v are left of %d ms", left, c.MaxRuntimeMs)
	}
}
