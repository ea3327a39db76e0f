package docs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tree is what documents may name.
type tree struct {
	files   []string        // with slashes
	folders map[string]bool // of them
	targets map[string]bool // of make
	tests   []string        // tests, fuzzers, benchmarks and examples
	flags   map[string]bool // of the program: each has a script
}

func readTree(t *testing.T) *tree {
	t.Helper()
	x := &tree{folders: map[string]bool{}, targets: map[string]bool{}, flags: maps.Clone(otherFlags)}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
	err := walk(func(path string) error {
		x.files = append(x.files, path)
		for dir := filepath.ToSlash(filepath.Dir(path)); dir != "."; dir = filepath.ToSlash(filepath.Dir(dir)) {
			x.folders[dir] = true
		}
		if _, flag, ok := strings.Cut(strings.TrimSuffix(path, ".txtar"), "--"); ok && strings.HasPrefix(path, "cmd/retrainer/testdata/flags/") {
			x.flags["--"+flag] = true
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(Top(), path))
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			x.tests = append(x.tests, m[1])
		}
		return err
	})
	text, missing := os.ReadFile(filepath.Join(Top(), "Makefile"))
	if err != nil || missing != nil {
		t.Fatal(err, missing)
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9-]+):.* ## `).FindAllStringSubmatch(string(text), -1) {
		x.targets[m[1]] = true
	}
	return x
}

var (
	span     = regexp.MustCompile("`([^`\n]+)`")
	target   = regexp.MustCompile(`\bmake ([a-z][a-z0-9-]*)`)
	testName = regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w+`)
	aPath    = regexp.MustCompile(`^(\./)?([\w.*-]+/)+[\w.*-]*$`)
	aFlag    = regexp.MustCompile(`^--[a-z][a-z-]*`)
	aFile    = regexp.MustCompile(`^[\w*-]+\.(go|py|sh|java|avsc|patch|txtar|yml)$`)
)

// named are the words of a document that are code: in spans, and in blocks of commands.
func named(t *testing.T, document string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Top(), document))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range span.FindAllStringSubmatch(prose(string(text)), -1) {
		all = append(all, m[1])
	}
	blocks, err := Read(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if b.Language == "sh" && b.File == "" {
			all = append(all, strings.Split(b.Text, "\n")...)
		}
	}
	return all
}

// missing are the names in a piece of code that nothing bears.
func (x *tree) missing(code string) (found []string) {
	for _, m := range target.FindAllStringSubmatch(code, -1) {
		if !x.targets[m[1]] {
			found = append(found, "make has no target "+m[1])
		}
	}
	for _, name := range testName.FindAllString(code, -1) { // run-tests and go test take the beginning of a name
		if !slices.ContainsFunc(x.tests, func(test string) bool { return strings.HasPrefix(test, name) }) {
			found = append(found, "there is no test "+name)
		}
	}
	for _, word := range strings.Fields(code) {
		word = strings.Trim(word, `"',;`)
		first, _, _ := strings.Cut(strings.TrimPrefix(word, "./"), "/")
		switch {
		case aFlag.MatchString(word):
			if ours := strings.HasPrefix(code, "--") || strings.Contains(code, "retrainer "); ours && !x.flags[aFlag.FindString(word)] {
				found = append(found, "the program has no flag "+word)
			}
		case mentioned[word] || strings.Contains(word, "NAME"):
		case strings.HasPrefix(word, "bites/"):
			if !x.has(word+"*.patch") && !x.has(word) {
				found = append(found, "there is no "+word)
			}
		case aPath.MatchString(word) && x.folders[first] && !x.has(strings.TrimSuffix(strings.TrimPrefix(word, "./"), "/")):
			found = append(found, "there is no "+word)
		case aFile.MatchString(word) && !slices.ContainsFunc(x.files, func(f string) bool {
			ok, _ := filepath.Match(word, filepath.Base(f)) // of these characters it is a pattern
			return ok
		}):
			found = append(found, "no file is called "+word)
		}
	}
	return found
}

// has says whether a file or folder is there, by a pattern.
func (x *tree) has(pattern string) bool {
	is := func(path string) bool {
		ok, _ := filepath.Match(pattern, path)
		return ok
	}
	for folder := range x.folders {
		if is(folder) {
			return true
		}
	}
	return slices.ContainsFunc(x.files, is) || strings.HasSuffix(pattern, "...")
}

// mentioned are files that a reader has, or makes.
var mentioned = map[string]bool{"train.py": true, "train.sh": true, "retrain/streak.go": true, "kafka-topics.sh": true, "kafka-consumer-groups.sh": true}

// otherFlags are those that all commands have without a script, a pattern for flags, and those of examples/python/produce.py.
var otherFlags = map[string]bool{"--help": true, "--a-b": true, "--framing": true, "--registry": true}

func TestWhatDocumentsNameIsThere(t *testing.T) {
	x := readTree(t)
	documents, err := Documents()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range documents {
		for _, code := range named(t, d) {
			n++
			for _, m := range x.missing(code) {
				t.Errorf("%s: %s, in `%s`", d, m, strings.TrimSpace(code))
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(Top(), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	_, phony, _ := strings.Cut(string(text), "\n.PHONY:")
	phony, _, _ = strings.Cut(phony, "\n")
	for _, name := range strings.Fields(phony) {
		if !x.targets[name] {
			t.Errorf("make help does not list %s: what it does goes behind ## in its line", name)
		}
	}
	if n < 500 || len(x.tests) < 500 || len(x.targets) < 10 {
		t.Errorf("only %d pieces of code, %d tests, %d targets seen", n, len(x.tests), len(x.targets))
	}
}

func TestANameThatNothingBearsIsFound(t *testing.T) {
	x := &tree{files: []string{"consumer/task.go", "bites/01-a.patch"}, folders: map[string]bool{"consumer": true, "bites": true},
		targets: map[string]bool{"test": true}, tests: []string{"TestOneThing"}, flags: map[string]bool{"--app": true}}
	for code, want := range map[string]int{
		"make test": 0, "make tests": 1, "TestOne": 0, "TestTwo": 1, "consumer/task.go": 0, "consumer/*.go": 0, "consumer/gone.go": 1,
		"retrainer serve --app x": 0, "--ap": 1, "retrainer serve --apps=x": 1, "kafka-acls --add": 0, "task.go": 0, "gone.go": 1, "bites/01": 0, "bites/02": 1, "go run ./consumer": 0, "monitoring/other": 0,
	} {
		if got := x.missing(code); len(got) != want {
			t.Errorf("%q: %s", code, fmt.Sprint(got))
		}
	}
}
