package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// hunk is one place of a patch: in file, the lines old become the lines new.
type hunk struct {
	file     string
	line     int // where old is said to begin, from 1
	old, new []string
}

var hunkHead = regexp.MustCompile(`^@@ -([0-9]+)(?:,[0-9]+)? \+[0-9]+(?:,[0-9]+)? @@`)

// parseHunks reads a unified diff that changes files, as git diff writes it; it neither makes nor removes files.
func parseHunks(diff string) ([]hunk, error) {
	var hunks []hunk
	file := ""
	for _, line := range strings.Split(strings.TrimSuffix(diff, "\n"), "\n") {
		if path, ok := strings.CutPrefix(line, "+++ b/"); ok {
			file = path
			continue
		}
		if m := hunkHead.FindStringSubmatch(line); m != nil {
			if file == "" || !filepath.IsLocal(file) {
				return nil, fmt.Errorf("a hunk without a line \"+++ b/FILE\" before it")
			}
			at, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, err
			}
			hunks = append(hunks, hunk{file: file, line: at})
			continue
		}
		if strings.HasPrefix(line, "diff --git ") || strings.HasPrefix(line, "+++ ") {
			file = ""
		}
		if file == "" || len(hunks) == 0 || hunks[len(hunks)-1].file != file {
			continue // index, ---, modes
		}
		h := &hunks[len(hunks)-1]
		switch {
		case line == "" || line[0] == ' ':
			text := strings.TrimPrefix(line, " ")
			h.old, h.new = append(h.old, text), append(h.new, text)
		case line[0] == '-':
			h.old = append(h.old, line[1:])
		case line[0] == '+':
			h.new = append(h.new, line[1:])
		}
	}
	if len(hunks) == 0 {
		return nil, fmt.Errorf("the diff changes nothing")
	}
	return hunks, nil
}

// apply changes the files below dir. A hunk whose lines stand elsewhere by now is found if they stand there once.
func apply(dir string, hunks []hunk) error {
	for _, h := range hunks {
		path := filepath.Join(dir, filepath.FromSlash(h.file))
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := strings.Split(string(text), "\n")
		at, err := h.place(lines)
		if err != nil {
			return err
		}
		lines = slices.Concat(lines[:at], h.new, lines[at+len(h.old):])
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (h *hunk) place(lines []string) (int, error) {
	fits := func(at int) bool {
		return at >= 0 && at+len(h.old) <= len(lines) && slices.Equal(lines[at:at+len(h.old)], h.old)
	}
	if len(h.old) == 0 {
		return 0, fmt.Errorf("%s: the hunk at line %d has no context", h.file, h.line)
	}
	if fits(h.line - 1) {
		return h.line - 1, nil
	}
	found := -1
	for at := range lines {
		if !fits(at) {
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("%s: the lines of the hunk at %d stand in more than one place", h.file, h.line)
		}
		found = at
	}
	if found < 0 {
		return 0, fmt.Errorf("%s: the lines of the hunk at %d stand nowhere", h.file, h.line)
	}
	return found, nil
}
