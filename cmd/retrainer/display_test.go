package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A clock that a test sets says when something is shown: not in the first two seconds, not on what is no terminal, not after the end.
func TestProgressIsShownAfterTwoSecondsOnATerminal(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		after    time.Duration
		whole    int64
		shows    string
	}{
		{true, 1999 * time.Millisecond, 100, ""},
		{true, 2 * time.Second, 100, "40%"},
		{true, 1999 * time.Millisecond, 0, ""},
		{true, 2 * time.Second, 0, "reading: 7 records"},
		{false, time.Hour, 100, ""},
		{false, time.Hour, 0, ""},
	} {
		var out, results bytes.Buffer
		p, clock := newDisplay(&out), time.Unix(0, 0)
		p.bar.terminal, p.now = c.terminal, func() time.Time { return clock }
		p.to(1)
		p.saw(1)
		p.begin("reading", c.whole)
		clock = clock.Add(c.after)
		p.to(40)
		p.saw(7)
		if got := out.String(); c.shows == "" && got != "" || !strings.Contains(got, c.shows) {
			t.Errorf("%+v: %q", c, got)
		}
		if _, err := p.bar.Write([]byte("a sentence\n")); err != nil || !strings.Contains(out.String(), "a sentence\n") {
			t.Errorf("%+v: %q, %v", c, out.String(), err)
		}
		fmt.Fprint(above{&results, p}, "done\n")
		if got := screen(out.String()); strings.TrimRight(got, " \n") != "a sentence" || results.String() != "done\n" {
			t.Errorf("%+v: after its end %q stands there", c, got)
		}
		before := out.Len()
		clock = clock.Add(time.Hour)
		p.to(50)
		p.saw(1)
		if out.Len() != before {
			t.Errorf("%+v: shown after its end: %q", c, out.String()[before:])
		}
	}
}

// screen is what a terminal shows that knows carriage return, new line and the wiping of a line.
func screen(written string) string {
	lines, column := [][]rune{nil}, 0
	text := strings.NewReplacer("\x1b[2K", "\v", "\x1b[K", "\v").Replace(written)
	for _, r := range text {
		last := &lines[len(lines)-1]
		switch r {
		case '\n':
			lines, column = append(lines, nil), 0
		case '\r':
			column = 0
		case '\v':
			*last = (*last)[:min(column, len(*last))]
		default:
			for len(*last) <= column {
				*last = append(*last, ' ')
			}
			(*last)[column] = r
			column++
		}
	}
	shown := ""
	for _, line := range lines {
		shown += strings.TrimRight(string(line), " ") + "\n"
	}
	return shown
}

// What somebody sees who writes for long from a pipe: a count after a while, and at the end the sentence alone.
func TestALongWriteIsCountedOnATerminal(t *testing.T) {
	t.Parallel()
	x := newTrial(t)
	t.Cleanup(x.start("dev", "retrainer dev"))
	cmd := exec.Command("retrainer", "produce", "monitoring.drift", "--brokers", x.broker)
	lines, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s := onTerminal(t, cmd)
	if err := untilOften(patience, 50*time.Millisecond, func() error {
		if _, err := fmt.Fprintln(lines, `{"stream_id":"cam-7","p_value":0.4,"timestamp":"2026-11-24T10:04:05Z"}`); err != nil {
			return err
		}
		if got := s.shown(0); !strings.Contains(got, "writing to monitoring.drift: ") {
			return fmt.Errorf("nothing is counted: %q", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	lines.Close()
	s.wait(0, " to monitoring.drift\r\n")
	if got := strings.TrimSpace(screen(s.shown(0))); !strings.HasPrefix(got, "wrote ") || strings.Contains(got, "\n") {
		t.Errorf("at the end %q stands there", got)
	}
}
