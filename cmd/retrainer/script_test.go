package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/internal/free"
	"github.com/visutility/retrainer/schemas"
)

func TestMain(m *testing.M) {
	// Most tests wait for deadlines and other processes; -parallel says otherwise.
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	if d, err := time.ParseDuration(os.Getenv("ANSWER_TIMEOUT")); err == nil { // of the program that a script runs
		answerTimeout = d
	}
	testscript.Main(m, map[string]func(){"retrainer": main})
}

// TestScripts runs the program as people do. Each script has a free address for a broker and one for HTTP in $BROKER and $HTTP, in
// $SCHEMAS where our schemas stand, and in $PATIENCE how long it waits for what must come.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts(t, filepath.Join("testdata", "script")))
}

// scripts are how the scripts of a directory are run.
func scripts(t *testing.T, dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			broker, web := free.Address(t), free.Address(t)
			e.Setenv("BROKER", broker)
			e.Setenv("HTTP", web)
			e.Setenv("VTY_BROKERS", broker)
			e.Values[registryKey{}], e.Values[standsKey{}] = new(*scriptRegistry), map[string][]byte{}
			patient(e, patience)
			e.Setenv("USER", "ada")
			schemas, err := filepath.Abs(filepath.Join("..", "..", "schemas"))
			e.Setenv("SCHEMAS", schemas)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"http": httpCommand, "now": nowCommand, "write": writeCommand, "lines": linesCommand, "field": fieldCommand,
			"take": takeCommand, "raw": rawCommand, "strike": strikeCommand, "stands": standsCommand, "fell": fellCommand, "struck": struckCommand, "fake": fakeCommand, "code": codeCommand, "truncated": truncatedCommand, "alter": alterCommand, "soon": soonCommand, "forge": forgeCommand, "expire": expireCommand, "pending": pendingCommand, "interrupted": interruptedCommand, "greet": greetCommand, "aborted": abortedCommand, "secured": securedCommand, "rotated": rotatedCommand,
			"documented": documentedCommand, "registry": registryCommand, "shows": showsCommand, "framed": framedCommand,
		},
		RequireUniqueNames: true,
	}
}

const patience = time.Minute

// until repeats do until it says nothing, or for so long that what it says last is the truth.
func until(do func() error) error { return untilOften(patience, 20*time.Millisecond, do) }

// untilOften is until with its own patience, and pause between two tries.
func untilOften(patience, every time.Duration, do func() error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		err := do()
		if err == nil || time.Since(began) > patience {
			return err
		}
	}
}

// patienceKey is under what a script's commands find how long they wait.
type patienceKey struct{}

// patient says how long a script and its commands wait.
func patient(e *testscript.Env, d time.Duration) {
	e.Values[patienceKey{}] = d
	e.Setenv("PATIENCE", d.String())
	e.Setenv("ANSWER_TIMEOUT", d.String())
}

// waitUntil is until with the patience of a script, which ends where it runs out.
func waitUntil(ts *testscript.TestScript, do func() error) {
	ts.Check(untilOften(ts.Value(patienceKey{}).(time.Duration), 20*time.Millisecond, do))
}

// within is for what a script's command asks of a broker, which may be gone for good: it ends where waitUntil would.
func within(ts *testscript.TestScript) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), ts.Value(patienceKey{}).(time.Duration))
	ts.Defer(cancel)
	return ctx
}

// http URL STATUS [PATTERN]: waits until the URL answers so.
func httpCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: http URL STATUS [PATTERN]")
	}
	client := http.Client{Timeout: ts.Value(patienceKey{}).(time.Duration)}
	waitUntil(ts, func() error {
		res, err := client.Get(args[0])
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		if strconv.Itoa(res.StatusCode) != args[1] || len(args) > 2 && !regexp.MustCompile(args[2]).Match(body) {
			return fmt.Errorf("%s answers %d: %s", args[0], res.StatusCode, body)
		}
		return nil
	})
}

// shows FILE PATTERN: waits until a file that something writes shows a line of the pattern.
func showsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: shows FILE PATTERN")
	}
	pattern := regexp.MustCompile(args[1])
	waitUntil(ts, func() error {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && !pattern.Match(text) {
			err = fmt.Errorf("%s shows no %s:\n%s", args[0], args[1], text)
		}
		return err
	})
}

