package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/internal/free"
)

// eachCommand are all that people can see.
func eachCommand(cmd *cobra.Command, do func(cmd *cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			eachCommand(sub, do)
		}
	}
}

// pageOf is the help of a command as somebody gets it who pipes it on, or on a terminal of so many columns.
func pageOf(cmd *cobra.Command, columns int) string {
	p := manualPage{columns: columns}
	p.page(cmd)
	return p.out.String()
}

func TestEveryCommandHasAPage(t *testing.T) {
	root, known := newRoot(), []string{}
	root.InitDefaultHelpCmd()
	eachCommand(root, func(cmd *cobra.Command) {
		words := wordsOf(cmd)
		known = append(known, words)
		code, page, errs := runHere("", append(strings.Fields(words), "--help")...)
		cmd.InitDefaultHelpFlag()
		if want := pageOf(cmd, mostColumns); code != exitDone || errs != "" || page != want {
			t.Fatalf("%s --help: %d, %q\n%s\nis not\n%s", words, code, errs, page, want)
		}
		m := manuals[words]
		if m.about == "" || len(m.examples) == 0 && !(cmd.HasParent() && cmd.HasAvailableSubCommands()) {
			t.Errorf("%q: no description, or no example", words)
		}
		for _, title := range []string{"USAGE", "DESCRIPTION"} {
			if !strings.Contains(page, "\n"+title+"\n") {
				t.Errorf("%q has no %s", words, title)
			}
		}
		if n := strings.Count(page, "\n"); words != "" && n > 70 {
			t.Errorf("%q: %d lines, which nobody reads", words, n)
		}
		if strings.Contains(page, "\x1b") {
			t.Errorf("%q is coloured where no terminal is", words)
		}
		flagsOnPage(t, cmd, page)
		for _, file := range m.see {
			if _, err := os.Stat(filepath.Join("..", "..", file)); err != nil {
				t.Errorf("%q: see also: %v", words, err)
			}
		}
	})
	for words := range manuals {
		if !slices.Contains(known, words) {
			t.Errorf("there is a page of %q, but no such command", words)
		}
	}
}

// flagsOnPage sees to it that the flags that a command makes use of stand on its page, and no others.
func flagsOnPage(t *testing.T, cmd *cobra.Command, page string) {
	t.Helper()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		shown := regexp.MustCompile(`(?m)^  .*--` + f.Name + `\b`).MatchString(page)
		if want := !f.Hidden && f.Name != "version" && uses(cmd, f.Name); want != shown && !strings.Contains(manuals[wordsOf(cmd)].about, "--"+f.Name) {
			t.Errorf("%s: --%s on its page: %v", cmd.CommandPath(), f.Name, shown)
		}
	})
}

func TestPagesAreAsWideAsTheTerminal(t *testing.T) {
	root := newRoot()
	lines := map[string]bool{}
	for _, m := range manuals {
		for _, e := range m.examples {
			lines["  "+e.line] = true // to be copied whole
		}
	}
	for _, columns := range []int{leastColumns, 60, 80, mostColumns} {
		eachCommand(root, func(cmd *cobra.Command) {
			for line := range strings.Lines(pageOf(cmd, columns)) {
				line = strings.TrimSuffix(line, "\n")
				if len(line) > columns && !lines[line] && len(strings.Fields(line)) > 1 {
					t.Errorf("%s on %d columns: %q", cmd.CommandPath(), columns, line)
				}
			}
		})
	}
}

func TestTheVersionIsAFlagToo(t *testing.T) {
	_, command, _ := runHere("", "version")
	code, flag, errs := runHere("", "--version")
	if code != exitDone || flag != command || errs != "" || !strings.HasPrefix(flag, "retrainer ") {
		t.Errorf("%d, %q, %q; version says %q", code, flag, errs, command)
	}
}

// Those that run until they are told to stop, with what they log when they do what the example is for.
var lasting = map[string]string{"dev": "every task runs", "serve": "every task runs", "worker": `"trained"`}

