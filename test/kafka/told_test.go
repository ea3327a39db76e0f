//go:build kafka

package kafka

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// told is a test that says at the end of its output, on one line, why it failed: where a long output is cut in its middle, that
// is what is left. tools/kafka/run-tests repeats the lines that begin with "FAILED:" behind everything else.
type told struct {
	*testing.T
	mu  sync.Mutex
	why []string
}

// tell must be what a test begins with: what is cleaned up fails before the line is written.
func tell(t *testing.T) *told {
	t.Helper()
	x := &told{T: t}
	t.Cleanup(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		if len(x.why) > 0 {
			t.Logf("FAILED: %s: %s", t.Name(), strings.Join(x.why, "; and "))
		}
	})
	return x
}

// note keeps the first reasons, each the beginning of it on one line.
func (t *told) note(why string) {
	const most, longest = 5, 300
	t.mu.Lock()
	defer t.mu.Unlock()
	why = strings.Join(strings.Fields(why), " ")
	if len(why) > longest {
		why = strings.ToValidUTF8(why[:longest], "") + " ..."
	}
	if len(t.why) < most {
		t.why = append(t.why, why)
	}
}

func (t *told) Error(args ...any) {
	t.Helper()
	t.note(fmt.Sprintln(args...))
	t.T.Error(args...)
}

func (t *told) Errorf(format string, args ...any) {
	t.Helper()
	t.note(fmt.Sprintf(format, args...))
	t.T.Errorf(format, args...)
}

func (t *told) Fatal(args ...any) {
	t.Helper()
	t.note(fmt.Sprintln(args...))
	t.T.Fatal(args...)
}

func (t *told) Fatalf(format string, args ...any) {
	t.Helper()
	t.note(fmt.Sprintf(format, args...))
	t.T.Fatalf(format, args...)
}
