package worker

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/visutility/retrainer/retrain"
)

func TestACommandLineMeansWhatItMeansWhereTheWorkerStarts(t *testing.T) {
	here := t.TempDir()
	for _, name := range []string{"train.py", "my train.py", "conf/model.yaml", "run.sh", "train"} {
		path := filepath.Join(here, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(here, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	sh := func(words ...string) string { return strings.Join(append([]string{"sh"}, words...), "|") }
	for _, c := range []struct{ text, want string }{
		{`sh train.py`, sh(here + "/train.py")},
		{`sh 'my train.py' --fast`, sh(here+"/my train.py", "--fast")},
		{`sh my\ train.py`, sh(here + "/my train.py")},
		{`sh "my train.py"`, sh(here + "/my train.py")},
		{`sh ./train.py --conf conf/model.yaml --also=conf/model.yaml --dir conf/ --name conf`, sh(here+"/train.py", "--conf", here+"/conf/model.yaml", "--also="+here+"/conf/model.yaml", "--dir", here+"/conf", "--name", "conf")},
		{`sh -c 'python train.py | tee log; echo $HOME "*"'`, sh("-c", `python train.py | tee log; echo $HOME "*"`)},
		{`sh "" "a\"b" "a\b" x''y`, sh("", `a"b`, `a\b`, "xy")},
		{`sh /etc/hosts`, sh("/etc/hosts")},
		{`./run.sh`, "./run.sh"},
		{`run.sh`, "run.sh"},
		{``, "!no program is given"},
		{`  `, "!no program is given"},
		{`sh missing.py`, "!the script \"missing.py\" of the command line is not there, seen from " + here},
		{`no-such-program x`, "!was not found: neither on PATH nor in " + here},
		{`./train.py`, "!chmod +x it, or name its interpreter (python ./train.py)"},
		{`conf/`, "!cannot be run"},
		{`LR=1 sh train.py`, "!write: env LR=1 sh train.py"},
		{`sh train.py | tee log`, `!holds '|', which only a shell understands`},
		{`sh "$HOME/train.py"`, `!holds '$'`},
		{`sh ~/train.py`, `!holds '~'`},
		{`sh *.py`, `!holds '*'`},
		{`sh 'train.py`, "!ends inside a quotation"},
		{`sh train.py \`, "!ends inside a quotation"},
	} {
		path, args, err := commandLine(c.text, here)
		if want, wrong := strings.CutPrefix(c.want, "!"); wrong {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v %v, want %q", c.text, args, err, want)
			}
			continue
		}
		if got := strings.Join(args, "|"); err != nil || got != c.want || !filepath.IsAbs(path) {
			t.Errorf("%s: %s %s %v, want %s", c.text, path, got, err, c.want)
		}
	}
}

func TestTheProgramHasTheWorkersEnvironmentWithoutItsPasswords(t *testing.T) {
	got := environment([]string{"PATH=/bin", "VTY_SASL_PASSWORD=x", "VTY_SCHEMA_REGISTRY_PASSWORD=y", "VTY_BROKERS=b", "MY_PASSWORD=z", "RETRAIN_COMMAND=old", "ODD"}, "/d/command.json")
	want := []string{"PATH=/bin", "VTY_BROKERS=b", "MY_PASSWORD=z", "ODD", "PYTHONUNBUFFERED=1", "RETRAIN_COMMAND=/d/command.json"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := environment([]string{"PYTHONUNBUFFERED="}, "/c"); !slices.Equal(got, []string{"PYTHONUNBUFFERED=", "RETRAIN_COMMAND=/c"}) {
		t.Errorf("got %q", got)
	}
}

func TestAtMostOneReportInATimeAndTheNewestWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int64
		r := startReports(time.Second, func(x retrain.Report) { got = append(got, *x.Step) })
		for i := range int64(25) {
			r.put(retrain.Report{Step: &i})
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		r.put(retrain.Report{Step: new(int64(99))})
		synctest.Wait()
		r.end()
		// One at once, then what is newest when a second is over, on the tick or just before it.
		if len(got) != 5 || got[0] != 0 || got[4] != 99 || got[1] < 9 || got[2] < 19 || got[3] != 24 {
			t.Errorf("reported were %v", got)
		}
	})
}

func TestAReportThatWaitsHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		going := make(chan bool)
		r := startReports(time.Second, func(retrain.Report) { <-going })
		for range 1000 {
			r.put(retrain.Report{})
		}
		close(going)
		r.end()
	})
}

func TestAWorkerThatCannotWorkSaysWhyAtItsStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	encode := func(*retrain.Command) ([]byte, error) { return nil, nil }
	for want, cfg := range map[string]Config{
		"no program is given":                   {Dir: t.TempDir(), Encode: encode},
		"Encode is missing":                     {Exec: "sh", Dir: t.TempDir()},
		"no directory for the commands":         {Exec: "sh", Encode: encode},
		"the directory of the commands cannot":  {Exec: "sh", Dir: file + "/below", Encode: encode},
		"was not found: neither on PATH nor in": {Exec: "no-such-program", Dir: t.TempDir(), Encode: encode},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
