package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is a program on a terminal of its own, and all that it has shown there.
type terminal struct {
	t    *testing.T
	file *os.File
	mu   sync.Mutex
	text strings.Builder
}

// onTerminal starts a program on a terminal of 200 columns. It ends with the test.
func onTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	own := cmd.Stdin == nil // else the terminal is not what it reads
	file, err := pty.StartWithAttrs(cmd, &pty.Winsize{Rows: 50, Cols: 200}, &syscall.SysProcAttr{Setsid: true, Setctty: own})
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, file: file}
	var reading sync.WaitGroup
	reading.Go(func() { // ends when the terminal does
		piece := make([]byte, 4096)
		for {
			n, err := file.Read(piece)
			x.mu.Lock()
			x.text.Write(piece[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		file.Close()
		reading.Wait()
	})
	return x
}

// escapes are what terminals take as commands: colours, movements, titles.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?>=]*[ -/]*[@-~]|\x1b\\][^\x07]*(\x07|\x1b\\\\)|\x1b[=>()][0-9A-B]?|[\x07\x0e\x0f]")

// shown is what stood on the terminal since an earlier length of it.
func (x *terminal) shown(since int) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.text.String()[since:]
}

func (x *terminal) write(text string) {
	x.t.Helper()
	if _, err := x.file.WriteString(text); err != nil {
		x.t.Fatal(err)
	}
}

// wait waits until something is shown after an earlier length of it; commands to the terminal are left out.
func (x *terminal) wait(since int, text string) {
	x.t.Helper()
	if err := x.within(patience, since, text); err != nil {
		x.t.Error(err)
	}
}

func (x *terminal) within(patience time.Duration, since int, text string) error {
	return untilOften(patience, 20*time.Millisecond, func() error {
		if got := escapes.ReplaceAllString(x.shown(since), ""); !strings.Contains(got, text) {
			return fmt.Errorf("no %q is shown: %q", text, got)
		}
		return nil
	})
}

// completes types what is begun, presses TAB and wants to see the whole, then clears the line. A cluster is asked for a second at most
// (completionPatience), in which a busy machine may not get as far as that: then it is typed again, as a person would.
func (x *terminal) completes(begun, whole string) {
	x.t.Helper()
	since := len(x.shown(0))
	if err := untilOften(patience, time.Millisecond, func() error {
		x.write(begun + "\t\t")
		err := x.within(patience/12, since, whole)
		x.write("\x15") // the line is not wanted
		return err
	}); err != nil {
		x.t.Error(err)
	}
}
