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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEveryEventOfProducersInPythonAndJavaIsFoldedOnce(test *testing.T) {
	t := tell(test)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a := &app{t: t, dir: t.TempDir()}
	var started *schemaRegistry
	var starting sync.WaitGroup
	starting.Go(func() { started = startRegistry(t, a.dir) })
	a.c = startCluster(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)))
	a.program = build(t, a.dir, "./cmd/retrainer")
	classes, py := java(t), python(t)
	if starting.Wait(); started.confluent == "" {
		t.FailNow()
	}
	confluent, own := started.confluent, started.own
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
	a.areReadByPython(ctx, py)
	a.areReadByAnAvroDeserializer(ctx, py, 2*len(read)*feedStreams)
	t.Setenv("VTY_SCHEMA_REGISTRY", confluent)
	t.Setenv("VTY_REGISTRY_ID", "global")
	a.eachStreamIsCommandedOnce("global", global)
	for _, i := range instances {
		i.stop()
	}
}

// areReadByPython: consumer.py knows the commands in Confluent's framing, and that nobody waits for them any more.
func (a *app) areReadByPython(ctx context.Context, python string) {
	a.t.Helper()
	cmd := exec.CommandContext(ctx, python, "examples/python/consumer.py")
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

// reader prints the topic and the command_id of each record, as a consumer with Confluent's own deserializer reads them.
const reader = `
import os, sys
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
read = AvroDeserializer(SchemaRegistryClient({"url": os.environ["VTY_SCHEMA_REGISTRY"]}))
consumer = Consumer({"bootstrap.servers": os.environ["VTY_BROKERS"], "group.id": "reader", "auto.offset.reset": "earliest", "isolation.level": "read_committed"})
consumer.subscribe(["retrain.commands", "retrain.results"])
left = int(sys.argv[1])
while left > 0:
    message = consumer.poll(1)
    if message and not message.error():
        print(message.topic(), read(message.value(), SerializationContext(message.topic(), MessageField.VALUE))["command_id"])
        left -= 1
`

// areReadByAnAvroDeserializer: commands and results, whose schemas it has from the registry alone. It refuses any other framing.
func (a *app) areReadByAnAvroDeserializer(ctx context.Context, python string, records int) {
	a.t.Helper()
	cmd := exec.CommandContext(ctx, python, "-c", reader, strconv.Itoa(records))
	cmd.Env = append(os.Environ(), "VTY_BROKERS="+a.c.brokers)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		a.t.Errorf("an AvroDeserializer: %v\n%s", err, log.String())
	}
	read := map[string]bool{}
	for _, line := range strings.Fields(strings.ReplaceAll(strings.TrimSpace(string(out)), " ", "=")) {
		read[line] = true
	}
	if len(read) != records {
		a.t.Errorf("an AvroDeserializer read %d commands and results; there are %d", len(read), records)
	}
}
