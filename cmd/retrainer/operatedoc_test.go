package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/visutility/retrainer/retrain"
)

// sentences are the texts in source: of each, what is constant in it.
type sentences struct {
	all   []string // every literal
	stops []string // sentences that end the process, or a start
	waits []string // sentences that say what is waited for
}

// read looks at the files of a folder of the tree, tests aside.
func (s *sentences) read(t *testing.T, folder string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", folder, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d files, %v", folder, len(names), err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text := literals(n); text != "" {
					s.all = append(s.all, text)
					if strings.HasPrefix(text, "waiting ") {
						s.waits = append(s.waits, text)
					}
				}
			case *ast.CallExpr:
				switch called(n) {
				case "stop": // of the consumer
					s.stops = append(s.stops, literals(n.Args...))
				case "because":
					s.waits = append(s.waits, literals(n.Args...))
				}
			case *ast.CompositeLit:
				if name := typeName(n.Type); name == "SetupError" {
					for _, e := range n.Elts {
						if kv, ok := e.(*ast.KeyValueExpr); ok && fmt.Sprint(kv.Key) == "Message" {
							s.stops = append(s.stops, literals(kv.Value))
						}
					}
				}
			}
			return true
		})
	}
}

func called(n *ast.CallExpr) string { return typeName(n.Fun) }

func typeName(n ast.Expr) string {
	switch n := n.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		return n.Sel.Name
	}
	return ""
}

// literals are the texts in expressions, behind one another.
func literals[T ast.Expr](all ...T) string {
	var text strings.Builder
	for _, x := range all {
		ast.Inspect(x, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text.WriteString(must(strconv.Unquote(lit.Value)))
			}
			return true
		})
	}
	return text.String()
}

var verb = regexp.MustCompile(`%[a-z]`)

// tooLittle is a sentence that says nothing of its own: it goes on with another.
func tooLittle(sentence string) bool {
	return len(regexp.MustCompile(`[^a-z]`).ReplaceAllString(verb.ReplaceAllString(sentence, ""), "")) < 8
}

// Sentences that nobody meets who runs `serve`.
var notOfServe = []string{
	"a queue needs a group", // the worker's
	"waiting for commands",
	"does not take a member",                 // the worker's
	"no brokers given",                       // --brokers is looked at before
	"waiting for a broker at",                // of a command in a terminal
	"makes only topics of the program's own", // goes on from what is missing on the cluster
	"`topics apply` makes what is missing",
	"and nobody was given who finds schemas", // a consumer without Resolve
	"and no topic for dead letters is given", // a consumer without DeadLetters
}

// fragments are what the rows of a part of the document have in backticks in their first cell.
func fragments(t *testing.T, text, part string) (all []string) {
	_, rest, ok := strings.Cut(text, "\n## "+part+"\n")
	if !ok {
		t.Fatalf("there is no part %s", part)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	for line := range strings.Lines(rest) {
		if m := regexp.MustCompile("^\\| `([^`]+)`").FindStringSubmatch(line); m != nil {
			all = append(all, strings.ReplaceAll(m[1], "APP.policy", "%s"))
		}
	}
	return all
}

func TestTheOperatorsDocumentHasEverySentenceOfServe(t *testing.T) {
	text := string(must(os.ReadFile("../../docs/operate.md")))
	var s sentences
	for _, folder := range []string{"consumer", "consumer/wire", "handlers", "retrain", "cmd/retrainer"} {
		s.read(t, folder)
	}
	s.stops = append(s.stops, "is no entry that this build knows", "the policy in the ledger cannot be read by this build", "the checkpoint is damaged", "run the build that wrote it",
		"written by a newer version of this program", "another program wrote to this topic", "which this program does not write")
	for part, sentences := range map[string][]string{"When it ends": s.stops, "What it waits for": s.waits} {
		known := fragments(t, text, part)
		for _, sentence := range sentences {
			holds := func(fragment string) bool { return strings.Contains(sentence, fragment) }
			if !tooLittle(sentence) && !slices.ContainsFunc(known, holds) && !slices.ContainsFunc(notOfServe, holds) {
				t.Errorf("%s: nothing is said of %q", part, sentence)
			}
		}
		for _, fragment := range known {
			if !slices.ContainsFunc(s.all, func(literal string) bool { return strings.Contains(literal, fragment) }) {
				t.Errorf("%s: no sentence of the program has %q", part, fragment)
			}
		}
		if len(known) < 8 {
			t.Errorf("%s: only %d rows are seen", part, len(known))
		}
	}
}

// limits are the constants behind the rows of the table of limits: file, constant, and how it stands there.
var limits = []struct{ row, file, name, text string }{
	{"a `data_ref`", "retrain/size.go", "maxDataRef", "256 KiB"},
	{"a `data_ref`", "retrain/size.go", "maxKeptRef", "4 KiB"},
	{"an id (stream, model, event)", "retrain/event.go", "maxID", "512 bytes"},
	{"evidence of a decision or command", "retrain/size.go", "mostEvidence", "384 KiB"},
	{"alerts shown in a Model", "retrain/size.go", "mostShown", "128 KiB"},
	{"an explanation, an error message", "retrain/size.go", "maxExplanation", "32 KiB"},
	{"an explanation, an error message", "retrain/size.go", "maxErrorText", "32 KiB"},
	{"metrics and parameters of a training", "retrain/size.go", "maxProgress", "256 KiB"},
	{"versions of a model", "retrain/registry.go", "keptVersions", "100"},
	{"versions of a model", "retrain/size.go", "mostVersions", "512 KiB"},
	{"names of models that one alert concerns", "retrain/size.go", "mostConcerned", "512 KiB"},
	{"a source in a checkpoint", "retrain/size.go", "mostSource", "896 KiB"},
	{"a policy file", "cmd/retrainer/yamltokens.go", "maxYAML", "256 KiB"},
	{"a policy with every default", "retrain/size.go", "maxPolicy", "512 KiB"},
	{"space and trials of a command", "retrain/size.go", "maxTrialBytes", "128 KiB"},
	{"the value of a dead letter", "consumer/deadletter.go", "largestDeadLetter", "1,984 KiB"},
	{"the value of a dead letter", "consumer/deadletter.go", "truncatedTo", "64 KiB"},
	{"outputs of a transaction", "consumer/fold.go", "mostOutputs", "2,000"},
	{"outputs of a transaction", "consumer/fold.go", "mostOutputBytes", "4 MiB"},
}

func TestEveryLimitOfTheOperatorsDocumentIsAConstant(t *testing.T) {
	_, table, _ := strings.Cut(string(must(os.ReadFile("../../docs/operate.md"))), "| what | limit | at the limit |\n|---|---|---|\n")
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		rows[strings.TrimPrefix(cells[0], "| ")] = line
	}
	checked := map[string]bool{"an event": true, "an ended command": true}
	if n := newService(&configuration{}).maxEventBytes; !strings.Contains(rows["an event"], "1 MiB") || n != 1<<20 {
		t.Errorf("an event may have %d bytes: %s", n, rows["an event"])
	}
	if text := string(must(os.ReadFile("../../retrain/command.go"))); !strings.Contains(rows["an ended command"], "30 d") || !strings.Contains(text, "const rememberEnded = 30 * day\n") {
		t.Errorf("an ended command is not kept for 30 d: %s", rows["an ended command"])
	}
	for _, l := range limits {
		checked[l.row] = true
		n, _ := constant.Int64Val(constantOf(t, l.file, l.name))
		text := retrain.Thousands(int(n))
		switch {
		case strings.HasSuffix(l.text, " MiB"):
			text = retrain.Thousands(int(n>>20)) + " MiB"
		case strings.HasSuffix(l.text, " KiB"):
			text = retrain.Thousands(int(n>>10)) + " KiB"
		case strings.HasSuffix(l.text, " bytes"):
			text += " bytes"
		}
		if text != l.text || !strings.Contains(rows[l.row], text) {
			t.Errorf("%s of %s is %s: %q", l.name, l.file, text, rows[l.row])
		}
	}
	for row := range rows {
		if !checked[row] {
			t.Errorf("no constant is known for the row %q", row)
		}
	}
}

