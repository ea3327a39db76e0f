//go:build linux || darwin

package worker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// runWorker is a worker that stops for good at a point of its life: worker DIR MODE POINT.
func runWorker(args []string) {
	dir, mode, point := args[0], args[1], args[2]
	p, err := New(Config{Exec: quoted(os.Args[0]) + " program " + mode, Dir: dir, Encode: encode, Log: zerolog.New(os.Stderr), reached: func(at string) {
		if at != point {
			return
		}
		_ = os.WriteFile(filepath.Join(dir, "reached"), nil, 0o644)
		select {}
	}})
	if err != nil {
		fail(7, err.Error())
	}
	trained, err := p.Train(context.Background(), &retrain.Training{Command: someCommand(), Report: func(retrain.Report) {}})
	fmt.Println(trained, err)
}

// killedAt starts a worker, and kills it when it has come to the point and more is so.
func (b *bench) killedAt(mode, point string, more func() bool) {
	b.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	w := exec.Command(exe, "worker", b.dir, mode, point)
	said := new(logs)
	w.Stdout, w.Stderr = said, said
	w.WaitDelay = 10 * time.Millisecond
	if err := w.Start(); err != nil {
		b.t.Fatal(err)
	}
	until(b.t, "the worker has come to "+point, func() bool { return exists(filepath.Join(b.dir, "reached")) && more() })
	if err := w.Process.Kill(); err != nil {
		b.t.Fatal(err)
	}
	_ = w.Wait()
	if b.t.Failed() {
		b.t.Log(said)
	}
}

func TestAWorkerKilledAtAnyPointNeverTrainsAFinishedCommandAgainNorBesideALivingTraining(t *testing.T) {
	always := func() bool { return true }
	for _, c := range []struct {
		point, mode string
		ready       bool // the kill waits until the program is in the middle of its work
		starts      int
	}{
		{"before", "killedonce", false, 1},
		{"begun", "killedonce", false, 1},
		{"running", "killedonce", true, 2},
		{"ended", "silent", false, 2},
		{"recorded", "silent", false, 1},
	} {
		t.Run(c.point, func(t *testing.T) {
			t.Parallel()
			mode := c.mode
			if c.starts == 1 && mode == "killedonce" {
				mode = "killedquick"
			}
			b := newBench(t, mode, func(c *Config) { c.Grace = 100 * time.Millisecond })
			more := always
			if c.ready {
				more = func() bool { return exists(b.file("ready")) }
			}
			b.killedAt(mode, c.point, more)
			_, _, finished := b.Finished(someID)
			if want := c.point == "recorded"; finished != want {
				t.Errorf("finished after the kill: %v", finished)
			}
			begun, ok := b.Begun(someID)
			if want := c.point != "before"; ok != want {
				t.Errorf("begun after the kill: %v", ok)
			}
			b.succeeds()
			if n := b.starts(); n != c.starts {
				t.Errorf("the program was started %d times, want %d\n%s", n, c.starts, b.log)
			}
			if again, _ := b.Begun(someID); ok && !again.Equal(begun) {
				t.Errorf("begun at %v, and then at %v", begun, again)
			}
			if c.ready {
				b.ended("deafchild", "daemon", "hidden")
				contains(t, b.log.String(), "an earlier worker's training is still running here")
			}
		})
	}
}

// A lock whose holders are unknown is waited for until it is clear that they do not end.
func TestALeftTrainingThatCannotBeEndedIsToldAsThat(t *testing.T) {
	b := newBench(t, "ok", func(c *Config) { c.Grace = time.Millisecond })
	if _, err := b.Begin(b.command); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(b.file("program.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if free, err := tryLock(f); !free || err != nil { // held by this process, which does not end itself
		t.Fatal(free, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		until(t, "it was seen", func() bool { return strings.Contains(b.log.String(), "still running here") })
		cancel()
	}()
	if _, err := b.train(ctx); err == nil || exists(b.file("starts")) {
		t.Errorf("ended with %v", err)
	}
}
