package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// failing is a test that fails without anybody's harm.
type failing struct {
	testing.TB
	why string
}

func (f *failing) Fatalf(format string, a ...any) {
	f.why = fmt.Sprintf(format, a...)
	runtime.Goexit()
}

// why is what a block fails with; empty if it does not.
func (w *Terminal) why(text string) string {
	t := w.t
	f := &failing{TB: t}
	w.t = f
	ended := make(chan bool)
	go func() {
		defer close(ended)
		w.block(Block{Document: "d.md", Section: "One", Language: "sh", Text: text})
	}()
	<-ended
	w.t = t
	return f.why
}

func TestATerminalDoesWhatADocumentSays(t *testing.T) {
	w := Open(t, t.TempDir(), "GIVEN=yes")
	w.block(Block{File: "train.sh", Text: "#!/bin/sh\necho trained >> done; cat\n"})
	w.block(Block{Language: "yaml", Text: "revision: 1\n"})
	w.Replace("kafka:9092", "127.0.0.1:1")
	asked := 0
	w.Before("train.sh", func() { asked++ })
	for _, good := range []string{
		"export A=1\nb=2\nfunction c() { echo 3; }\n", // live on
		"test \"$A$b$(c)$GIVEN\" = 123yes    # so\n",
		"grep -q revision policy.yaml &&\n    test kafka:9092 = 127.0.0.1:1\n",
		"sh train.sh <<END\nx; y\nEND\n# nothing stands on standard input of others\nsh train.sh\n",
		"go test ./...\n", // left alone
	} {
		if why := w.why(good); why != "" {
			t.Errorf("%s", why)
		}
	}
	w.Says("sh train.sh <<END", "x; y")
	if text, err := os.ReadFile(filepath.Join(w.Dir, "done")); err != nil || string(text) != "trained\ntrained\n" || asked != 2 {
		t.Errorf("trained %q, %v; asked %d times", text, err, asked)
	}
	for bad, want := range map[string]string{
		"true\nsh -c 'exit 3'\ntrue\n":  `d.md:0, section "One", sh: exit status 3 of`,
		"false | true\n":                "exit status 1",
		"nobody-knows-this --flag\n":    "exit status 127",
		"if true\n":                     "d.md:0",
		"./retrainer serve --nowhere\n": "not ready",
	} {
		if why := w.why(bad); !strings.Contains(why, want) {
			t.Errorf("%q fails with %q, without %q", bad, why, want)
		}
	}
	w.services.all = nil // the one that was not there
}

// Bash opens the file that a service prints to a moment after it has started it, and ^C while Python loads its libraries is no good end.
func TestAProgramOfPythonIsReadyWhenItSaysSo(t *testing.T) {
	w := &Terminal{t: t}
	s := &service{line: "python examples/python/consumer.py", log: filepath.Join(t.TempDir(), "1.sh.out")}
	for _, c := range []struct {
		does  func() error
		ready bool
	}{
		{func() error { return nil }, false}, // there is no file yet
		{func() error { return os.WriteFile(s.log, nil, 0o600) }, false},
		{func() error {
			return os.WriteFile(s.log, []byte("DeprecationWarning: do not use this module\n"), 0o600)
		}, false},
		{func() error {
			return os.WriteFile(s.log, []byte("2026-11-29 18:00:00,000 waiting for commands\n"), 0o600)
		}, true},
	} {
		if err := c.does(); err != nil {
			t.Fatal(err)
		}
		if got := w.ready(s); got != c.ready {
			t.Errorf("ready is %v with %q printed", got, s.said())
		}
	}
}
