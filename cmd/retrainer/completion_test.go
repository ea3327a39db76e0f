package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/visutility/retrainer/internal/free"
)

// What somebody types before TAB, and what then stands on the line.
var completed = []struct{ begun, whole string }{
	{"retrainer expl", "retrainer explain "},
	{"retrainer explain mod", "retrainer explain model "},
	{"retrainer topics app", "retrainer topics apply "},
	{"retrainer tail --unc", "retrainer tail --uncommitted "},
	{"retrainer tail x --until nev", "retrainer tail x --until never "},
	{"retrainer trigger x --action so", "retrainer trigger x --action soft "},
	{"retrainer status --sasl scram-sha-5", "retrainer status --sasl scram-sha-512 "},
	{"retrainer status --registry-id glo", "retrainer status --registry-id global "},
	{"retrainer serve --wire conf", "retrainer serve --wire confluent "},
	{"retrainer serve --policy pol", "retrainer serve --policy policy.yaml "},
	{"retrainer policy check pol", "retrainer policy check policy.yaml "},
	{"retrainer completion fi", "retrainer completion fish "},
	{"retrainer help explain dec", "retrainer help explain decision "},
	{"retrainer explain word supers", "retrainer explain word superseded "},
	{"retrainer tail retrain.comm", "retrainer tail retrain.commands "},
	{"retrainer produce monitoring.per", "retrainer produce monitoring.performance "},
	// What only the cluster knows.
	{"retrainer produce bill", "retrainer produce billing "},
	{"retrainer status tum", "retrainer status tumours "},
	{"retrainer explain model tum", "retrainer explain model tumours "},
	{"retrainer explain model saf", "retrainer explain model safe "}, // and none of the hostile ones
}

// hostile are names of models that a shell would run, take for a flag, or print: two that begin alike, for what they share is put on a line.
var hostile = []string{"safe$(touch ran)a", "safe$(touch ran)b", "safe;touch ran", "safe`touch ran`", "--safe", "_activeHelp_ safe", "zz$(touch ran)a", "zz$(touch ran)b"}

// Shells that are installed complete as people see it: bash, which the tests need anyhow, in a terminal; zsh too; fish says what it would.
func TestShellsCompleteCommandsFlagsValuesAndWhatTheClusterKnows(t *testing.T) {
	t.Parallel()
	x := newTrial(t)
	stop := x.start("dev", "retrainer dev --drift-topic billing")
	t.Cleanup(stop)
	for _, model := range append([]string{"tumours", "safe"}, hostile...) {
		cmd := x.command(`retrainer trigger --action soft --create -- "$MODEL"`)
		cmd.Env = append(cmd.Env, "MODEL="+model)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, shell := range []struct {
		name  string
		args  []string
		begin string
	}{
		{"bash", []string{"--norc", "--noprofile", "-i"}, "source <(retrainer completion bash)"},
		{"zsh", []string{"-f", "-i"}, "autoload -Uz compinit; compinit -u -D; source <(retrainer completion zsh)"},
	} {
		path, err := exec.LookPath(shell.name)
		if err != nil && shell.name != "bash" {
			t.Logf("%s is not installed", shell.name)
			continue
		}
		t.Run(shell.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(path, shell.args...)
			of := x.command("")
			cmd.Dir, cmd.Env = of.Dir, append(of.Env, "TERM=xterm", "PS1=> ", "HISTFILE=")
			s := onTerminal(t, cmd)
			s.write(shell.begin + "; echo re''ady\n")
			s.wait(0, "ready")
			s.write("retrainer status zz\t\t\t\x15") // nothing to wait for: the lines after it come after it
			for _, c := range completed {
				s.completes(c.begun, c.whole)
			}
			if _, err := os.Stat(filepath.Join(of.Dir, "ran")); err == nil {
				t.Error("the name of a model was run")
			}
		})
	}
	if path, err := exec.LookPath("fish"); err == nil {
		t.Run("fish", func(t *testing.T) { t.Parallel(); fishCompletes(t, x, path) })
	}
}

func fishCompletes(t *testing.T, x *trial, path string) {
	script := filepath.Join(x.dir, "ask.fish")
	text := "retrainer completion fish | source\n"
	for _, c := range completed {
		text += "echo ASKED; complete -C '" + c.begun + "'\n"
	}
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	of := x.command("")
	if err := until(func() (wrong error) { // again, where the cluster did not answer in a second
		cmd := exec.Command(path, "--no-config", script)
		cmd.Dir, cmd.Env = of.Dir, of.Env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		answers := strings.Split(string(out), "ASKED\n")[1:]
		for i, c := range completed {
			words := strings.Fields(c.whole)
			word, _, _ := strings.Cut(strings.SplitN(answers[i], "\n", 2)[0], "\t")
			if word != words[len(words)-1] {
				wrong = errors.Join(wrong, fmt.Errorf("%q: fish proposes %q, not %q", c.begun, answers[i], words[len(words)-1]))
			}
		}
		return wrong
	}); err != nil {
		t.Error(err)
	}
}

// What a shell may be given of a name that others chose.
func TestOnlyPlainNamesAreProposed(t *testing.T) {
	for _, name := range append([]string{"", "-a", "a b", "a\nb", "a\tb", "~a", "a*", "a'", `a"`, `a\`, "é", "_activeHelp_a", "a{b,c}"}, hostile...) {
		if proposable(name) {
			t.Errorf("%q is proposed", name)
		}
	}
	for _, name := range []string{"tumours", "tumours/v1.3", "a:b@c+d-e", "retrain.commands", "_a"} {
		if !proposable(name) {
			t.Errorf("%q is not proposed", name)
		}
	}
}

// A cluster that is away proposes nothing of its own, says nothing, and is not waited for.
func TestCompletionIsSilentWhereTheClusterIsAway(t *testing.T) {
	for line, want := range map[string]string{"status": "", "tail": "retrain.commands", "produce": "monitoring.drift"} {
		code, out, errs := runHere("", "__complete", "--brokers", free.Address(t), line, "")
		if code != exitDone || !strings.Contains(out, want+"\n") && want != "" || !strings.HasSuffix(out, ":4\n") || strings.Contains(errs, "waiting") {
			t.Errorf("%s: %d, %q, %q", line, code, out, errs)
		}
	}
}
