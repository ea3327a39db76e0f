package walls

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	fileLines     = 400
	functionLines = 60
)

func tooLong(name string, text []byte) (found []string) {
	if n := bytes.Count(text, []byte("\n")); n > fileLines {
		found = append(found, fmt.Sprintf("%s has %d lines; a file has at most %d", name, n, fileLines))
	}
	if strings.HasSuffix(name, "_test.go") {
		return found
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return append(found, err.Error())
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		if n := fset.Position(fn.Body.Rbrace).Line - fset.Position(fn.Body.Lbrace).Line - 1; n > functionLines {
			found = append(found, fmt.Sprintf("%s: %s has %d lines; a function has at most %d", fset.Position(fn.Pos()), fn.Name.Name, n, functionLines))
		}
	}
	return found
}

// Names that say nothing of what is behind them.
var emptyNames = []string{"util", "utils", "helper", "helpers", "common", "manager", "base", "misc"}

func emptyName(name string) (found []string) {
	for _, part := range strings.Split(strings.TrimSuffix(name, ".go"), "/") {
		if slices.Contains(emptyNames, strings.TrimSuffix(part, "_test")) {
			found = append(found, fmt.Sprintf("%s: %q says nothing; name what it is about", name, part))
		}
	}
	return found
}

// Words that are not used here, put together so that this file does not hold them.
var (
	notOurs = regexp.MustCompile(`(?i)\b(` + strings.Join([]string{
		"gene" + "sis", "re-?" + "fold(s|ed|ing)?", "wit" + "ness(es)?", "ru" + "ngs?", "raise" + "_?id",
	}, "|") + `)\b`)
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|(?i:not imple` + `mented|unimple` + `mented|for n` + `ow|place` + `holder))\b`)
	somebodys  = regexp.MustCompile(`(^|[\s"'=(])/(root|home|work)/[a-z]`)
	skips      = regexp.MustCompile(`\bt` + `\.Skip(Now|f)?\(|\btesting` + `\.Short\(`)
	sleeps     = regexp.MustCompile(`\btime` + `\.Sleep\(`)
)

// words finds what must not stand in a file. virtual: the tests of its folder run in virtual time, where a sleep takes none.
func words(name string, text []byte, virtual bool) (found []string) {
	rules := []struct {
		re   *regexp.Regexp
		why  string
		asks bool
	}{
		{notOurs, "is not a word of this project", true},
		{unfinished, "marks something unfinished", true},
		{somebodys, "is a path of one machine", true},
		{skips, "lets a test not run", strings.HasSuffix(name, "_test.go")},
		{sleeps, "sleeps in real time: use testing/synctest, or wait for the condition", strings.HasSuffix(name, "_test.go") && !virtual},
	}
	for i, line := range strings.Split(string(text), "\n") {
		for _, r := range rules {
			if m := r.re.FindString(line); r.asks && m != "" {
				found = append(found, fmt.Sprintf("%s:%d: %q %s", name, i+1, strings.TrimSpace(m), r.why))
			}
		}
	}
	return found
}

// Texts that others wrote, kept as they are.
func foreign(name string) bool {
	return name == "LICENSE" || name == "go.sum" || strings.HasPrefix(name, "examples/events/reports/") || strings.Contains(name, "/testdata/")
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	n := 0
	files(t, func(name string, text []byte) {
		if path.Ext(name) == ".go" {
			n++
			report(t, tooLong(name, text))
			report(t, emptyName(name))
		}
	})
	if n < 10 {
		t.Errorf("only %d Go files seen", n)
	}
}

func TestNoWordsThatAreNotOurs(t *testing.T) {
	virtual := map[string]bool{}
	files(t, func(name string, text []byte) {
		if strings.HasSuffix(name, "_test.go") && (bytes.Contains(text, []byte(`"testing/synctest"`)) || bytes.Contains(text, []byte(`/internal/sim"`))) {
			virtual[path.Dir(name)] = true
		}
	})
	files(t, func(name string, text []byte) {
		if !foreign(name) {
			report(t, words(name, text, virtual[path.Dir(name)]))
		}
	})
}

func TestLimitsCanFail(t *testing.T) {
	body := func(n int) string { return "package p\n\nfunc f() {\n" + strings.Repeat("\t_ = 0\n", n) + "}\n" }
	for _, c := range []struct{ name, file, src, want string }{
		{"a function of 60 lines", "p/a.go", body(60), ""},
		{"a function of 61 lines", "p/a.go", body(61), "f has 61 lines"},
		{"a long test", "p/a_test.go", body(200), ""},
		{"a file of 400 lines", "p/a.go", "package p\n" + strings.Repeat("\n", 399), ""},
		{"a file of 401 lines", "p/a.go", "package p\n" + strings.Repeat("\n", 400), "has 401 lines"},
		{"a long file of tests", "p/a_test.go", "package p\n" + strings.Repeat("\n", 400), "has 401 lines"},
	} {
		t.Run(c.name, func(t *testing.T) { finds(t, tooLong(c.file, []byte(c.src)), c.want) })
	}
	for name, want := range map[string]string{"consumer/task.go": "", "consumer/util.go": `"util"`, "common/task.go": `"common"`, "helpers_test.go": `"helpers_test"`} {
		t.Run(name, func(t *testing.T) { finds(t, emptyName(name), want) })
	}
	for _, c := range []struct{ name, file, line, want string }{
		{"prose", "README.md", "a record is folded once, wrung out of nothing", ""},
		{"a word", "README.md", "the " + "Gene" + "sis entry", "not a word"},
		{"a word with an ending", "a.go", "// it is re-" + "folded", "not a word"},
		{"unfinished", "a.go", "// TO" + "DO: later", "unfinished"},
		{"a path", "run.sh", "cd /ho" + "me/me/x", "path of one machine"},
		{"a path in a URL", "README.md", "see example.org/home/x", ""},
		{"a skip", "a_test.go", "\tt" + ".Skip(1)", "not run"},
		{"a sleep", "a_test.go", "\ttime" + ".Sleep(1)", "real time"},
		{"a sleep in the program", "a.go", "\ttime" + ".Sleep(1)", ""},
	} {
		t.Run(c.name, func(t *testing.T) { finds(t, words(c.file, []byte(c.line), false), c.want) })
	}
	finds(t, words("a_test.go", []byte("\ttime"+".Sleep(1)"), true), "")
}
