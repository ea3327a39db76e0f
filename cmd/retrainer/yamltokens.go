package main

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// Limits of a file. Within them the parser takes less than a second; beyond, it takes time and memory by the square of the
// tokens, of the keys of a mapping and of the nesting.
const (
	maxYAML    = 256 << 10 // bytes
	maxTokens  = 40_000
	maxKeys    = 1000 // of one mapping in block style
	maxKey     = 128  // bytes
	maxTabs    = 1000 // each within quotes has the lexer read to the end
	maxNesting = 20
)

// checkTokens refuses what is no part of a file that says everything in its place, and what the parser would take long for.
func (f *yamlFile) checkTokens(text string, tokens token.Tokens) {
	if t := tokens.InvalidToken(); t != nil {
		f.notYAML(text, t.Position, t.Error)
		return
	}
	if len(tokens) > maxTokens {
		f.mistakes.add(tokens[maxTokens].Position, "more than %d keys, values and signs up to here: use patterns instead of a line for each", maxTokens)
		return
	}
	documents := 0
	for i, t := range tokens {
		next := token.New("", "", t.Position)
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		switch t.Type {
		case token.AliasType:
			f.mistakes.add(t.Position, "*%s is an alias to YAML, which is not taken here; a pattern that begins with * stands in quotes, like \"*%s\"", nameBehind(t, next), nameBehind(t, next))
		case token.AnchorType:
			f.mistakes.add(t.Position, "&%s is an anchor to YAML, which is not taken here: write each value where it belongs", nameBehind(t, next))
		case token.TagType:
			f.mistakes.add(t.Position, "%s is a tag to YAML, which is not taken here: write the value alone, a text in quotes", shorten(t.Value))
		case token.MergeKeyType:
			f.mistakes.add(t.Position, "<< is a merge key to YAML, which is not taken here: write the keys out")
		case token.DirectiveType:
			f.mistakes.add(t.Position, "%% begins a directive, which is not taken here")
		case token.MappingKeyType:
			f.mistakes.add(t.Position, "? begins a key of several parts, which is not taken here: write key: value")
		case token.DocumentHeaderType:
			if documents++; documents > 1 || i > 0 && documents == 1 && !onlyComments(tokens[:i]) {
				f.mistakes.add(t.Position, "a second document begins here; one is needed")
				return
			}
		}
	}
	f.checkShape(tokens)
	if len(f.mistakes.all) == 0 {
		f.checkComplete(text, tokens)
	}
}

func onlyComments(tokens token.Tokens) bool {
	for _, t := range tokens {
		if t.Type != token.CommentType {
			return false
		}
	}
	return true
}

// nameBehind is what stands right behind an anchor's or alias's sign.
func nameBehind(t, next *token.Token) string {
	if next.Position.Line != t.Position.Line || next.Position.Column != t.Position.Column+1 || next.Type != token.StringType {
		return ""
	}
	return shorten(next.Value)
}

// shorten makes a text fit into a line.
func shorten(text string) string {
	if r := []rune(text); len(r) > 60 {
		text = string(r[:60]) + "..."
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

// checkShape measures keys and nesting.
func (f *yamlFile) checkShape(tokens token.Tokens) {
	var block levels
	flow := 0
	for i, t := range tokens {
		key := i+1 < len(tokens) && tokens[i+1].Type == token.MappingValueType
		element := t.Type == token.SequenceEntryType
		switch {
		case key && len(t.Value) > maxKey:
			f.mistakes.add(t.Position, "a key of %d bytes; at most %d are possible", len(t.Value), maxKey)
			return
		case t.Type == token.SequenceStartType || t.Type == token.MappingStartType:
			flow++
		case t.Type == token.SequenceEndType || t.Type == token.MappingEndType:
			flow = max(0, flow-1)
		case element && flow > 0:
			f.mistakes.add(t.Position, "not YAML: - begins an element on a line of its own, not within [ ] or { }")
			return
		case (element || key) && flow == 0 && block.at(t.Position.Column, key) > maxKeys:
			f.mistakes.add(t.Position, "more than %d keys in one mapping", maxKeys)
			return
		}
		if len(block)+flow > maxNesting {
			f.mistakes.add(t.Position, "nested deeper than %d levels", maxNesting)
			return
		}
	}
}

// levels are those of block style. Each stands further to the right than the one around it, but for a list right below its key.
type levels []level

type level struct{ column, keys int }

// at goes to the level of a column, where an element or a key stands, and tells how many keys there have been.
func (l *levels) at(column int, key bool) int {
	n := len(*l)
	for n > 0 && (*l)[n-1].column > column {
		n--
	}
	if *l = (*l)[:n]; n == 0 || (*l)[n-1].column < column {
		*l = append(*l, level{column: column})
	}
	last := &(*l)[len(*l)-1]
	if key {
		last.keys++
	}
	return last.keys
}

// checkComplete compares what the lexer says it has read with the text: it leaves some stray characters out silently.
func (f *yamlFile) checkComplete(text string, tokens token.Tokens) {
	rest := text
	for _, t := range tokens {
		if t.Type == token.DoubleQuoteType { // of which it does not keep the escapes
			rest = afterQuotes(strings.TrimLeft(rest, space))
			continue
		}
		for _, part := range strings.FieldsFunc(t.Origin, isSpace) {
			for _, r := range part {
				after, ok := strings.CutPrefix(strings.TrimLeft(rest, space), string(r))
				if !ok {
					f.leftOut(text, rest)
					return
				}
				rest = after
			}
		}
	}
	f.leftOut(text, rest)
}

// leftOut says what stands at the front of the rest of a text, if anything does.
func (f *yamlFile) leftOut(text, rest string) {
	if rest = strings.TrimLeft(rest, space); rest == "" {
		return
	}
	read := text[:len(text)-len(rest)]
	line := read[strings.LastIndexByte(read, '\n')+1:]
	at := token.Position{Line: strings.Count(read, "\n") + 1, Column: utf8.RuneCountInString(line) + 1}
	r, _ := utf8.DecodeRuneInString(rest)
	f.mistakes.add(&at, "not YAML: %q cannot stand here", r)
}

// afterQuotes is what stands behind a text in double quotes.
func afterQuotes(text string) string {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[i+1:]
		}
	}
	return ""
}

const space = " \t\n"

func isSpace(r rune) bool { return strings.ContainsRune(space, r) }
