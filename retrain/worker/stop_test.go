//go:build linux || darwin

package worker

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// stopsOnceReady trains until the program is ready, then cancels.
func (b *bench) stopsOnceReady() error {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	go func() {
		until(b.t, "the program is ready", func() bool { return exists(b.file("ready")) })
		cancel()
	}()
	_, err := b.train(ctx)
	return err
}

func TestAtShutdownTheProgramIsToldToEndAndNothingIsRecorded(t *testing.T) {
	b := newBench(t, "polite", func(c *Config) { c.Grace = time.Hour })
	if err := b.stopsOnceReady(); !errors.Is(err, context.Canceled) {
		t.Fatalf("ended with %v", err)
	}
	contains(t, b.read("stdout.log"), "a checkpoint is written") // it had its time
	if err := os.Remove(b.file("ready")); err != nil {
		t.Fatal(err)
	}
	if err := b.stopsOnceReady(); !errors.Is(err, context.Canceled) || b.starts() != 2 {
		t.Errorf("taken up again: %v, started %d times", err, b.starts())
	}
	contains(t, b.read("stdout.log.1"), "a checkpoint is written")
}

func TestAProgramThatWasDoneWhenItWasToldToEndIsBelieved(t *testing.T) {
	b := newBench(t, "justdone", func(c *Config) { c.Grace = time.Hour })
	if err := b.stopsOnceReady(); err != nil {
		t.Fatalf("ended with %v", err)
	}
	if trained, err, ok := b.Finished(someID); err != nil || !ok || trained.NewVersion != "v6" {
		t.Errorf("recorded is %v, %v, %v", trained, err, ok)
	}
}

func TestWhoIgnoresSIGTERMIsKilledAfterTheGraceWithItsChildren(t *testing.T) {
	b := newBench(t, "deaf", func(c *Config) { c.Grace = 100 * time.Millisecond })
	if err := b.stopsOnceReady(); !errors.Is(err, context.Canceled) {
		t.Fatalf("ended with %v", err)
	}
	contains(t, b.log.String(), "it is killed")
	b.ended("deaf", "deafchild")
}

func TestMaxRuntimeEndsATrainingAndIsRecorded(t *testing.T) {
	b := newBench(t, "deaf", func(c *Config) { c.Grace = 100 * time.Millisecond })
	b.command.MaxRuntimeMs = 1000
	b.fails("max_runtime", false, "1000 ms")
	if !exists(b.file("ready")) {
		t.Log("the machine was too slow for the program to begin within a second")
	}
	b.fails("max_runtime", false)
}

func TestMaxRuntimeCountsFromTheFirstStart(t *testing.T) {
	b := newBench(t, "ok")
	b.command.MaxRuntimeMs = 1000
	d, err := b.directory(someID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.begin([]byte("{}"), time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	b.fails("max_runtime", false)
	if exists(b.file("starts")) {
		t.Error("the program was started")
	}
}

// ended waits until processes of the programs are no more.
func (b *bench) ended(names ...string) {
	b.t.Helper()
	for _, name := range names {
		until(b.t, name+" has ended", func() bool { return !isAlive(b.t, b.file(name)) })
	}
}

func TestWhatAProgramLeavesBehindIsEndedAndHoldsUpNothing(t *testing.T) {
	b := newBench(t, "children")
	defer func() {
		_ = os.WriteFile(b.file("stop"), nil, 0o644)
		b.ended("outofreach", "daemon")
	}()
	if v := b.succeeds().NewVersion; v != "v6" {
		t.Errorf("the version is %q", v)
	}
	b.ended("left")
	if runtime.GOOS == "linux" {
		b.ended("daemon")
	}
	if !isAlive(t, b.file("outofreach")) {
		t.Error("the process without RETRAIN_COMMAND was to go on: nothing was held up")
	}
}

func TestAChildInTheProgramsGroupIsEndedWhateverItsEnvironment(t *testing.T) {
	b := newBench(t, "namelesschild")
	b.succeeds()
	b.ended("nameless")
}

func TestTwoWorkersInOneDirectoryTrainOnce(t *testing.T) {
	b := newBench(t, "ok")
	second, err := New(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		trained *retrain.Trained
		err     error
	}
	answers := make(chan answer)
	reported, hold := make(chan bool), make(chan bool)
	go func() {
		first := true
		trained, err := b.Train(context.Background(), &retrain.Training{Command: b.command, Report: func(retrain.Report) {
			if first {
				first = false
				reported <- true
				<-hold
				_ = os.WriteFile(b.file("reported"), nil, 0o644)
			}
		}})
		answers <- answer{trained, err}
	}()
	<-reported
	go func() {
		trained, err := second.Train(context.Background(), &retrain.Training{Command: b.command, Report: func(retrain.Report) {}})
		answers <- answer{trained, err}
	}()
	until(t, "the second worker waits", func() bool { return bytesContain(b.log, "another worker of this machine has the command") })
	close(hold)
	for range 2 {
		if a := <-answers; a.err != nil || a.trained.NewVersion != "v5.5" {
			t.Errorf("answered %v, %v", a.trained, a.err)
		}
	}
	if n := b.starts(); n != 1 {
		t.Errorf("the program was started %d times", n)
	}
}

func TestAWorkerThatWaitsForAnotherCanEnd(t *testing.T) {
	b := newBench(t, "ok")
	if _, err := b.Begin(b.command); err != nil {
		t.Fatal(err)
	}
	other, err := os.OpenFile(b.file("worker.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if free, err := tryLock(other); !free || err != nil {
		t.Fatal(free, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		until(t, "it waits", func() bool { return bytesContain(b.log, "another worker") })
		cancel()
	}()
	if _, err := b.train(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