// constantOf is the value of a constant of a file.
func constantOf(t *testing.T, file, name string) constant.Value {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, filepath.Join("..", "..", file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var value ast.Expr
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && value == nil && spec.Names[0].Name == name && len(spec.Values) == 1 {
			value = spec.Values[0]
		}
		return true
	})
	if value == nil {
		t.Fatalf("%s has no constant %s", file, name)
	}
	tv, err := types.Eval(fset, nil, token.NoPos, types.ExprString(value))
	if err != nil {
		t.Fatal(err)
	}
	return tv.Value
}

// The times and numbers in docs/exactly-once.md are those of the code.
func TestTheNumbersOfExactlyOnceAreThoseOfTheCode(t *testing.T) {
	document := string(must(os.ReadFile("../../docs/exactly-once.md")))
	for _, x := range []struct{ document, file, code string }{
		{"every 30 s or 500,000 records", "consumer/config.go", "setDefault(&c.CheckpointInterval, 30*time.Second)"},
		{"every 30 s or 500,000 records", "consumer/config.go", "setDefault(&c.CheckpointRecords, 500_000)"},
		{"when the offset has moved and 5 s have passed", "consumer/config.go", "setDefault(&c.OffsetInterval, 5*time.Second)"},
		{"be answered, for 3 s at most", "consumer/generation.go", "const drainTimeout = 3 * time.Second"},
		{"makes no progress for 5 s", "consumer/checkpoint.go", "const progressTimeout = 5 * time.Second"},
		{"{format, topic id, offset, checkpoint offset, policy revision, writer}", "consumer/position.go", "positionLength = 1 + 16 + 8 + 8 + 4 + 16"},
		{"`APP.TOPIC.PARTITION`", "consumer/commit.go", `fmt.Sprintf("%s.%s.%d", t.c.cfg.App, t.in.Topic, t.partition)`},
	} {
		if code := string(must(os.ReadFile("../../" + x.file))); !strings.Contains(document, x.document) || !strings.Contains(code, x.code) {
			t.Errorf("the document says %q, and %s %q: one of them has changed", x.document, x.file, x.code)
		}
	}
}

// The commands of the document are run by a script, with the policy that stands there.
func TestTheBackfillOfTheOperatorsDocumentIsRun(t *testing.T) {
	script := string(must(os.ReadFile("testdata/script/backfill.txtar")))
	n := 0
	for _, b := range blocks(t, "docs/operate.md") {
		switch b.Language {
		case "yaml":
			if !strings.Contains(script, "-- backfill.yaml --\n"+b.Text+"--") {
				t.Errorf("no script runs with the policy\n%s", b.Text)
			}
		case "sh":
			for line := range strings.Lines(b.Text) {
				n++
				command, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
				if run := "\nexec " + strings.Replace(strings.TrimPrefix(command, "./"), "127.0.0.1:9281", "$HTTP", 1); !strings.Contains(script, run+"\n") && !strings.Contains(script, run+" &") {
					t.Errorf("no script runs `%s`", command)
				}
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d commands are seen", n)
	}
}
