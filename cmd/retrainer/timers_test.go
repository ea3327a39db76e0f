package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/internal/free"
)

// shortTimers are no multiples of the half second for which a broker may hold an empty fetch: who woke only then would be late.
const shortTimers = "defaults: {cooldown: 1100ms, train: {start_by: 1100ms}}\n"

// timerRounds is how often it may be tried: the package's other tests keep the machine busy at the same time. A program that wakes too
// seldom, or by a clock of its own, is late in every round.
const timerRounds = 3

// TestTimersFireAtTheirLedgerTime lets commands expire that nobody takes up, and cool-downs end, on a broker that has nothing
// else to do. The judge compares the ledger's own append times with what was due when: no clock of the test is asked.
func TestTimersFireAtTheirLedgerTime(t *testing.T) {
	t.Parallel()
	for round := range timerRounds {
		data := timersFire(t)
		said, err := judgment(t, data, "--timers", "250ms")
		if err == nil {
			return
		}
		if !strings.Contains(said, "timers fired more than 250ms") || round == timerRounds-1 {
			t.Fatalf("the judge: %v\n%s", err, said)
		}
		t.Logf("round %d: %s", round+1, said)
	}
}

// timersFire runs dev until its timers have fired, and gives its data.
func timersFire(t *testing.T) (data string) {
	t.Helper()
	broker, web, data := free.Address(t), free.Address(t), t.TempDir()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(shortTimers), 0o644); err != nil {
		t.Fatal(err)
	}
	dev := startDev(t, broker, web, data, "--policy", policy)
	dev.ready(t, web)
	c, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("monitoring.performance"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	models := []string{"a/v1", "b/v1", "c/v1", "d/v1"}
	for n, model := range models {
		if err := c.ProduceSync(t.Context(), dropOf(t, model, int32(n))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		readCommands(t, broker, n+1) // each has moments of its own
	}
	each := 3 // expired and cooled down twice, a command follows
	if got := readCommands(t, broker, each*len(models)); len(got) != len(models) {
		t.Errorf("commands %v", got)
	}
	dev.stop(t)
	return data
}
