package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The examples are the rules' own: inputs, and what must come of them, folded by a reference that is neither the product nor
// this program. They lie with the product's tests; only data is shared.
const examples = "../retrain/testdata"

type example struct {
	Name, Part, Kind string
	Policy           json.RawMessage
	Input, Expected  json.RawMessage
}

// line is a record as `tail` prints it.
type line struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp time.Time
	Schema    string
	Key       string
	Reason    string
	Value     map[string]any
}

func eachExample(t *testing.T, part string, f func(t *testing.T, x example)) {
	t.Helper()
	ran := 0
	for _, pattern := range []string{"rules/*.json", "histories/*.json.gz"} {
		files, err := filepath.Glob(filepath.Join(examples, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no examples in %s: %v", pattern, err)
		}
		for _, file := range files {
			text := readFile(t, file)
			if strings.HasSuffix(file, ".gz") {
				z, err := gzip.NewReader(bytes.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if text, err = io.ReadAll(z); err != nil {
					t.Fatal(err)
				}
			}
			var x example
			parseJSON(t, text, &x)
			if x.Part == part {
				ran++
				t.Run(x.Name, func(t *testing.T) { f(t, x) })
			}
		}
	}
	if ran == 0 {
		t.Fatalf("no example of %s", part)
	}
	t.Logf("%d examples", ran)
}

func kindOf(schema string) string { return strings.TrimPrefix(schema, "io.visutility.") }

func TestControllerFoldsAsTheRulesSay(t *testing.T) {
	_, names := own(t)
	eachExample(t, "controller", func(t *testing.T, x example) {
		var steps []struct{ Records []line }
		parseJSON(t, x.Expected, &steps)
		var got []folded
		c := newController(func(kind, key string, v map[string]any) { got = append(got, folded{at: kind, key: key, value: v}) })
		for i, in := range x.lines(t) {
			got = nil
			kind := kindOf(in.Schema)
			v := names[kind].fromJSON(in.Value).(map[string]any)
			v[""] = kind
			if err := c.step(in.Timestamp.UnixMilli(), v); err != nil {
				t.Fatal(err)
			}
			compareStep(t, i, got, steps[i].Records, names)
		}
	})
}

// compareStep wants the same records for each kind and key; between keys there is no order.
func compareStep(t *testing.T, step int, got []folded, want []line, names map[string]*schema) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("step %d: %d records; want %d", step, len(got), len(want))
		return
	}
	pools := map[string][]map[string]any{}
	for _, g := range got {
		id := g.at + " " + g.key
		pools[id] = append(pools[id], g.value)
	}
	for _, w := range want {
		kind := kindOf(w.Schema)
		id := kind + " " + w.Key
		if len(pools[id]) == 0 {
			t.Errorf("step %d: no %s", step, id)
			continue
		}
		g := pools[id][0]
		pools[id] = pools[id][1:]
		v := names[kind].fromJSON(w.Value).(map[string]any)
		if _, ok := v["explanation"]; ok {
			v["explanation"] = "not compared"
		}
		if d := difference("", body(g), v); d != "" {
			t.Errorf("step %d: %s: %s (mine first is what must be)", step, id, d)
		}
	}
}

func TestPartitionFoldsAsTheRulesSay(t *testing.T) {
	s, names := own(t)
	eachExample(t, "events", func(t *testing.T, x example) {
		kind := map[string]string{"performance": "PerformanceEvent", "drift": "DriftEvent"}[x.Kind]
		var want struct {
			Alerts   []map[string]any
			Outcomes [][]any
		}
		parseJSON(t, x.Expected, &want)
		part := newPartition(kind, x.turns(t), s, 1<<20)
		dead := map[string]string{}
		for _, in := range x.lines(t) {
			if kindOf(in.Schema) == "Policy" {
				continue
			}
			rec := &kgo.Record{Topic: in.Topic, Partition: in.Partition, Offset: in.Offset, Timestamp: in.Timestamp}
			e, reason := map[string]any(nil), in.Reason // what only bytes show is given
			if in.Value == nil && reason == "" {
				reason = "tombstone"
			}
			if reason == "" {
				e = names[kind].fromJSON(in.Value).(map[string]any)
				for name, v := range in.Value { // examples also have fields of the other kind of events
					if e[name] == nil {
						e[name] = v
					}
				}
				reason = unusable(e)
			}
			part.take(rec, e, reason)
			if reason != "" {
				dead[place(in.Topic, in.Partition, in.Offset)] = reason
			}
		}
		part.switchUpTo(math.MaxInt64)
		if len(part.alerts) != len(want.Alerts) {
			t.Fatalf("%d alerts; want %d", len(part.alerts), len(want.Alerts))
		}
		for i, a := range part.alerts {
			if d := difference("", a, names["Alert"].fromJSON(want.Alerts[i])); d != "" {
				t.Errorf("alert %d: %s (mine first is what must be)", i, d)
			}
		}
		for _, o := range want.Outcomes {
			reason, is := strings.CutPrefix(fmt.Sprint(o[3]), "dead_letter ")
			at := place(fmt.Sprint(o[0]), int32(o[1].(float64)), int64(o[2].(float64)))
			if got := dead[at]; is != (got != "") || is && got != reason {
				t.Errorf("%s: dead letter %q; want %v", at, got, o[3])
			}
		}
	})
}

// turns are the policies of an example: at first its own, then those that stand among its records, each from the next record on.
func (x example) turns(t *testing.T) []turn {
	read := func(text []byte) *policy {
		p, err := readPolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	turns, next := []turn{{policy: read(canonicalJSON(t, x.Policy))}}, int64(0)
	for _, in := range x.lines(t) {
		if kindOf(in.Schema) != "Policy" {
			next = in.Offset + 1
			continue
		}
		text, err := base64.StdEncoding.DecodeString(in.Value["policy"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if int64(in.Value["revision"].(float64)) > turns[len(turns)-1].policy.Revision {
			turns = append(turns, turn{next, read(text)})
		}
	}
	return turns
}

func (x example) lines(t *testing.T) (lines []line) {
	t.Helper()
	parseJSON(t, x.Input, &lines)
	return lines
}

func parseJSON(t *testing.T, text []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

// canonicalJSON puts the names in order, as they stand in the ledger; the numbers of these policies are written alike anyway.
func canonicalJSON(t *testing.T, text []byte) []byte {
	t.Helper()
	var v any
	parseJSON(t, text, &v)
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
