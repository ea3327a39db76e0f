package main

import (
	"bytes"
	"context"
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
	ts.Check(c.Ping(context.Background()))
	before := written(ts, "retrain.commands")
	victim := ts.BackgroundCmds()[0].Process
	err := c.ProduceSync(context.Background(), &kgo.Record{Topic: "monitoring.performance", Value: value}).FirstErr()
	ts.Check(victim.Kill())
	ts.Check(err)
	noteStrike(ts, before)
}

// fell TOPIC: kills the first program in the background at the moment in which something new stands in the topic on disk, and
// notes whether no command had come of it by then.
func fellCommand(ts *testscript.TestScript, _ bool, args []string) {
	commands, before := written(ts, "retrain.commands"), written(ts, args[0])
	ts.Check(untilOften(patience, 200*time.Microsecond, func() error { // the command comes some milliseconds later
		if bytes.Equal(before, written(ts, args[0])) {
			return fmt.Errorf("nothing new is written to %s", args[0])
		}
		return nil
	}))
	ts.Check(ts.BackgroundCmds()[0].Process.Kill())
	noteStrike(ts, commands)
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
