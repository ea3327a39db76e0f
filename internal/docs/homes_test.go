package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// everything are the blocks of all documents that can be wrong.
func everything(t *testing.T) (all []Block) {
	t.Helper()
	documents, err := Documents()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		blocks, err := Read(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			if b.counts() {
				all = append(all, b)
			}
		}
	}
	return all
}

func TestEveryBlockOfEveryDocumentIsTried(t *testing.T) {
	used := map[*home]bool{}
	all := everything(t)
	for _, b := range all {
		if h := homeOf(b); h != nil {
			used[h] = true
		} else {
			t.Errorf("%s: no test tries this block; internal/docs/homes.go says which does:\n%s", b, b.Text)
		}
	}
	if len(all) < 40 {
		t.Errorf("only %d blocks seen", len(all))
	}
	for i := range homes {
		h := &homes[i]
		if !used[h] {
			t.Errorf("homes.go: no block is %+v any more", *h)
		}
		if folder, name, _ := strings.Cut(h.test, " "); h.why == "" && !defines(t, folder, name) {
			t.Errorf("homes.go: %s has no test %s", folder, name)
		}
	}
}

// defines says whether a test stands in a folder, whatever its build tag.
func defines(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Top(), folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

func TestWhatIsNotTypedStandsInADocument(t *testing.T) {
	used := map[string]bool{}
	for _, b := range everything(t) {
		if b.Language != "sh" || b.File != "" {
			continue
		}
		all, err := statements(b.Text)
		if err != nil || len(all) == 0 {
			t.Errorf("%s: %v in\n%s", b, err, b.Text)
		}
		for _, s := range all {
			if l := leftAlone(s); l != nil {
				used[*l] = true
			}
		}
	}
	for _, l := range left {
		if !used[l.why] {
			t.Errorf("homes.go: no document has %s any more", l.what)
		}
	}
}

func TestBlocksOfADocument(t *testing.T) {
	blocks, err := parse("d.md", "# One\nA file, `train.sh`:\n\n```sh\n#!/bin/sh\n```\n## Two\n```\ngo run ./x\n```\n```\na -> b\n```\n```yaml\na: 1\n```\n")
	if err != nil || len(blocks) != 4 {
		t.Fatalf("%v, %v", blocks, err)
	}
	if b := blocks[0]; b.Section != "One" || b.File != "train.sh" || b.Text != "#!/bin/sh\n" || b.Line != 4 {
		t.Errorf("%+v", b)
	}
	if b := blocks[1]; b.Section != "Two" || !b.counts() || b.File != "" {
		t.Errorf("%+v", b)
	}
	if blocks[2].counts() || !blocks[3].counts() {
		t.Errorf("a picture counts, or a policy does not: %+v", blocks[2:])
	}
	if _, err := parse("d.md", "```sh\nls\n"); err == nil {
		t.Error("a block without an end is taken")
	}
}

func TestStatementsOfABlock(t *testing.T) {
	all, err := statements("export A=1\n\n# why\nls |\n    wc -l   # how many\ncat <<END\nx; y\nEND\na; b\n")
	want := []string{"export A=1", "ls |\n    wc -l   # how many", "cat <<END\nx; y\nEND", "a;", "b"}
	if err != nil || len(all) != len(want) {
		t.Fatalf("%q, %v", all, err)
	}
	for i, s := range all {
		s = strings.TrimSpace(regexp.MustCompile(`(?m)^# .*`).ReplaceAllString(s, ""))
		if s != want[i] {
			t.Errorf("%q, not %q", s, want[i])
		}
	}
}
