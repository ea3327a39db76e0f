package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The toy has one rule (a limit) and a test of it.
var toy = map[string]string{
	"go.mod": "module toy\n\ngo 1.26\n",
	"limit/limit.go": `package limit

// Limit is the rule.
const Limit = 5

// Over says whether n is over the limit.
func Over(n int) bool {
	return n > Limit
}
`,
	"limit/limit_test.go": `package limit

import "testing"

func TestLimit(t *testing.T) {
	if !Over(6) || Over(5) {
		t.Error("the limit does not hold")
	}
}

func TestEndless(t *testing.T) {
	for Limit != 5 {
	}
}

func TestPanic(t *testing.T) {
	if Limit != 5 {
		panic("no limit")
	}
}

func TestNever(t *testing.T) {
	t.Error("this one always fails")
}
`,
}

const (
	head   = "Rule: nothing is over the limit\nTest: ./limit -run '^TestLimit$'\nProves: the limit is looked at\n\n"
	change = `diff --git a/limit/limit.go b/limit/limit.go
--- a/limit/limit.go
+++ b/limit/limit.go
@@ -2,3 +2,3 @@
 
 // Limit is the rule.
-const Limit = 5
+const Limit = 7
`
)

func TestAPatchIsCaughtOnlyIfItsTestFails(t *testing.T) {
	for _, c := range []struct {
		name, patch string
		caught      bool
		said        string
	}{
		{"the test fails", head + change, true, "caught: limit_test.go:7: the limit does not hold"},
		{"lines that moved", head + strings.ReplaceAll(change, "@@ -2,3 +2,3 @@", "@@ -40,3 +40,3 @@"), true, "caught"},
		{"the test panics", strings.ReplaceAll(head, "TestLimit", "TestPanic") + change, true, "caught: panic: no limit"},
		{"the test passes", head + strings.ReplaceAll(change, "const Limit = 7", "const Limit = 5 // still"), false, "the rule is broken and the test passes"},
		{"it does not compile", head + strings.ReplaceAll(change, "Limit = 7", "Limits = 7"), false, "./limit does not compile"},
		{"it does not apply", head + strings.ReplaceAll(change, "-const Limit = 5", "-const Limit = 6"), false, "does not apply"},
		{"no such file", head + strings.ReplaceAll(change, "limit.go", "border.go"), false, "does not apply"},
		{"no such test", strings.ReplaceAll(head, "TestLimit", "TestBorder") + change, false, "no test of ./limit matches"},
		{"no such package", strings.ReplaceAll(head, "./limit ", "./border ") + change, false, "does not compile"},
		{"the test fails without the patch too", strings.ReplaceAll(head, "TestLimit", "TestNever") + change, false, "before the patch: the test fails"},
		{"the test does not end", strings.ReplaceAll(head, "TestLimit", "TestEndless") + change, false, "no end after"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree := t.TempDir()
			for name, text := range toy {
				write(t, filepath.Join(tree, name), text)
			}
			write(t, filepath.Join(tree, "bites", "01-limit.patch"), c.patch)
			var out bytes.Buffer
			r := runner{tree: tree, jobs: 1, limit: time.Minute, out: &out}
			if strings.Contains(c.said, "no end") {
				r.limit = 5 * time.Second
			}
			failed, err := r.all(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if (failed == 0) != c.caught || !strings.Contains(out.String(), c.said) {
				t.Errorf("%d failed; want caught %v and %q in\n%s", failed, c.caught, c.said, out.String())
			}
			if got, err := os.ReadFile(filepath.Join(tree, "limit/limit.go")); err != nil || string(got) != toy["limit/limit.go"] {
				t.Errorf("the tree itself was changed: %v", err)
			}
		})
	}
}

func TestAPatchThatClaimsNothingIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"no diff":     head,
		"no rule":     strings.Replace(head, "Rule:", "Rules:", 1) + change,
		"no claim":    strings.Replace(head, "Proves:", "Shows:", 1) + change,
		"no run":      strings.Replace(head, "-run", "", 1) + change,
		"no hunk":     head + "diff --git a/x b/x\n--- a/x\n+++ b/x\n",
		"out of tree": head + strings.ReplaceAll(change, "b/limit/limit.go", "b/../../limit.go"),
	} {
		if b, err := parseBite("01-x", text); err == nil {
			t.Errorf("%s: no error, read %+v", name, b)
		}
	}
}

func TestNamesChoosePatches(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"01-limit", "02-border", "03-limit-again"} {
		write(t, filepath.Join(dir, n+".patch"), head+change)
	}
	for _, c := range []struct{ ask, want string }{{"", "01-limit 02-border 03-limit-again"}, {"02", "02-border"}, {"limit", "01-limit"}, {"nothing", ""}} {
		bites, err := readBites(dir, strings.Fields(c.ask))
		var got []string
		for _, b := range bites {
			got = append(got, b.name)
		}
		if strings.Join(got, " ") != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %v, %v; want %q", c.ask, got, err, c.want)
		}
	}
}

func TestEveryPatchFitsTheTree(t *testing.T) {
	bites, err := readBites(".", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bites {
		for _, h := range b.hunks {
			text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(h.file)))
			if err != nil {
				t.Errorf("%s: %v", b.name, err)
				continue
			}
			if _, err := h.place(strings.Split(string(text), "\n")); err != nil {
				t.Errorf("%s: %v", b.name, err)
			}
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
