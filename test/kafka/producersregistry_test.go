//go:build kafka

package kafka

import (
	"bufio"
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEveryEventOfProducersInPythonAndJavaIsFoldedOnce(test *testing.T) {
	t := tell(test)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	a := &app{t: t, dir: t.TempDir()}
	var confluent, own string
	var starting sync.WaitGroup
	starting.Go(func() { confluent, own = startRegistry(t, a.dir) })
	a.c = startCluster(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)))
	a.program = build(t, a.dir, "./cmd/retrainer")
	classes, py := java(t), python(t)
	if starting.Wait(); confluent == "" {
		t.FailNow()
	}
	registry := withGUIDs(t, confluent)
	schema, err := filepath.Abs(filepath.Join(top, "examples/python/drift_check.avsc"))
	if err != nil {
		t.Fatal(err)
	}
	script := func(args ...string) []string { return append([]string{"examples/python/produce.py", "TOPIC"}, args...) }
	read := []*feeding{
		{name: "single", events: 100_000, program: "java", args: classes("Events", "TOPIC", "snappy")},
		{name: "prefix", events: 100_000, program: py, args: script("--registry", registry, "--compression", "zstd")},
		{name: "header", events: 100_000, program: py, args: script("--registry", registry, "--framing", "header", "--compression", "gzip")},
		{name: "content", events: 10_000, program: "java", args: classes("Events", "TOPIC", "none"), env: []string{"APICURIO_URL=" + own}},
	}
	bare := []*feeding{{name: "bare", events: 100_000, program: py, args: script("--framing", "bare", "--compression", "lz4")}}
	// The same schema under a second subject: its contentId is the same, its globalId another one.
	global := []*feeding{{name: "global", events: 1000, program: "java", args: classes("Events", "TOPIC", "none"), env: []string{"APICURIO_URL=" + own, "APICURIO_USE_ID=globalId"}}}

	instances := []*instance{
		a.serve("retrain", read, "--schema-registry", registry),
		a.serve("bare", bare, "--performance-topic", "", "--events-wire", "bare:"+schema),
		a.serve("global", global, "--schema-registry", confluent, "--registry-id", "global"),
	}
	a.write(read, bare, global)
	a.eachStreamIsCommandedOnce("bare", bare)
	a.areReadByJava(ctx, "bare", classes, feedStreams)
	t.Setenv("VTY_SCHEMA_REGISTRY", registry)
	a.eachStreamIsCommandedOnce("retrain", read)
	a.areReadByJava(ctx, "retrain", classes, len(read)*feedStreams, "APICURIO_URL="+own)
	a.areReadByPython(py)
	t.Setenv("VTY_SCHEMA_REGISTRY", confluent)
	t.Setenv("VTY_REGISTRY_ID", "global")
	a.eachStreamIsCommandedOnce("global", global)
	for _, i := range instances {
		i.stop()
	}
}

// areReadByPython: consumer.py knows the commands in Confluent's framing, and that nobody waits for them any more.
func (a *app) areReadByPython(python string) {
	a.t.Helper()
	cmd := exec.Command(python, "examples/python/consumer.py")
	cmd.Dir, cmd.Env = top, append(os.Environ(), "VTY_BROKERS="+a.c.brokers)
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		a.t.Fatal(err)
	}
	var log bytes.Buffer
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(log.String(), "left alone: it had to be started before") {
		log.WriteString(lines.Text() + "\n")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // killed
	if !strings.Contains(log.String(), "left alone: it had to be started before") {
		a.t.Errorf("consumer.py said only\n%s", log.String())
	}
}
