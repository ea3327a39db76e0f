package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// defaultConfig is the configuration file that is read if it is there.
const defaultConfig = "retrainer.yaml"

// setting is the text of one key in the configuration file, and its place.
type setting struct {
	value string
	place string // file:line:column
}

// readConfig reads a configuration file: one mapping of known keys to texts, numbers, booleans or lists of them.
func readConfig(path string, asked bool, known map[string]bool) (map[string]setting, error) {
	f, err := readYAML(path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return nil, nil
	}
	if err != nil {
		return nil, notRead("--config", err)
	}
	settings := map[string]setting{}
	for _, pair := range pairs(f.root) {
		name := keyName(pair)
		place := placeOf(path, pair.Key)
		if name == "sasl_password" {
			return nil, usage("%s: %s: %v", place, name, errPasswordKey)
		}
		if !known[name] {
			return nil, usage("%s: unknown key %s%s", place, name, suggestion(name, slices.Sorted(maps.Keys(known))))
		}
		value, ok := scalar(pair.Value)
		if list, isList := pair.Value.(*ast.SequenceNode); isList {
			value, ok = joined(list)
		}
		if !ok {
			return nil, usage("%s: %s must be a text, a number, true or false, or a list of these", place, name)
		}
		if _, twice := settings[name]; twice {
			return nil, usage("%s: %s stands there twice", place, name)
		}
		settings[name] = setting{value, place}
	}
	return settings, nil
}

func placeOf(path string, n ast.Node) string {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return fmt.Sprintf("%s:%d:%d", path, t.Position.Line, t.Position.Column)
	}
	return path
}

// scalar is the text of a single value.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// joined is a list as its flag takes it.
func joined(list *ast.SequenceNode) (string, bool) {
	parts := make([]string, len(list.Values))
	for i, v := range list.Values {
		text, ok := scalar(v)
		if !ok {
			return "", false
		}
		parts[i] = text
	}
	return strings.Join(parts, ","), true
}

// suggestion names the nearest of the known words, if one is near.
func suggestion(word string, known []string) string {
	return cmp.Or(meant(word, known), "; known are "+strings.Join(known, ", "))
}
