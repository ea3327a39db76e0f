package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"
)

// strike EVENT: writes a performance event, kills the one program in the background at the moment in which it is written, and
// notes whether no command for it was on disk then.
func strikeCommand(ts *testscript.TestScript, _ bool, args []string) {
	value := event(ts, args[0])
	c := client(ts)
	defer c.Close()
	ts.Check(c.Ping(within(ts)))
	before := written(ts, "retrain.commands")
	victim := ts.BackgroundCmds()[0].Process
	err := c.ProduceSync(within(ts), &kgo.Record{Topic: "monitoring.performance", Value: value}).FirstErr()
	ts.Check(victim.Kill())
	ts.Check(err)
	noteStrike(ts, before)
}

// standsKey is under what a script finds what stands remembered.
type standsKey struct{}

// stands TOPIC: remembers what stands in the topic on disk, and which commands, for fell. It comes before whatever writes there.
func standsCommand(ts *testscript.TestScript, _ bool, args []string) {
	stands := ts.Value(standsKey{}).(map[string][]byte)
	for _, topic := range []string{args[0], "retrain.commands"} {
		stands[topic] = written(ts, topic)
	}
}

// fell TOPIC: kills the first program in the background at the moment in which more stands in the topic on disk than at the last
// stands, and notes whether no command had come of it by then.
func fellCommand(ts *testscript.TestScript, _ bool, args []string) {
	stands := ts.Value(standsKey{}).(map[string][]byte)
	before, ok := stands[args[0]]
	if !ok {
		ts.Fatalf("stands %s is missing before what writes there", args[0])
	}
	ts.Check(untilOften(ts.Value(patienceKey{}).(time.Duration), 200*time.Microsecond, func() error { // the command comes some milliseconds later
		if bytes.Equal(before, written(ts, args[0])) {
			return fmt.Errorf("nothing new is written to %s", args[0])
		}
		return nil
	}))
	ts.Check(ts.BackgroundCmds()[0].Process.Kill())
	noteStrike(ts, stands["retrain.commands"])
	clear(stands)
}

func noteStrike(ts *testscript.TestScript, commands []byte) {
	if bytes.Equal(commands, written(ts, "retrain.commands")) {
		ts.Setenv("STRUCK", ts.Getenv("STRUCK")+"x")
	}
}

// struck: at least one strike came before the command.
func struckCommand(ts *testscript.TestScript, _ bool, _ []string) {
	if n := len(ts.Getenv("STRUCK")); n == 0 {
		ts.Fatalf("no kill came before the command")
	} else {
		ts.Logf("%d kills came before the command", n)
	}
}

// written is what stands in a topic on disk.
func written(ts *testscript.TestScript, topic string) (all []byte) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs("data"), "partitions", topic+"-*", "*.dat"))
	ts.Check(err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		ts.Check(err)
		all = append(all, b...)
	}
	return all
}
