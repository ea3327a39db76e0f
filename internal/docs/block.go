package docs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Block is a fenced block of a document, as it stands there.
type Block struct {
	Document, Section, Language, Text string
	// File is the file of which the document says that this is its text; else the block is of commands, or something to read.
	File string
	Line int
}

func (b Block) String() string {
	return fmt.Sprintf("%s:%d, section %q, %s", b.Document, b.Line, b.Section, b.Language)
}

// Top is the folder of the repository.
func Top() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	panic(fmt.Sprintf("no go.mod above the test: %v", err))
}

// walk visits the files that a clone of the repository has, by their paths with slashes.
func walk(visit func(path string) error) error {
	top := Top()
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == top {
			return err
		}
		name := d.Name()
		switch {
		case d.IsDir() && (strings.HasPrefix(name, ".") && name != ".ci" && name != ".github" || strings.HasPrefix(name, "retrainer-") || name == "target"):
			return fs.SkipDir
		case !d.Type().IsRegular() || name == ".git": // a linked work tree has a file of this name
			return nil
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(rel))
	})
}

// Documents are all Markdown files of the repository.
func Documents() (all []string, err error) {
	err = walk(func(path string) error {
		if strings.HasSuffix(path, ".md") {
			all = append(all, path)
		}
		return nil
	})
	return all, err
}

var (
	fence   = regexp.MustCompile("^```\\s*(\\S*)")
	heading = regexp.MustCompile(`^#+\s+(.*?)\s*$`)
	// A paragraph such as "The smallest, `train.sh`:" names the file that the next block is.
	fileName = regexp.MustCompile("`([\\w.-]+\\.(?:sh|yaml|py|properties))`:$")
)

// Read gives the blocks of a document, in order.
func Read(document string) ([]Block, error) {
	text, err := os.ReadFile(filepath.Join(Top(), filepath.FromSlash(document)))
	if err != nil {
		return nil, err
	}
	return parse(document, string(text))
}

func parse(document, text string) (all []Block, err error) {
	section, before := "", ""
	var open *Block
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		f := fence.FindStringSubmatch(line)
		switch {
		case open != nil && f == nil:
			open.Text += line + "\n"
		case open != nil:
			all, open, before = append(all, *open), nil, ""
		case f != nil:
			open = &Block{Document: document, Section: section, Language: f[1], Line: n + 1}
			if m := fileName.FindStringSubmatch(before); m != nil {
				open.File = m[1]
			}
		case heading.MatchString(line):
			section, before = heading.FindStringSubmatch(line)[1], ""
		case strings.TrimSpace(line) != "":
			before = strings.TrimSpace(line)
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s:%d: the block that begins here has no end", document, open.Line)
	}
	return all, nil
}

// prose is a document without its blocks.
func prose(text string) string {
	var b strings.Builder
	open := false
	for line := range strings.Lines(text) {
		if fence.MatchString(line) {
			open = !open
		} else if !open {
			b.WriteString(line)
		}
	}
	return b.String()
}

// typed finds commands in a block that does not say its language.
var typed = regexp.MustCompile(`(?m)^\s*(\$ )?(go|make|(\./)?retrainer|python3?|pip|mvn|docker|kubectl|curl) `)

// counts says whether a block is something that can be wrong: all are but pictures and what a program prints.
func (b Block) counts() bool {
	return b.Language != "" && b.Language != "text" || typed.MatchString(b.Text) && b.Language == ""
}

// Clone copies the repository into an empty folder, as a fresh clone has it.
func Clone(dir string) error {
	return walk(func(path string) error {
		from, to := filepath.Join(Top(), filepath.FromSlash(path)), filepath.Join(dir, filepath.FromSlash(path))
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if path == "retrainer" || bytes.HasPrefix(text, []byte("\x7fELF")) { // built by hand
			return nil
		}
		info, err := os.Stat(from)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, text, info.Mode().Perm())
	})
}
