package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// yamlFile is a file of one mapping. Of YAML it takes what says everything in its place: no anchors, aliases, merge keys or
// tags, and one document.
type yamlFile struct {
	path     string
	root     ast.Node // nil: the file is empty
	mistakes mistakes
}

// mistakes are all that is wrong in a file that was given; of very many the first.
type mistakes struct {
	path string
	all  []mistake
	more int // that are not kept
}

const mostMistakes = 100

type mistake struct {
	line, column int // from 1; 0: the file as a whole
	text         string
}

func (m *mistakes) add(p *token.Position, format string, a ...any) {
	x := mistake{text: fmt.Sprintf(format, a...)}
	if p != nil {
		x.line, x.column = p.Line, max(p.Column, 1)
	}
	if len(m.all) == mostMistakes {
		m.more++
		return
	}
	m.all = append(m.all, x)
}

// err is nil where nothing is wrong.
func (m *mistakes) err() error {
	if len(m.all) == 0 {
		return nil
	}
	m.sort()
	return m
}

func (m *mistakes) sort() {
	slices.SortStableFunc(m.all, func(a, b mistake) int {
		switch {
		case (a.line == 0) != (b.line == 0):
			return b.line - a.line // what is said of the file as a whole comes last
		case a.line != b.line:
			return a.line - b.line
		}
		return a.column - b.column
	})
}

// Error is a line for each mistake, as editors take them: file, line, column.
func (m *mistakes) Error() string {
	lines := []string{m.summary() + ":"}
	for _, x := range m.all {
		lines = append(lines, m.line(x))
	}
	if m.more > 0 {
		lines = append(lines, fmt.Sprintf("%s: %d more are not shown; correct these first", m.path, m.more))
	}
	return strings.Join(lines, "\n")
}

// line is a mistake behind its place.
func (m *mistakes) line(x mistake) string {
	if x.line == 0 {
		return m.path + ": " + x.text
	}
	return fmt.Sprintf("%s:%d:%d: %s", m.path, x.line, x.column, x.text)
}

// readYAML reads a file. An error that is not of *mistakes is one of the file system.
func readYAML(path string) (*yamlFile, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxYAML+1))
	_ = in.Close() // it was only read
	if err != nil {
		return nil, err
	}
	return parseYAML(path, text)
}

// parseYAML looks at the text and its tokens first: the parser takes long for some.
func parseYAML(path string, text []byte) (*yamlFile, error) {
	f := &yamlFile{path: path, mistakes: mistakes{path: path}}
	clean := f.checkText(text)
	if err := f.mistakes.err(); err != nil {
		return nil, err
	}
	tokens := lexer.Tokenize(clean)
	f.checkTokens(clean, tokens)
	if err := f.mistakes.err(); err != nil {
		return nil, err
	}
	file, err := parseTokens(tokens)
	if err != nil {
		var at *token.Position
		var problem string
		if wrong := yaml.Error(nil); errors.As(err, &wrong) {
			if problem = wrong.GetMessage(); wrong.GetToken() != nil {
				at = wrong.GetToken().Position
			}
		} else {
			problem = err.Error() // the other kind would print the whole file
		}
		f.notYAML(clean, at, problem)
		return nil, f.mistakes.err()
	}
	for _, doc := range file.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.NullNode:
		case *ast.MappingNode, *ast.MappingValueNode:
			f.root = body
		default:
			f.mistakes.add(position(body), "a mapping of keys to values is needed")
		}
	}
	return f, f.mistakes.err()
}

// parseTokens parses. Whatever the parser stumbles over is a mistake in the file.
func parseTokens(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the parser fails on it (%v)", r)
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// notYAML adds what lexer or parser say.
func (f *yamlFile) notYAML(text string, at *token.Position, problem string) {
	if at != nil {
		line := strings.SplitN(text, "\n", at.Line+1)[min(at.Line, strings.Count(text, "\n"))-1]
		if strings.ContainsRune(line[:len(line)-len(strings.TrimLeft(line, " \t"))], '\t') {
			problem = "the line begins with a tab; YAML takes spaces"
		}
	}
	f.mistakes.add(at, "not YAML: %s", problem)
}

// checkText gives the text as the lexer takes it, if it is text and not too much.
func (f *yamlFile) checkText(text []byte) string {
	if len(text) > maxYAML {
		f.mistakes.add(nil, "more than %d bytes, which nobody writes by hand: leave out what the defaults say already, and use patterns", maxYAML)
		return ""
	}
	clean := strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n")
	at, tabs := token.Position{Line: 1, Column: 1}, 0
	for i, r := range clean {
		_, size := utf8.DecodeRuneInString(clean[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			f.mistakes.add(&at, "the byte 0x%02x is not UTF-8: save the file as UTF-8", clean[i])
			return ""
		case r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 && r != 0x85 || r == '\ufeff' || r == 0xfffe || r == 0xffff:
			f.mistakes.add(&at, "the character U+%04X cannot stand in a YAML file", r)
			return ""
		case r == '\t':
			if tabs++; tabs > maxTabs {
				f.mistakes.add(&at, "more than %d tabs: YAML is indented by spaces", maxTabs)
				return ""
			}
		}
		if at.Column++; r == '\n' {
			at.Line, at.Column = at.Line+1, 1
		}
	}
	return clean + "\n" // without it the lexer loses a tag at the very end
}

// position is where a node stands; nil: not known.
func position(n ast.Node) *token.Position {
	if n == nil || n.GetToken() == nil {
		return nil
	}
	return n.GetToken().Position
}

// pairs are the keys of a mapping with their values; of anything else none.
func pairs(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}
