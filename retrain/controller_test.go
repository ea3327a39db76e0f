package retrain

import (
	"reflect"
	"strings"
	"testing"
)

// entryOf reads an entry of the ledger from its JSON.
func entryOf(t *testing.T, schema string, value map[string]any) Entry {
	t.Helper()
	kinds := map[string]Entry{
		"Policy": &PolicyEntry{}, "Alert": &Alert{}, "Progress": &Progress{}, "Request": &Request{}, "Tick": &Tick{},
	}
	e := kinds[strings.TrimPrefix(schema, "io.visutility.")]
	if e == nil {
		t.Fatalf("no entry is a %s", schema)
	}
	if value != nil {
		fill(t, reflect.ValueOf(e).Elem(), value)
	}
	return e
}

// outputOf reads what a step writes from its JSON.
func outputOf(t *testing.T, schema string, value map[string]any) Output {
	t.Helper()
	kinds := map[string]Output{
		"Policy": &PolicyEntry{}, "Decision": &Decision{}, "Command": &Command{}, "Result": &Result{}, "Model": &Model{},
	}
	o := kinds[strings.TrimPrefix(schema, "io.visutility.")]
	if o == nil {
		t.Fatalf("no output is a %s", schema)
	}
	fill(t, reflect.ValueOf(o).Elem(), value)
	return o
}

// unexplained takes the explanation out, which the reference does not write.
func unexplained(o Output) Output {
	switch o := o.(type) {
	case *Decision:
		o.Explanation = ""
	case *Command:
		o.Explanation = ""
	case *Model:
		if o.Versions == nil {
			o.Versions = []Version{}
		}
	}
	return o
}

type stepExpected struct {
	NextDeadline *string `json:"next_deadline"`
	Records      []struct {
		Schema, Key string
		Value       map[string]any
	}
}

func TestLedgersOfTheReferenceFoldTheSame(t *testing.T) {
	examples(t, "controller", func(t *testing.T, x example) {
		var input []tailed
		var expected []stepExpected
		unmarshal(t, x.Input, &input)
		unmarshal(t, x.Expected, &expected)
		c := NewController()
		for i, r := range input {
			out, err := c.Step(millis(t, r.Timestamp), entryOf(t, r.Schema, r.Value), nil)
			if err != nil {
				t.Fatal(err)
			}
			want := expected[i]
			if len(out) != len(want.Records) {
				t.Fatalf("step %d: %d records, expected %d: %s", i, len(out), len(want.Records), shown(out))
			}
			for j, o := range out {
				w := outputOf(t, want.Records[j].Schema, want.Records[j].Value)
				if got := unexplained(o); !reflect.DeepEqual(got, unexplained(w)) {
					t.Errorf("step %d, record %d\n%s\nexpected\n%s", i, j, shown(got), shown(w))
				}
			}
			var deadline int64
			if want.NextDeadline != nil {
				deadline = millis(t, *want.NextDeadline)
			}
			if c.Deadline() != deadline {
				t.Errorf("step %d: next deadline %d, expected %d", i, c.Deadline(), deadline)
			}
		}
	})
}
