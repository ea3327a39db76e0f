package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// pending FILE: appends the policy of a file to the ledger, as another process would that nobody has seen yet.
func pendingCommand(ts *testscript.TestScript, _ bool, args []string) {
	p, err := readPolicy(ts.MkAbs(args[0]), "")
	ts.Check(err)
	value, err := handlers.PolicyValue(p, "5f2c1f0e-7d3a-4a1f-9d57-3b0d9a3c2b11", "eve")
	ts.Check(err)
	c := client(ts)
	defer c.Close()
	ts.Check(c.ProduceSync(within(ts), &kgo.Record{Topic: "retrain.ledger", Value: value}).FirstErr())
}

func TestThePolicyIsPrintedByteForByte(t *testing.T) {
	f, err := parseYAML("f", []byte(`bind: [{stream: "<&>\u2028é", models: [a]}]`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.policy("")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := f.printJSON(&out, p, f.doubts(p)); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Policy json.RawMessage
		SHA256 string
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(line.Policy); hex.EncodeToString(sum[:]) != line.SHA256 || !bytes.Equal(line.Policy, p.Canonical()) {
		t.Errorf("%s\nis not\n%s\nor has not the hash %s", line.Policy, p.Canonical(), line.SHA256)
	}
	if again, err := retrain.ReadPolicy(line.Policy); err != nil || again.Revision != 1 {
		t.Errorf("it is not read back: %v", err)
	}
}