// now NAME [OFFSET]: sets a variable to the time, or to one that lies so far from it.
func nowCommand(ts *testscript.TestScript, _ bool, args []string) {
	at := time.Now()
	if len(args) > 1 {
		d, err := time.ParseDuration(args[1])
		ts.Check(err)
		at = at.Add(d)
	}
	ts.Setenv(args[0], at.UTC().Format(timeLayout))
}

// write FILE LINE...: makes a file of lines, in which variables stand for their values.
func writeCommand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(args[1:], "\n")+"\n"), 0o644))
}

// lines FILE N: a file (or stdout) has so many lines.
func linesCommand(ts *testscript.TestScript, _ bool, args []string) {
	if n := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d lines, not %s", args[0], n, args[1])
	}
}

// field FILE LINE PATH VALUE: the JSON object in that line of a file (or stdout) has this value there, as JSON or as text.
func fieldCommand(ts *testscript.TestScript, neg bool, args []string) {
	if got := fieldOf(ts, args[0], args[1], args[2]); (got == args[3]) == neg {
		ts.Fatalf("line %s of %s: %s is %s", args[1], args[0], args[2], got)
	}
}

// take FILE LINE PATH NAME: sets a variable to the value that the JSON object has there.
func takeCommand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[3], fieldOf(ts, args[0], args[1], args[2]))
}

// fieldOf is a value in the JSON object in a line of a file; steps of the path are keys or indexes, behind one another by dots.
func fieldOf(ts *testscript.TestScript, file, line, path string) string {
	all := strings.Split(strings.TrimSuffix(ts.ReadFile(file), "\n"), "\n")
	n, err := strconv.Atoi(line)
	ts.Check(err)
	if n > len(all) {
		ts.Fatalf("%s has %d lines", file, len(all))
	}
	var v any
	ts.Check(json.Unmarshal([]byte(all[n-1]), &v))
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			i, err := strconv.Atoi(step)
			if v = nil; err == nil && i < len(x) {
				v = x[i]
			}
		default:
			v = nil
		}
	}
	if text, ok := v.(string); ok {
		return text
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	return string(b)
}

func client(ts *testscript.TestScript, opts ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(ts.Getenv("BROKER")), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	ts.Check(err)
	return c
}

// raw TOPIC VALUE...: writes values to partition 0 as they are; "null" is none, base64:... is decoded.
func rawCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := client(ts)
	defer c.Close()
	for _, v := range args[1:] {
		r := &kgo.Record{Topic: args[0], Value: []byte(v)}
		if v == "null" {
			r.Value = nil
		}
		if text, ok := strings.CutPrefix(v, "base64:"); ok {
			b, err := base64.StdEncoding.DecodeString(text)
			ts.Check(err)
			r.Value = b
		}
		ts.Check(c.ProduceSync(within(ts), r).FirstErr())
	}
}

// code STATUS PROGRAM ARG...: the program ends with this exit status, not just with some other than 0. What it prints can be
// looked at as after exec.
func codeCommand(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, not %s\n%s", got, args[0], ts.ReadFile("stderr"))
	}
}

// truncated TOPIC EVENT: writes a performance event without its last byte.
func truncatedCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := client(ts)
	defer c.Close()
	value := event(ts, args[1])
	ts.Check(c.ProduceSync(within(ts), &kgo.Record{Topic: args[0], Value: value[:len(value)-1]}).FirstErr())
}

// event is a performance event in Avro.
func event(ts *testscript.TestScript, object string) []byte {
	schema, _ := schemas.ByName("PerformanceEvent")
	value, err := schema.FromJSON(schemas.AppendHeader(nil, schema.Fingerprint()), []byte(object))
	ts.Check(err)
	return value
}

// fake [denied]: starts a broker without topics at $BROKER, which ends with the script. On one that denies nobody has any right.
func fakeCommand(ts *testscript.TestScript, _ bool, args []string) {
	_, port, err := net.SplitHostPort(ts.Getenv("BROKER"))
	ts.Check(err)
	n, err := strconv.Atoi(port)
	ts.Check(err)
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(n)}
	if len(args) > 0 {
		opts = append(opts, kfake.EnableACLs())
	}
	k, err := kfake.NewCluster(opts...)
	ts.Check(err)
	ts.Defer(k.Close)
}

// alter TOPIC KEY VALUE: sets a topic's config.
func alterCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := client(ts)
	defer c.Close()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, args[0]
	x := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	x.Name, x.Value = args[1], &args[2]
	r.Configs = append(r.Configs, x)
	req.Resources = append(req.Resources, r)
	_, err := req.RequestWith(within(ts), c)
	ts.Check(err)
}
