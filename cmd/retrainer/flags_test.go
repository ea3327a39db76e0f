package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every flag of every command has a script of its own that fails without it: testdata/flags/COMMAND--FLAG.txtar, or
// all--FLAG.txtar for a flag that all commands share. The list is that of --help.
func TestEveryFlagHasAScriptThatFailsWithoutIt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "flags")
	flags := allFlags(newRoot())
	var want []string
	for name := range flags { // order: sorted below
		want = append(want, name+".txtar")
	}
	slices.Sort(want)
	var got []string
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		got = append(got, f.Name())
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("the flag of %s has no script in %s", name, dir)
		}
	}
	without := t.TempDir()
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s is about a flag that is not there", filepath.Join(dir, name))
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(without, name), []byte(withoutFlag(t, name, string(text), flags)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("with", func(t *testing.T) { testscript.Run(t, scripts(t, dir)) })
	t.Run("without", func(t *testing.T) {
		p := scripts(t, without)
		p.Deadline = time.Now().Add(withoutPatience)
		setup := p.Setup
		p.Setup = func(e *testscript.Env) error {
			err := setup(e)
			patient(e, withoutPatience)
			return err
		}
		outcome := &outcomes{failed: map[string]bool{}, running: map[string]bool{}}
		testscript.RunT(&recordingT{outcomes: outcome}, p)
		if err := until(outcome.ended); err != nil {
			t.Fatal(err)
		}
		for _, name := range got {
			if script := strings.TrimSuffix(name, ".txtar"); !outcome.failed[script] {
				t.Errorf("%s passes without its flag", filepath.Join(dir, name))
			}
		}
	})
}

// withoutPatience is after how long a script that waits for what never comes has failed. On a machine so slow that any would, nothing
// is found out; that costs no truth elsewhere.
const withoutPatience = 10 * time.Second

// allFlags are those of a command and all below it, by COMMAND--FLAG.
func allFlags(root *cobra.Command) map[string]*pflag.Flag {
	all := map[string]*pflag.Flag{}
	add := func(command string) func(f *pflag.Flag) {
		return func(f *pflag.Flag) {
			if f.Name != "help" && !f.Hidden {
				all[command+"--"+f.Name] = f
			}
		}
	}
	root.PersistentFlags().VisitAll(add("all"))
	var walk func(path string, c *cobra.Command)
	walk = func(path string, c *cobra.Command) {
		c.LocalNonPersistentFlags().VisitAll(add(path))
		for _, sub := range c.Commands() {
			walk(strings.TrimPrefix(path+"-"+sub.Name(), "-"), sub)
		}
	}
	walk("", root)
	return all
}

// withoutFlag takes the flag that a script is about out of its lines; one that does not have it is a mistake.
func withoutFlag(t *testing.T, name, text string, flags map[string]*pflag.Flag) string {
	name = strings.TrimSuffix(name, ".txtar")
	_, flag, _ := strings.Cut(name, "--")
	value := ` ('[^']*'|\S+)`
	if flags[name].NoOptDefVal != "" {
		value = ""
	}
	pattern := regexp.MustCompile(`(?m)(retrainer .*) --` + flag + value + `(?:$|( ))`)
	if !pattern.MatchString(text) {
		t.Errorf("%s does not use --%s", name, flag)
	}
	return pattern.ReplaceAllString(text, "$1 ")
}

func TestAFlagIsTakenOutWhole(t *testing.T) {
	flags := map[string]*pflag.Flag{"all--json": {NoOptDefVal: "true"}, "all--app": {}}
	for _, c := range []struct{ name, in, out string }{
		{"all--app", "exec retrainer serve --app trial --http ''", "exec retrainer serve  --http ''"},
		{"all--app", "exec retrainer serve --app 'a b'\nexec true", "exec retrainer serve \nexec true"},
		{"all--json", "exec retrainer status --json x", "exec retrainer status  x"},
	} {
		got := withoutFlag(t, c.name, c.in, flags)
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(c.out), " ") {
			t.Errorf("%q became %q", c.in, got)
		}
	}
}

// outcomes notes which scripts run, and which have failed.
type outcomes struct {
	mu              sync.Mutex
	running, failed map[string]bool // by script
}

// ended says which scripts run longer than their deadline allows.
func (o *outcomes) ended() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var running []string
	for name, is := range o.running { // order: sorted below
		if is {
			running = append(running, name)
		}
	}
	if slices.Sort(running); len(running) > 0 {
		return fmt.Errorf("they have not ended: %q", running)
	}
	return nil
}

// recordingT runs scripts of which each is expected to fail.
type recordingT struct {
	*outcomes
	name string
}

func (r *recordingT) Skip(...any)   { r.fail() }
func (r *recordingT) Fatal(...any)  { r.fail() }
func (r *recordingT) FailNow()      { r.fail() }
func (r *recordingT) Parallel()     {}
func (r *recordingT) Log(...any)    {}
func (r *recordingT) Verbose() bool { return false }

func (r *recordingT) fail() {
	r.note(r.failed, true)
	panic(errFailed)
}

func (r *recordingT) note(where map[string]bool, is bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	where[r.name] = is
}

// errFailed ends the goroutine of a script that failed.
var errFailed = "the script failed"

func (r *recordingT) Run(name string, f func(testscript.T)) {
	script := &recordingT{outcomes: r.outcomes, name: name}
	script.note(script.running, true)
	go func() { // ended waits for it
		defer script.note(script.running, false)
		defer func() {
			if p := recover(); p != nil && p != errFailed {
				panic(p)
			}
		}()
		f(script)
	}()
}
