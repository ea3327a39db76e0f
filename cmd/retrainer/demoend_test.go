//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// However the demo ends, its processes end too; and its folder goes, unless it was killed. (That a kill -9 ends them is so on Linux only.)
func TestDemoLeavesNothingBehindHoweverItEnds(t *testing.T) {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP) // by nohup the test may be started with these ignored, and what it starts would be too
	t.Cleanup(func() { signal.Stop(hangUps) })
	for _, c := range []struct {
		name   string
		strike func(p *os.Process, out *os.File, dir string)
		says   string // on standard error, with exit status 1; empty: it was killed
	}{
		{"its reader is gone", func(_ *os.Process, out *os.File, _ string) { _ = out.Close() }, "standard output: "},
		{"^C", signalled(syscall.SIGINT), "interrupted: the story was not told to its end"},
		{"the terminal is closed", signalled(syscall.SIGHUP), "interrupted: the story was not told to its end"},
		{"its disk is full", func(_ *os.Process, _ *os.File, dir string) { // a file in the place of a folder cannot be written to either
			folders, _ := filepath.Glob(filepath.Join(dir, "*", "broker", "decided"))
			_ = os.Rename(folders[0], folders[0]+".away")
			_ = os.WriteFile(folders[0], nil, 0o600)
		}, "the variable TMPDIR names another folder"},
		{"kill -9", signalled(syscall.SIGKILL), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			var errs strings.Builder
			cmd := exec.Command("retrainer", "demo", "--pace", "0.2")
			cmd.Env = append(os.Environ(), "TMPDIR="+dir)
			cmd.Stdout, cmd.Stderr = write, &errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = write.Close()
			for lines := bufio.NewScanner(read); lines.Scan() && !strings.Contains(lines.Text(), "2. "); {
			}
			if n := len(running(t, dir)); n < 2 {
				t.Errorf("%d processes of the story run, not two", n)
			}
			c.strike(cmd.Process, read, dir)
			err = cmd.Wait()
			if left := until(func() error { // a kill reaches them a moment later
				if all := running(t, dir); len(all) > 0 {
					return fmt.Errorf("still running: %q", all)
				}
				return nil
			}); left != nil {
				t.Fatal(left)
			}
			if c.says == "" {
				return
			}
			if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(errs.String(), c.says) {
				t.Errorf("exit status %d (%v): %s", code, err, errs.String())
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func signalled(s os.Signal) func(*os.Process, *os.File, string) {
	return func(p *os.Process, _ *os.File, _ string) { _ = p.Signal(s) }
}

// running are the processes that have a folder in their command line.
func running(t *testing.T, dir string) (all []string) {
	t.Helper()
	out, err := exec.Command("ps", "-axww", "-o", "args").Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, dir) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

func TestDemoIsToldBeforeItBeginsWhereItCannot(t *testing.T) {
	for _, c := range []struct {
		tmp, says string
		args      []string
	}{
		{t.TempDir(), "a number from 0 to 100 is needed", []string{"--pace", "NaN"}},
		{t.TempDir(), "a number from 0 to 100 is needed", []string{"--pace", "1e300"}},
		{t.TempDir(), "the service's page cannot be served there", []string{"--http", "nonsense"}},
		{t.TempDir(), "an address is needed", []string{"--http", ""}},
		{filepath.Join(t.TempDir(), "none"), "the variable TMPDIR names another", nil},
	} {
		cmd := exec.Command("retrainer", append([]string{"demo"}, c.args...)...)
		cmd.Env = append(os.Environ(), "TMPDIR="+c.tmp)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(string(out), c.says) {
			t.Errorf("demo %q: %d, %s", c.args, code, out)
		}
	}
}
