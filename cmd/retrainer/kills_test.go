package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/cmd/retrainer/embedded"
	"github.com/visutility/retrainer/internal/free"
	"github.com/visutility/retrainer/schemas"
)

// process is the running program.
type process struct {
	cmd  *exec.Cmd
	errs said
}

// said is what a process has written so far.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func startDev(t *testing.T, broker, web, data string, args ...string) *process {
	t.Helper()
	return begin(t, append([]string{"dev", "--listen", broker, "--http", web, "--data", data}, args...)...)
}

// begin starts the program.
func begin(t *testing.T, args ...string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(program, args...)}
	p.cmd.Args[0] = "retrainer" // by this name TestMain runs the program
	p.cmd.Stderr = &p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // of a test that failed; else it is gone
	return p
}

// stop asks the program to end, which it must do well.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.wait(t)
}

// wait waits for its end, which must be good, and come.
func (p *process) wait(t *testing.T) {
	t.Helper()
	limit := time.AfterFunc(3*patience, func() { _ = p.cmd.Process.Kill() })
	defer limit.Stop()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, p.errs.String())
	}
}

// asking is for what is asked again where no answer comes.
var asking = http.Client{Timeout: 10 * time.Second}

func (p *process) ready(t *testing.T, web string) {
	t.Helper()
	err := until(func() error {
		res, err := asking.Get("http://" + web + "/readyz")
		if err == nil {
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				err = fmt.Errorf("not ready: %s", res.Status)
			}
		}
		return err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, p.errs.String())
	}
}

// TestDevKilledAtAnyMomentIsExactlyOnce kills dev again and again while events come, and has the outcome judged from outside.
func TestDevKilledAtAnyMomentIsExactlyOnce(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	broker, web, data := free.Address(t), free.Address(t), t.TempDir()
	const kills, events = 8, 12

	dev := startDev(t, broker, web, data)
	dev.ready(t, web)
	c, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("monitoring.performance"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.AlwaysRetryEOF(), kgo.MetadataMinAge(50*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var sent sync.WaitGroup
	open, decided := 0, 0 // kills that left a transaction open, and decided but without all its markers
	for k := range kills {
		for i := range events {
			sent.Add(1)
			c.Produce(t.Context(), dropOf(t, fmt.Sprintf("model-%d-%d/v1", k, i), int32(i%8)), func(_ *kgo.Record, err error) {
				defer sent.Done()
				if err != nil {
					t.Error(err)
				}
			})
		}
		<-time.After(time.Duration(random.IntN(150)) * time.Millisecond) // the kill's moment is the point of the test
		_ = dev.cmd.Process.Kill()
		_ = dev.cmd.Wait() // killed
		dev = startDev(t, broker, web, data)
		dev.ready(t, web)
		if strings.Contains(dev.errs.String(), `"commit":false,"time"`) {
			open++
		}
		if strings.Contains(dev.errs.String(), `"commit":true,"time"`) {
			decided++
		}
	}
	t.Logf("%d kills: %d in an open transaction, %d between the markers of one", kills, open, decided)
	sent.Wait()
	commands := readCommands(t, broker, kills*events)
	for model, n := range commands {
		if n != 1 {
			t.Errorf("%d commands for %s", n, model)
		}
	}
	if len(commands) != kills*events {
		t.Errorf("commands for %d models of %d", len(commands), kills*events)
	}
	dev.stop(t)
	judge(t, data)
}

// dropOf is an event of a model that has lost quality.
func dropOf(t *testing.T, model string, partition int32) *kgo.Record {
	t.Helper()
	return &kgo.Record{Partition: partition, Value: recordOf(t, "PerformanceEvent",
		fmt.Sprintf(`{"model_id":%q,"mAP_change":-0.12,"timestamp":%d,"event_id":%q}`, model, time.Now().UnixMilli(), model))}
}

// recordOf is a line of JSON as a record of a schema.
func recordOf(t *testing.T, name, line string) []byte {
	t.Helper()
	schema, _ := schemas.ByName(name)
	value, err := schema.FromJSON(schemas.AppendHeader(nil, schema.Fingerprint()), []byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// readCommands counts the committed commands of each model, until there are n and a moment more.
func readCommands(t *testing.T, broker string, n int) map[string]int {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics("retrain.commands"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	commands, found := map[string]int{}, 0
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for found < n && ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			commands[string(r.Key)]++
			found++
		})
	}
	return commands
}

// judge has the judge, which shares no code with the program, fold what is in the data and compare; what it says.
func judge(t *testing.T, data string, args ...string) string {
	t.Helper()
	said, err := judgment(t, data, args...)
	if err != nil {
		t.Errorf("the judge: %v\n%s", err, said)
	}
	return said
}

// judgment is judge for a test to which mismatches are no failure yet.
func judgment(t *testing.T, data string, args ...string) (said string, err error) {
	t.Helper()
	b, err := embedded.Start("127.0.0.1:0", data, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	return judgmentAt(t, b.Address(), args...)
}

// judgeAt judges what is on a running broker; what the judge says of it.
func judgeAt(t *testing.T, broker string, args ...string) string {
	t.Helper()
	said, err := judgmentAt(t, broker, args...)
	if err != nil {
		t.Errorf("the judge: %v\n%s", err, said)
	}
	return said
}

// judgmentAt also has the program verify it.
func judgmentAt(t *testing.T, broker string, args ...string) (said string, err error) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"run", "../../judge", "full", "--brokers", broker, "--schemas", "../../schemas"}, args...)...)
	out, err := cmd.CombinedOutput()
	t.Log(strings.TrimSpace(string(out)))
	begin(t, "verify", "--brokers", broker).wait(t)
	return string(out), err
}
