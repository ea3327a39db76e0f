package main

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/visutility/retrainer/retrain"
)

// value is what a node says, as a value of JSON. at is where it is reported that it says nothing right.
func (f *yamlFile) value(n ast.Node, at *token.Position) any {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.MappingNode, *ast.MappingValueNode:
		return f.mapping(n)
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, v := range n.Values {
			list[i] = f.value(v, placeIn(v))
		}
		return list
	case *ast.LiteralNode:
		if n.Value == nil {
			return ""
		}
		return n.Value.Value
	case *ast.StringNode:
		if n.Token.Type != token.StringType { // in quotes
			return n.Value
		}
		return f.plain(n.Value, at)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return f.plain(n.GetToken().Value, at)
	}
	f.mistakes.add(at, "%s cannot stand here", n.Type())
	return nil
}

func (f *yamlFile) mapping(n ast.Node) map[string]any {
	m, first := map[string]any{}, map[string]*token.Position{}
	for _, p := range pairs(n) {
		at := position(p.Key)
		key := keyName(p)
		if t := p.Key.GetToken(); t.Type != token.SingleQuoteType && t.Type != token.DoubleQuoteType {
			if _, text := scalarOf(key).(string); !text {
				f.mistakes.add(at, "the key %s is not a text to YAML; in quotes it is", shorten(key))
			}
		}
		if other := first[key]; other != nil {
			f.mistakes.add(at, "the key %s stands there twice, first in line %d", shorten(key), other.Line)
			continue
		}
		first[key] = at
		m[key] = f.value(p.Value, at)
	}
	return m
}

func keyName(p *ast.MappingValueNode) string { return p.Key.GetToken().Value }

// placeIn is where an element of a list begins.
func placeIn(n ast.Node) *token.Position {
	if p := pairs(n); len(p) > 0 {
		return position(p[0].Key) // a mapping's own token is its first colon
	}
	return position(n)
}

// noNumber stands for what no 64 bits take: whoever reads it says so, unless it was said already.
const noNumber = json.Number("1e999")

// plain is a value without quotes.
func (f *yamlFile) plain(text string, at *token.Position) any {
	v := scalarOf(text)
	switch x := v.(type) {
	case float64: // infinite, or not a number
		f.mistakes.add(at, "%s is not a finite number", shorten(text))
		return noNumber
	case ambiguous:
		f.mistakes.add(at, "%s is %s to YAML 1.2 and octal to YAML 1.1: leave the zeros at its front out", shorten(text), shorten(string(x)))
		return noNumber
	}
	return v
}

// ambiguous is a whole number with zeros at its front, as YAML 1.2 reads it.
type ambiguous string

var (
	wholeNumber = regexp.MustCompile(`^[-+]?[0-9]+$`)
	otherBase   = regexp.MustCompile(`^0(o[0-7]+|x[0-9a-fA-F]+)$`)
	realNumber  = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	noFinite    = regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// scalarOf is what a text without quotes is to YAML 1.2 (its core schema, section 10.3.2): nil, a bool, a json.Number, a
// float64 where that is not finite, an ambiguous number, or else the text itself. The library reads 1e-5 as a text.
func scalarOf(text string) any {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return nil
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
		return false
	}
	switch {
	case wholeNumber.MatchString(text):
		sign, digits := "", strings.TrimPrefix(text, "+")
		if rest, negative := strings.CutPrefix(digits, "-"); negative {
			sign, digits = "-", rest
		}
		if len(digits) > 1 && digits[0] == '0' {
			return ambiguous(sign + strings.TrimLeft(digits[:len(digits)-1], "0") + digits[len(digits)-1:])
		}
		return json.Number(sign + digits)
	case otherBase.MatchString(text):
		if n, err := strconv.ParseInt(text, 0, 64); err == nil {
			return json.Number(strconv.FormatInt(n, 10))
		}
		return math.Inf(1)
	case noFinite.MatchString(text):
		return math.NaN()
	case realNumber.MatchString(text):
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return x
		}
		return json.Number(strconv.FormatFloat(x, 'g', -1, 64))
	}
	return text
}

// find is where a path of the file stands, or what of it there is: a key, an element of a list.
func (f *yamlFile) find(path retrain.Path) *token.Position {
	n := f.root
	var at *token.Position
	for _, step := range path {
		switch step := step.(type) {
		case string:
			i := firstPair(n, step)
			if i < 0 {
				return at
			}
			p := pairs(n)[i]
			at, n = position(p.Key), p.Value
		case int:
			list, ok := n.(*ast.SequenceNode)
			if !ok || step >= len(list.Values) {
				return at
			}
			n = list.Values[step]
			at = placeIn(n)
		}
	}
	return at
}

func firstPair(n ast.Node, key string) int {
	for i, p := range pairs(n) {
		if keyName(p) == key {
			return i
		}
	}
	return -1
}

// json is the file as JSON, {} where it is empty.
func (f *yamlFile) json() ([]byte, error) {
	if f.root == nil {
		return []byte("{}"), nil
	}
	text, err := json.Marshal(f.value(f.root, nil))
	if err != nil {
		return nil, fmt.Errorf("%s as JSON: %w", f.path, err)
	}
	return text, nil
}
