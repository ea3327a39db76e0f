package retrain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// constants are the values of the package's constants of a type of texts, found in its source.
func constants(t *testing.T, typeName string) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != typeName {
				return false
			}
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok {
					text, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					found = append(found, text)
				}
			}
			return false
		})
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// outcomes are the names of all outcomes of events.
func outcomes(*testing.T, string) []string {
	var names []string
	for o := range Outcomes {
		names = append(names, o.String())
	}
	slices.Sort(names)
	return names
}

// shownBy is where the lines of the transcripts show a value of each type.
var shownBy = []struct {
	of     string
	all    func(*testing.T, string) []string
	inLine string
}{
	{"Reason", constants, `(?m)^[-: \d]+ decision \d+ of \S+: \w+, (\w+)`},
	{"RetrainAction", constants, `(?m)^[-: \d]+ decision \d+ of \S+: (\w+),`},
	{"ResolvedBy", constants, `(?m)^[-: \d]+ alert \w+ resolved, (\w+):`},
	{"ResultState", constants, `(?m)^[-: \d]+ result of \S+: (\w+)`},
	{"Phase", constants, `(?m)^[-: \d]+ model \S+: (\w+)`},
	{"ProgressKind", constants, `(?m)^(?:progress |)(started|progress|succeeded|failed)\b`},
	{"On", constants, `(?m)^- on: (\w+)`},
	{"Outcome", outcomes, `(?m)^[-: \d]+ event \S+/\d+(?: to \d+)? (\w+)`},
}

func TestTranscriptsShowAllThatCanBeSaid(t *testing.T) {
	var texts strings.Builder
	for _, file := range transcriptFiles(t) {
		texts.Write(readFile(t, file))
	}
	for _, x := range shownBy {
		var seen []string
		for _, match := range regexp.MustCompile(x.inLine).FindAllStringSubmatch(texts.String(), -1) {
			seen = append(seen, match[1])
		}
		slices.Sort(seen)
		if seen, all := slices.Compact(seen), x.all(t, x.of); len(all) == 0 || !slices.Equal(seen, all) {
			t.Errorf("%s: the transcripts show %q, there are %q", x.of, seen, all)
		}
	}
}

// TestTranscriptsSayWhatTheyShow wants a sentence at the head of each file and above each case.
func TestTranscriptsSayWhatTheyShow(t *testing.T) {
	for _, file := range transcriptFiles(t) {
		lines := strings.Split(string(readFile(t, file)), "\n")
		if !strings.HasPrefix(lines[0], "# ") {
			t.Errorf("%s does not begin with what it shows", file)
		}
		for i, line := range lines {
			if strings.HasPrefix(line, "start ") && (i < 3 || !strings.HasPrefix(lines[i-1], "# ") || !endsSentence(lines[i-1])) {
				t.Errorf("%s:%d: no sentence says what this case shows", file, i+1)
			}
		}
	}
}

func endsSentence(s string) bool { return strings.HasSuffix(s, ".") || strings.HasSuffix(s, ":") }
