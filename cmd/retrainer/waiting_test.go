package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// What is said beside the results is for programs too where these are.
func TestWhatIsWaitedForIsJSONWhereJSONIsAskedFor(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		w := &waiting{}
		w.begin(context.Background(), &out, asJSON, []string{"kafka:9092"})
		w.warn("it is so")
		w.tell(errors.New("it is away"))
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 {
			t.Fatalf("%q", out.String())
		}
		if !asJSON {
			if lines[0] != "retrainer: warning: it is so" || !strings.HasPrefix(lines[1], "retrainer: waiting for the cluster at kafka:9092: it is away; ") {
				t.Errorf("%q", lines)
			}
			continue
		}
		var warned, told struct{ Warning, Waiting string }
		if err := errors.Join(json.Unmarshal([]byte(lines[0]), &warned), json.Unmarshal([]byte(lines[1]), &told)); err != nil || warned.Warning != "it is so" || !strings.Contains(told.Waiting, "it is away") {
			t.Errorf("%q, %v", lines, err)
		}
	}
}

func TestHelpIsBoldOnATerminalAlone(t *testing.T) {
	t.Parallel()
	s := onTerminal(t, exec.Command("retrainer", "tail", "--help"))
	s.wait(0, "docs/cluster.md")
	if !strings.Contains(s.shown(0), "\x1b[1mUSAGE\x1b[0m") {
		t.Errorf("%q", s.shown(0))
	}
	plain := exec.Command("retrainer", "tail", "--help")
	plain.Env = append(plain.Environ(), "NO_COLOR=1")
	s = onTerminal(t, plain)
	s.wait(0, "docs/cluster.md")
	if strings.Contains(s.shown(0), "\x1b") {
		t.Errorf("with NO_COLOR: %q", s.shown(0))
	}
}
