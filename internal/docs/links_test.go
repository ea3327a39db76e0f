package docs

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var link = regexp.MustCompile(`\[[^][]*\]\(([^()\s]+)\)`)

// links are the targets of a document's links, those in code aside.
func links(text string) (targets []string) {
	for _, m := range link.FindAllStringSubmatch(span.ReplaceAllString(prose(text), "code"), -1) {
		targets = append(targets, m[1])
	}
	return targets
}

// anchors are the names of a document's headings, as GitHub makes them: lower case, spaces as hyphens, nothing else but letters, digits,
// hyphens and underscores; the second of a name has -1 behind it.
func anchors(text string) map[string]bool {
	all, seen := map[string]bool{}, map[string]int{}
	for line := range strings.Lines(prose(text)) {
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, link.ReplaceAllStringFunc(m[1], func(s string) string { return s[1:strings.Index(s, "]")] }))
		if n := seen[name]; n > 0 {
			all[fmt.Sprintf("%s-%d", name, n)] = true
		}
		seen[name]++
		all[name] = true
	}
	return all
}

// deadLinks are the links of a document that lead nowhere. read gives another document; ok says whether there is a file or folder of a name.
func deadLinks(name, text string, read func(string) (text string, ok bool)) (found []string) {
	for _, target := range links(text) {
		if strings.Contains(target, "://") {
			continue
		}
		file, anchor, anchored := strings.Cut(target, "#")
		there, ok := text, true
		if file != "" {
			there, ok = read(path.Join(path.Dir(name), file))
		}
		switch {
		case !ok:
			found = append(found, fmt.Sprintf("%s: the link %s leads to no file", name, target))
		case anchored && !anchors(there)[anchor]:
			found = append(found, fmt.Sprintf("%s: the link %s leads to no heading", name, target))
		}
	}
	return found
}

// And to each document leads one.
func TestEveryLinkBetweenDocumentsLeadsSomewhere(t *testing.T) {
	n, linked := 0, map[string]bool{}
	read := func(name string) (string, bool) {
		file := filepath.Join(Top(), filepath.FromSlash(name))
		text, err := os.ReadFile(file)
		if err != nil {
			info, err := os.Stat(file)
			return "", err == nil && info.IsDir()
		}
		return string(text), true
	}
	documents, err := Documents()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range documents {
		text, _ := read(name)
		for _, target := range links(text) {
			n++
			if to, _, _ := strings.Cut(target, "#"); to != "" {
				linked[path.Join(path.Dir(name), to)] = true
			}
		}
		for _, dead := range deadLinks(name, text, read) {
			t.Error(dead)
		}
	}
	for _, name := range documents {
		if !linked[name] && name != "README.md" {
			t.Errorf("no document leads to %s", name)
		}
	}
	if n < 40 {
		t.Errorf("only %d links seen", n)
	}
}

func TestDeadLinksAreFound(t *testing.T) {
	read := func(name string) (string, bool) {
		text, ok := map[string]string{"docs/a.md": "# The `end`, of it\n## Same\n## Same\n", "docs": ""}[name]
		return text, ok
	}
	for _, c := range []struct{ name, text, want string }{
		{"a file", "see [a](docs/a.md) and [the folder](docs)", ""},
		{"a heading", "see [a](docs/a.md#the-end-of-it)", ""},
		{"the second of a name", "see [a](docs/a.md#same-1)", ""},
		{"a heading of its own", "# Here\n[there](#here)", ""},
		{"somewhere else", "[out](https://example.org/x#y)", ""},
		{"code", "`[a](b.md)`\n```go\nx[a](b)\n```\n", ""},
		{"no file", "see [b](docs/b.md)", "docs/b.md leads to no file"},
		{"no heading", "see [a](docs/a.md#the-end)", "leads to no heading"},
		{"no third", "see [a](docs/a.md#same-2)", "leads to no heading"},
		{"a heading in code", "```sh\n# Here\n```\n[there](#here)", "leads to no heading"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := deadLinks("README.md", c.text, read)
			if len(found) > 1 || (len(found) == 1) != (c.want != "") || !strings.Contains(strings.Join(found, ""), c.want) {
				t.Errorf("found %q, not %q", found, c.want)
			}
		})
	}
}
