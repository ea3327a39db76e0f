package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bite is one patch with what it claims.
type bite struct {
	name               string
	rule, test, proves string
	pkg, run           string // test, taken apart
	hunks              []hunk
}

// readBites reads the patches of a folder in order of their names; with names only those that one of them begins or equals.
func readBites(dir string, names []string) ([]bite, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var bites []bite
	for _, p := range paths {
		name := strings.TrimSuffix(filepath.Base(p), ".patch")
		if len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(name, n) || strings.HasSuffix(name, "-"+n) }) {
			continue
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		b, err := parseBite(name, string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		bites = append(bites, b)
	}
	if len(bites) == 0 {
		return nil, fmt.Errorf("no patch in %s that is asked for", dir)
	}
	return bites, nil
}

func parseBite(name, text string) (bite, error) {
	b := bite{name: name}
	head, diff, ok := strings.Cut(text, "\ndiff --git ")
	if !ok {
		return b, fmt.Errorf("it has no line that begins with \"diff --git\"")
	}
	for _, line := range strings.Split(head, "\n") {
		key, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); key {
		case "Rule":
			b.rule = value
		case "Test":
			b.test = value
		case "Proves":
			b.proves = value
		}
	}
	if b.rule == "" || b.test == "" || b.proves == "" {
		return b, fmt.Errorf("Rule:, Test: and Proves: must each have a line of their own before the diff")
	}
	b.pkg, b.run, ok = strings.Cut(b.test, " -run ")
	b.pkg, b.run = strings.TrimSpace(b.pkg), strings.Trim(strings.TrimSpace(b.run), `'"`)
	if !ok || b.run == "" || !strings.HasPrefix(b.pkg, "./") || strings.Contains(b.pkg, " ") {
		return b, fmt.Errorf("Test: %q is not a package and a test, as in ./internal/sim -run '^TestX$'", b.test)
	}
	var err error
	b.hunks, err = parseHunks("diff --git " + diff)
	return b, err
}
