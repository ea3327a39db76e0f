package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

var update = flag.Bool("update", false, "write docs/records.md as the schemas have it")

//go:generate go test -run ^TestTheRecordsDocumentIsWhatTheSchemasSay$ -update .

// docs/records.md is made of the schemas, the wishes of topics, the headers that handlers write, and recordsText, where {{...}} stands for
// what is made.
const (
	recordsDocument = "../../docs/records.md"
	recordsText     = "testdata/records.txt"
)

func TestTheRecordsDocumentIsWhatTheSchemasSay(t *testing.T) {
	text, err := os.ReadFile(recordsText)
	if err != nil {
		t.Fatal(err)
	}
	d := recordsDoc{t: t, nested: map[string]map[string]any{}}
	made := regexp.MustCompile(`(?m)^\{\{(.+)\}\}\n`).ReplaceAllStringFunc(string(text), func(s string) string {
		return d.part(strings.Fields(strings.Trim(s, "{}\n")))
	})
	for _, s := range schemas.Own() {
		if name := strings.TrimPrefix(s.Name(), schemas.Namespace+"."); !strings.Contains(made, "\n## "+name+"\n") {
			t.Errorf("%s has no part for the record %s", recordsText, name)
		}
	}
	if *update {
		if err := os.WriteFile(recordsDocument, []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if stands, err := os.ReadFile(recordsDocument); err != nil || string(stands) != made {
		t.Errorf("docs/records.md is not what the schemas say (%v): `go generate ./cmd/retrainer` writes it", err)
	}
}

// recordsDoc makes the parts of the document.
type recordsDoc struct {
	t      *testing.T
	nested map[string]map[string]any // definitions of records and enums by name
}

func (d *recordsDoc) part(ask []string) string {
	switch ask[0] {
	case "topics":
		return d.topics()
	case "record":
		return d.record(ask[1])
	case "nested":
		return d.named("record")
	case "enums":
		return d.named("enum")
	case "headers":
		return d.headers(ask[1])
	}
	d.t.Errorf("%s asks for %q, which is not made", recordsText, ask)
	return ""
}

// topics is the table of all topics of an app that is called retrain.
func (d *recordsDoc) topics() string {
	c := &configuration{app: "retrain", drift: []string{"monitoring.drift"}, performance: []string{"monitoring.performance"}}
	n := c.names()
	records := n.records()
	records["monitoring.drift"], records["monitoring.performance"] = "DriftEvent", "PerformanceEvent"
	keys := map[string]string{"monitoring.drift": "any (not relied on)", "monitoring.performance": "any (not relied on)", n.ledger(): "none", n.policy(): "revision",
		n.progress(): "command_id (not relied on)", n.requests(): "request_id (not relied on)", n.dlq(): "the record's own"}
	for _, t := range []string{n.commands(), n.decisions(), n.results()} {
		keys[t] = "model"
	}
	keys[n.models()] = "name"
	var b strings.Builder
	b.WriteString("| topic | record | key | partitions | settings |\n|---|---|---|---|---|\n")
	for _, w := range c.wishes(false) {
		if w.like != "" {
			continue // checkpoints have a line of their own
		}
		partitions := strconv.Itoa(int(w.partitions))
		var record string
		switch w.name {
		case n.ledger():
			record = "[Policy](#policy), [Alert](#alert), [Progress](#progress), [Request](#request), [Tick](#tick)"
		case n.dlq():
			record = "[any](#dead-letters)"
		default:
			record = fmt.Sprintf("[%s](#%s)", records[w.name], strings.ToLower(records[w.name]))
		}
		if keys[w.name] == "" {
			d.t.Errorf("nobody says what the key of %s is", w.name)
		}
		if w.theirs {
			partitions = "yours; " + partitions + " where it is made"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", w.name, record, keys[w.name], partitions, settings(w.configs))
	}
	return b.String()
}

// record is one record: what it is, and its fields.
func (d *recordsDoc) record(name string) string {
	text, err := os.ReadFile(filepath.Join("..", "..", "schemas", name+".avsc"))
	if err != nil {
		d.t.Fatal(err)
	}
	var r map[string]any
	if err := json.Unmarshal(text, &r); err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprintf("## %s\n%s ([schema](../schemas/%s.avsc))\n%s", name, r["doc"], name, d.fields(r))
}

// unit is what the sentence of a number says of it.
var unit = regexp.MustCompile(`from 0 to 1|nats|difference|unit|milliseconds|[Nn]umber of|Number |Revision|Partition|Offset|Steps|allowed`)

func (d *recordsDoc) fields(r map[string]any) string {
	fields := r["fields"].([]any)
	if len(fields) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n| field | type | default | what it says |\n|---|---|---|---|\n")
	for _, f := range fields {
		f := f.(map[string]any)
		standard := "needed"
		if v, ok := f["default"]; ok {
			standard = fmt.Sprintf("`%s`", must(json.Marshal(v)))
		}
		if kind := d.typeOf(f["type"]); regexp.MustCompile(`\b(int|double|long( |$))`).MatchString(kind) && !unit.MatchString(f["doc"].(string)) {
			d.t.Errorf("%s.%s: the sentence of a number says its unit, or what it counts: %s", r["name"], f["name"], f["doc"])
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f["name"], d.typeOf(f["type"]), standard, strings.ReplaceAll(f["doc"].(string), "|", `\|`))
	}
	return b.String()
}

// typeOf says a type in words, and keeps the definitions of what has a name.
func (d *recordsDoc) typeOf(v any) string {
	switch v := v.(type) {
	case string:
		if def := d.nested[v]; def != nil {
			return linkTo(v)
		}
		return v
	case []any: // null and one type: schemas has a test
		return d.typeOf(v[1]) + " or null"
	case map[string]any:
		switch v["type"] {
		case "array":
			return "array of " + d.typeOf(v["items"])
		case "map":
			return "map of " + d.typeOf(v["values"])
		case "enum", "record":
			name := v["name"].(string)
			if d.nested[name] == nil {
				d.nested[name] = v
			}
			return linkTo(name)
		}
		if v["logicalType"] == "timestamp-millis" {
			return "time: long, ms since 1970 UTC"
		}
	}
	d.t.Errorf("type %v", v)
	return ""
}

func linkTo(name string) string { return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name)) }

// named are the definitions of enums, or of records in records.
func (d *recordsDoc) named(kind string) string {
	var parts []string
	for done := map[string]bool{}; len(done) < len(d.nested); { // a record may name others
		for _, name := range slices.Sorted(maps.Keys(d.nested)) {
			def := d.nested[name]
			if done[name] {
				continue
			}
			done[name] = true
			part := fmt.Sprintf("### %s\n%s\n", name, def["doc"])
			if def["type"] == "record" {
				part += d.fields(def)
			} else {
				var symbols []string
				for _, s := range def["symbols"].([]any) {
					symbols = append(symbols, fmt.Sprintf("`%s`", s))
				}
				part += "\n" + strings.Join(symbols, ", ") + "\n"
			}
			if def["type"] == kind {
				parts = append(parts, part)
			}
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "\n")
}

// headers are those of a command that a request leads to, or those that deadletter.go names.
func (d *recordsDoc) headers(of string) string {
	var b strings.Builder
	if of == "command" {
		b.WriteString("| header | value of the first command of model `tumours` |\n|---|---|\n")
		for _, h := range d.command().Headers {
			fmt.Fprintf(&b, "| `%s` | `%s` |\n", h.Key, h.Value)
		}
		return b.String()
	}
	said := map[string]string{
		"__streams.errors.exception": "the reason",
		"__streams.errors.message":   "a sentence: what is wrong, and where",
		"__streams.errors.topic":     "topic that it came from",
		"__streams.errors.partition": "its partition there, decimal",
		"__streams.errors.offset":    "its offset there, decimal",
		"retrain.dlq.reason":         "the reason, [one of these](decisions.md#reasons-of-a-dead-letter)",
		"retrain.dlq.stage":          "where it was refused: " + strings.Join([]string{record.StageDecode, record.StageValidate, record.StageFold}, ", "),
		"retrain.dlq.schema-id":      "schema that it was written by, where it names one",
		"retrain.dlq.failed-at":      "clock of the instance, RFC 3339",
		"retrain.dlq.truncated":      "whole size of the value in bytes, where it was cut",
		"retrain.dlq.truncated-key":  "size of the key in bytes, where key and headers were too large and were left out",
	}
	b.WriteString("| header | what it says |\n|---|---|\n")
	keys := deadLetterHeaders(d.t)
	for _, k := range keys {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k, said[k])
	}
	if len(said) != len(keys) || slices.ContainsFunc(keys, func(k string) bool { return said[k] == "" }) {
		d.t.Errorf("a dead letter has the headers %v, and %v are said", keys, slices.Sorted(maps.Keys(said)))
	}
	return b.String()
}

// deadLetterHeaders are the names that consumer/deadletter.go adds, in its order.
func deadLetterHeaders(t *testing.T) (keys []string) {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "consumer", "deadletter.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if lit, ok := n.Values[0].(*ast.BasicLit); ok {
				constants[n.Names[0].Name] = lit.Value
			}
		case *ast.CallExpr:
			if fn, ok := n.Fun.(*ast.Ident); ok && fn.Name == "add" {
				text := ""
				switch key := n.Args[0].(type) {
				case *ast.BasicLit:
					text = key.Value
				case *ast.Ident:
					text = constants[key.Name]
				}
				keys = append(keys, must(strconv.Unquote(text)))
			}
		}
		return true
	})
	return keys
}

// command is what a new ledger gives for a request of a model that shall begin to exist.
func (d *recordsDoc) command() record.Output {
	const ledgerID = "00000000-0000-4000-8000-000000000001"
	h := handlers.NewLedger(handlers.Settings{App: "retrain"})
	policy, soft := must(retrain.BuiltIn("")), retrain.SoftRetrain
	var out []record.Output
	for i, value := range [][]byte{
		must(handlers.PolicyValue(policy, ledgerID, "ada")),
		must(handlers.RequestValue(&retrain.Request{RequestID: "r1", Verb: retrain.Trigger, Model: "tumours", Action: &soft, Create: true, Author: "ada", At: noon})),
	} {
		out = must(h.Fold(&record.Record{Topic: "retrain.ledger", Offset: int64(i), Time: noon, Value: value}, out))
	}
	for _, o := range out {
		if o.Topic == "retrain.commands" {
			return o
		}
	}
	d.t.Fatal("a request that makes a model gives no command")
	return record.Output{}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
