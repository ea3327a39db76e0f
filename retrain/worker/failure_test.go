//go:build linux || darwin

package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/visutility/retrainer/retrain"
)

func TestTheExitStatusIsTheOutcome(t *testing.T) {
	for _, c := range []struct {
		mode, code string
		retryable  bool
		words      []string
	}{
		{"again", "exit_75", true, []string{"status 75", "the GPU is taken"}},
		{"status3", "exit_3", false, []string{"status 3", "Traceback:\nValueError: the data[31m is gone\ufffd"}},
		{"status3quiet", "exit_3", false, []string{"wrote nothing to standard error"}},
		{"status3told", "no_data", false, []string{"the bucket is empty"}},
		{"toldtext", "exit_75", true, []string{"the bucket is empty"}},
		{"killed", "signal_9", true, []string{"signal 9", "want of memory"}},
		{"faulty", "signal_11", false, []string{"signal 11"}},
		{"shell137", "exit_137", false, []string{"status 137", "signal 9"}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, c.mode)
			b.fails(c.code, c.retryable, c.words...)
			b.fails(c.code, c.retryable, c.words...)
			if n := b.starts(); n != 1 {
				t.Errorf("the program was started %d times; a failure is a result too", n)
			}
		})
	}
}

func TestAResultThatCannotBeReadIsNeverTakenForNone(t *testing.T) {
	for _, c := range []struct {
		mode  string
		words []string
	}{
		{"nan", []string{"NaN and Infinity are not JSON", `"auc":NaN`}},
		{"indented", []string{"does not end on its line"}},
		{"longresult", []string{"2097189 bytes, and at most 1048576"}},
		{"wrongversion", []string{"new_version is a number (6), not a text"}},
		{"wrongmetric", []string{`metrics.auc is a text ("high"), not a number`}},
		{"badversion", []string{"new_version", "control character"}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			newBench(t, c.mode).fails("invalid_result", false, c.words...)
		})
	}
}

func TestSuccessDoesNotNeedAResult(t *testing.T) {
	for _, c := range []struct{ mode, version, log string }{
		{"silent", "", "gave no result"},
		{"ignorant", "", "gave no result"},
		{"notlast", "", "the last line counts"},
		{"metricsonly", "", "bye"},
		{"told0", "v6", "one of three folds failed"},
		{"wrongstep", "v6", `step is a text (\"1/3\"), not a whole number`},
		{"garbage", "v6", "more lines than are shown in a second"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, c.mode)
			trained := b.succeeds()
			if trained.NewVersion != c.version {
				t.Errorf("the version is %q, want %q", trained.NewVersion, c.version)
			}
			if auc := trained.Metrics["auc"]; c.mode == "metricsonly" && auc != 0.5 {
				t.Errorf("the metrics of the last line are lost: %v", trained)
			}
			contains(t, b.log.String(), c.log)
		})
	}
}

