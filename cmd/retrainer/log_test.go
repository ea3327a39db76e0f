package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestTheLogIsForPeopleOnATerminalAlone(t *testing.T) {
	t.Parallel()
	serve := func(set ...string) *exec.Cmd {
		cmd := exec.Command("retrainer", "serve", "--brokers", "127.0.0.1:1", "--http", "127.0.0.1:0") // it logs where it listens before it asks a broker
		cmd.Env = append(cmd.Environ(), append([]string{"TERM=xterm", "NO_COLOR=", "TZ=Asia/Tokyo"}, set...)...)
		return cmd
	}
	s := onTerminal(t, serve())
	s.wait(0, "INF listening http=127.0.0.1:")
	stamp, _, _ := strings.Cut(escapes.ReplaceAllString(s.shown(0), ""), " ")
	if _, err := time.Parse("2006-01-02T15:04:05Z", stamp); err != nil || !strings.Contains(s.shown(0), "\x1b[32mINF\x1b[0m") || strings.Contains(s.shown(0), "{") {
		t.Errorf("%q, %v", s.shown(0), err)
	}
	for _, variable := range []string{"NO_COLOR=1", "TERM=dumb"} {
		s = onTerminal(t, serve(variable))
		s.wait(0, "INF listening http=127.0.0.1:")
		if strings.Contains(s.shown(0), "\x1b") {
			t.Errorf("with %s: %q", variable, s.shown(0))
		}
	}
	s = onTerminal(t, serve("VTY_JSON=true"))
	s.wait(0, `"message":"listening"}`)
}

// What trainers print, topics hold and brokers answer may be anything, and a terminal takes some of that as commands to itself.
func TestNothingThatIsLoggedIsACommandToTheTerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	hostile := "\x1b]0;owned\x07\r\n\x1b[2J\u009b31m\u202e\x7f\xff"
	told := func(terminal bool) string {
		var out bytes.Buffer
		l := new(configuration).logTo(&bar{out: &out, terminal: terminal})
		l.Error().Str("text", hostile).Strs("list", []string{hostile}).Any("map", map[string]string{hostile: hostile}).Bytes("bytes", []byte(hostile)).
			Err(errors.New(hostile)).Msg(hostile)
		return out.String()
	}
	line := told(true)
	text, ended := strings.CutSuffix(line, "\n")
	if !ended || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.Count(text, "owned") != 7 {
		t.Errorf("%q", line)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(told(false)), &fields); err != nil || !strings.HasPrefix(fields["message"].(string), "\x1b]0;owned") {
		t.Errorf("a program is not told what was said: %v, %q", err, fields)
	}
}