// Every example of every page runs as it stands there, but for its broker and its ids, against one embedded broker.
func TestEveryExampleOfHelpRuns(t *testing.T) {
	t.Parallel()
	x := newTrial(t)
	stopDev := x.start("dev", manuals["dev"].examples[0].line)
	if said, err := os.ReadFile(filepath.Join(x.dir, "dev.log")); err != nil || strings.Count(string(said), "\n") > 12 {
		t.Errorf("nobody reads so much at a start: %v\n%s", err, said)
	}
	inOrder := []string{"", "topics plan", "topics apply", "policy check", "serve", "trigger", "produce", "worker", "status", "explain model", "explain decision", "explain command", "explain word",
		"tail", "verify", "ready", "completion", "version", "help"}
	for _, words := range inOrder {
		for _, e := range manuals[words].examples {
			if sign := lasting[words]; sign != "" {
				x.start(words, e.line)()
				continue
			}
			if strings.Contains(e.line, "_ID") {
				e.line = x.withIDs(e.line)
			}
			if out, err := x.command(e.line).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", e.line, err, out)
			}
		}
	}
	stopDev()
	for words, m := range manuals {
		if len(m.examples) > 0 && !slices.Contains(inOrder, words) && words != "dev" && words != "demo" { // demo_test.go runs that of demo
			t.Errorf("the examples of %q have no place in the order", words)
		}
	}
}

// trial runs lines of help in a folder of their own.
type trial struct {
	t      *testing.T
	dir    string
	broker string
	http   string // of dev
}

func newTrial(t *testing.T) *trial {
	x := &trial{t: t, dir: t.TempDir(), broker: free.Address(t), http: free.Address(t)}
	for name, text := range map[string]string{
		"policy.yaml": "revision: 1\ndefaults: {cooldown: 1s}\n",
		"events.json": `{"stream_id":"cam-7","p_value":0.4,"timestamp":"2026-11-24T10:04:05Z"}` + "\n",
		"train.sh":    "#!/bin/sh\necho '{\"new_version\":\"v2\"}'\n",
	} {
		if err := os.WriteFile(filepath.Join(x.dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// command runs a line in bash, with the settings of this test in the environment.
func (x *trial) command(line string) *exec.Cmd {
	cmd := exec.Command("bash", "-o", "pipefail", "-ec", strings.ReplaceAll(line, "kafka:9092", x.broker)) // TestMain has put retrainer on the path
	cmd.Dir = x.dir
	http := "127.0.0.1:0"
	if strings.Contains(line, "retrainer dev") || strings.Contains(line, "retrainer ready") { // one asks the other
		http = x.http
	}
	cmd.Env = append(os.Environ(), "VTY_BROKERS="+x.broker, "VTY_LISTEN="+x.broker, "VTY_HTTP="+http, "USER=ada", "ANSWER_TIMEOUT="+patience.String())
	return cmd
}

// start runs a line until it logs the sign of its command; stop ends it by ^C, after which it must have ended well.
func (x *trial) start(words, line string) (stop func()) {
	x.t.Helper()
	log, err := os.Create(filepath.Join(x.dir, words+".log"))
	if err != nil {
		x.t.Fatal(err)
	}
	defer log.Close()
	cmd := x.command("exec " + line)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	if err := until(func() error {
		text, err := os.ReadFile(log.Name())
		if err == nil && !strings.Contains(string(text), lasting[words]) {
			err = fmt.Errorf("%s has not logged %q:\n%s", line, lasting[words], text)
		}
		return err
	}); err != nil {
		_ = cmd.Process.Kill() // it may have ended
		x.t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended, which Wait tells
		if err := cmd.Wait(); err != nil {
			x.t.Errorf("%s: %v", line, err)
		}
	}
}

// withIDs puts the beginnings of ids into a line that stand in the topics.
func (x *trial) withIDs(line string) string {
	x.t.Helper()
	for word, topic := range map[string]string{"DECISION_ID": "decisions", "COMMAND_ID": "commands"} {
		out, err := exec.CommandContext(context.Background(), "retrainer", "tail", "retrain."+topic, "--from", "start", "--count", "1", "--brokers", x.broker).Output()
		if err != nil {
			x.t.Fatal(err)
		}
		id := regexp.MustCompile(`"` + strings.ToLower(word) + `":"([0-9a-f]{8})`).FindStringSubmatch(string(out))
		if id == nil {
			x.t.Fatalf("no %s in %s", word, out)
		}
		line = strings.ReplaceAll(line, word, id[1])
	}
	return line
}