func TestAFloodOfOutputIsReadInBoundedMemory(t *testing.T) {
	b := newBench(t, "flood", func(c *Config) { c.LogBytes = 1 << 20 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if v := b.succeeds().NewVersion; v != "v6" {
		t.Errorf("the version is %q", v)
	}
	runtime.ReadMemStats(&after)
	if got := int64(after.HeapSys) - int64(before.HeapSys); got > 64<<20 {
		t.Errorf("the heap grew by %d MiB", got>>20)
	}
	for _, name := range []string{"stdout.log", "stderr.log"} {
		text := b.read(name)
		contains(t, text[len(text)-60:], "the log ends here")
		if len(text) > 1<<20+100 {
			t.Errorf("%s has %d bytes", name, len(text))
		}
	}
	if n := len(b.log.String()); n > 4<<20 {
		t.Errorf("the worker's own log has %d bytes", n)
	}
	contains(t, b.log.String(), "more lines than are shown in a second", "33554432 bytes")
}

func TestADirectoryThatCannotBeUsedIsAnErrorOfInputAndOutput(t *testing.T) {
	for name, spoil := range map[string]func(b *bench) error{
		"a file in its place":     func(b *bench) error { return os.WriteFile(filepath.Join(b.dir, someID), nil, 0o644) },
		"no place for the result": func(b *bench) error { return os.MkdirAll(b.file("result.json.new"), 0o755) },
		"no place for a log":      func(b *bench) error { return os.MkdirAll(b.file("stderr.log.1/x"), 0o755) },
		"no lock":                 func(b *bench) error { return os.MkdirAll(b.file("program.lock"), 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "ok")
			if name == "no place for a log" {
				_ = os.MkdirAll(b.file(""), 0o755)
				_ = os.WriteFile(b.file("stderr.log"), nil, 0o644)
			}
			if err := spoil(b); err != nil {
				t.Fatal(err)
			}
			_, err := b.train(t.Context())
			if !errors.Is(err, retrain.ErrIO) {
				t.Fatalf("ended with %v", err)
			}
			contains(t, err.Error(), someID)
			if exists(b.file("starts")) {
				t.Error("the program was started")
			}
		})
	}
}

func TestAProgramThatSpoilsItsDirectoryLeavesTheWorkerAlive(t *testing.T) {
	b := newBench(t, "intheway")
	_, err := b.Train(t.Context(), &retrain.Training{Command: b.command, Report: func(retrain.Report) {}})
	if !errors.Is(err, retrain.ErrIO) {
		t.Errorf("ended with %v", err)
	}
}

// Some programs begin by clearing the folder that they run in. What they have trained is not lost by that.
func TestAProgramThatClearsItsDirectoryKeepsItsResult(t *testing.T) {
	for _, mode := range []string{"removes", "clears"} {
		b := newBench(t, mode)
		if v := b.succeeds().NewVersion; v != "v6" {
			t.Errorf("%s: the version is %q", mode, v)
		}
		if err := os.Remove(b.file("starts")); err != nil && !missing(err) {
			t.Fatal(err)
		}
		if b.succeeds(); exists(b.file("starts")) {
			t.Errorf("%s: it was trained again", mode)
		}
	}
}

func TestAFullDiskDoesNotTakeTheResultAway(t *testing.T) {
	if !exists("/dev/full") {
		t.Log("this system has no /dev/full: the log cannot be told that the disk is full")
		return
	}
	b := newBench(t, "metricsonly")
	kept := &kept{left: 100}
	var err error
	if kept.file, err = os.OpenFile("/dev/full", os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	defer kept.file.Close()
	kept.write([]byte("text"), b.cfg.Log)
	kept.write([]byte("text"), b.cfg.Log)
	if n := strings.Count(b.log.String(), "is not kept any more"); n != 1 {
		t.Errorf("told %d times that the log is not kept", n)
	}
}

func TestADamagedResultIsNeitherBelievedNorTrainedAgain(t *testing.T) {
	whole := `{"format":1,"command_id":"` + someID + `","state":"succeeded","new_version":"v6","at":"2026-01-01T00:00:00Z"}`
	for name, c := range map[string]struct{ text, says string }{
		"empty":             {"", "no JSON object"},
		"cut":               {whole[:60], "no JSON object"},
		"of the program":    {`{"auc":0.5}`, "it has no format"},
		"of another":        {strings.ReplaceAll(whole, someID[:8], "00000000"), "it is of the command"},
		"of the future":     {strings.Replace(whole, `:1,`, `:2,`, 1), "a newer one wrote it"},
		"of no state":       {strings.Replace(whole, "succeeded", "started", 1), `its state is "started"`},
		"failed for nought": {strings.Replace(whole, "succeeded", "failed", 1), "does not go with its error"},
		"twice":             {whole + whole, "something stands behind"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "ok")
			if err := errors.Join(os.MkdirAll(b.file(""), 0o755), os.WriteFile(b.file("result.json"), []byte(c.text), 0o644)); err != nil {
				t.Fatal(err)
			}
			trained, err := b.Train(t.Context(), &retrain.Training{Command: b.command})
			if trained != nil || !errors.Is(err, retrain.ErrIO) {
				t.Fatalf("ended with %v, %v", trained, err)
			}
			contains(t, err.Error(), b.file("result.json"), c.says, "move it away")
			if _, err, ok := b.Finished(someID); !ok || !errors.Is(err, retrain.ErrIO) {
				t.Errorf("Finished says %v, %v", err, ok)
			}
			if exists(b.file("starts")) {
				t.Error("the program was started")
			}
		})
	}
}

func TestACommandIDCannotLeadOutOfTheDirectory(t *testing.T) {
	b := newBench(t, "ok")
	for _, id := range []string{"", ".", "..", "../x", "a/b", `a\b`, "a\x00b", ".hidden", "-rf", "A", strings.Repeat("a", 65), "ü"} {
		c := someCommand()
		c.CommandID = id
		if _, err := b.Train(t.Context(), &retrain.Training{Command: c}); !errors.Is(err, retrain.ErrInternal) {
			t.Errorf("%q: %v", id, err)
		}
		if _, _, ok := b.Finished(id); ok {
			t.Errorf("%q is finished", id)
		}
		if _, ok := b.Begun(id); ok {
			t.Errorf("%q has begun", id)
		}
	}
	if entries, _ := os.ReadDir(b.dir); len(entries) != 0 {
		t.Errorf("%v was made", entries)
	}
}

func TestNothingIsRunForAWorkerThatEnds(t *testing.T) {
	b := newBench(t, "ok")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.train(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if _, ok := b.Begun(someID); ok {
		t.Error("the command has begun")
	}
}
