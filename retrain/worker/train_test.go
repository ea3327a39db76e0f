//go:build linux || darwin

package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/visutility/retrainer/retrain"
)

// The test binary is the training program as well ("program MODE"), and a worker that can be killed ("worker ...").
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "program":
			programs[os.Args[2]]()
			os.Exit(0)
		case "worker":
			runWorker(os.Args[2:])
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(m)
}

const someID = "7f0c2f6e-9d0c-5c3f-8a53-2f7f1f0f3a11"

func someCommand() *retrain.Command {
	return &retrain.Command{
		CommandID: someID, Kind: retrain.KindTrain, Claim: retrain.ClaimNone, Action: retrain.SoftRetrain, Model: "detector", MaxRuntimeMs: 600_000,
		Trials: []retrain.Trial{{Number: 0, Values: map[string]string{"lr": "1e-05", "batch": "16", "augment": "true"}}},
	}
}

// bench is a Program over the test binary, with what it said.
type bench struct {
	*Program
	t       *testing.T
	dir     string
	command *retrain.Command
	log     *logs
	reports []retrain.Report
}

// logs may be written to by several goroutines.
type logs struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func self(t testing.TB, args ...string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	words := []string{quoted(exe)}
	for _, a := range args {
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ")
}

func encode(c *retrain.Command) ([]byte, error) {
	return json.Marshal(map[string]any{"command_id": c.CommandID, "model": c.Model})
}

func newBench(t *testing.T, mode string, with ...func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), command: someCommand(), log: new(logs)}
	cfg := Config{
		Exec: self(t, "program", mode), Dir: b.dir, Encode: encode, Grace: 10 * time.Second, ReportEvery: time.Nanosecond,
		Log: zerolog.New(b.log),
	}
	for _, f := range with {
		f(&cfg)
	}
	var err error
	if b.Program, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) train(ctx context.Context) (*retrain.Trained, error) {
	b.t.Helper()
	trained, err := b.Train(ctx, &retrain.Training{Command: b.command, Report: func(r retrain.Report) {
		b.reports = append(b.reports, r)
		_ = os.WriteFile(b.file("reported"), nil, 0o644)
	}})
	if b.t.Failed() {
		return trained, err
	}
	recorded, recordedErr, ok := b.Finished(someID)
	var failed *retrain.TrainingError
	if wrote := err == nil || errors.As(err, &failed); wrote != ok {
		b.t.Errorf("trained %v, %v; is there a result.json: %v", trained, err, ok)
	}
	if ok && (fmt.Sprint(recordedErr) != fmt.Sprint(err) || fmt.Sprint(recorded) != fmt.Sprint(trained)) {
		b.t.Errorf("recorded is %v, %v; answered was %v, %v", recorded, recordedErr, trained, err)
	}
	return trained, err
}

// succeeds trains, and it must be a success.
func (b *bench) succeeds() *retrain.Trained {
	b.t.Helper()
	trained, err := b.train(b.t.Context())
	if err != nil {
		b.t.Fatalf("failed: %v\n%s", err, b.log)
	}
	return trained
}

// fails trains, and it must be a failure that is recorded.
func (b *bench) fails(code string, retryable bool, words ...string) {
	b.t.Helper()
	_, err := b.train(b.t.Context())
	var failed *retrain.TrainingError
	if !errors.As(err, &failed) {
		b.t.Fatalf("ended with %v, not with a failure of the training\n%s", err, b.log)
	}
	if failed.Code != code || failed.Retryable != retryable {
		b.t.Errorf("code %q, retryable %v; want %q, %v (%s)", failed.Code, failed.Retryable, code, retryable, failed.Message)
	}
	contains(b.t, failed.Message, words...)
}

func contains(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%.2000q does not hold %q", text, w)
		}
	}
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, someID, name) }

func (b *bench) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(b.file(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// starts is how often a program was started in the command's directory: each writes a line there.
func (b *bench) starts() int { return strings.Count(b.read("starts"), "\n") }

func until(t testing.TB, what string, true_ func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !true_(); pauseTest() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func pauseTest() { <-time.After(5 * time.Millisecond) }

func TestATrainingIsRunInADirectoryOfItsOwnAndItsLastLineIsTheResult(t *testing.T) {
	b := newBench(t, "ok")
	trained := b.succeeds()
	want := `&{v5.5 map[auc:0.93] map[augment:true batch:16 lr:1e-05]}`
	if got := fmt.Sprint(trained); got != want {
		t.Errorf("trained is %s, want %s", got, want)
	}
	if got := b.read("seen"); got != `{"command_id":"`+someID+`","model":"detector"}`+"\n" {
		t.Errorf("standard input and $RETRAIN_COMMAND gave the program %q", got)
	}
	contains(t, b.log.String(), "loading the data", "a warning of some library")
	contains(t, b.read("stdout.log"), "loading the data", "new_version")
	contains(t, b.read("stderr.log"), "a warning of some library")
	if !slices.ContainsFunc(b.reports, func(r retrain.Report) bool {
		return r.Step != nil && *r.Step == 1 && *r.Total == 3 && r.Metrics["loss"] == 0.5
	}) {
		t.Errorf("the first step was not among the reports: %v", b.reports)
	}
	if again := b.succeeds(); fmt.Sprint(again) != want || b.starts() != 1 {
		t.Errorf("the second time: %v; the program was started %d times", again, b.starts())
	}
	if _, ok := b.Begun(someID); !ok {
		t.Error("the command is not known to have begun")
	}
}

func bytesContain(l *logs, word string) bool { return strings.Contains(l.String(), word) }
