package main

import (
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"
)

// aborted TOPIC VALUE: writes a value in a transaction that is then aborted.
func abortedCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := client(ts, kgo.TransactionalID("somebody"))
	defer c.Close()
	ctx := within(ts)
	ts.Check(c.BeginTransaction())
	ts.Check(c.ProduceSync(ctx, &kgo.Record{Topic: args[0], Value: []byte(args[1])}).FirstErr())
	ts.Check(c.EndTransaction(ctx, kgo.TryAbort))
}
