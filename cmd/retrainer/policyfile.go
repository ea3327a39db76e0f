package main

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/visutility/retrainer/retrain"
)

// readPolicy reads a policy file. Its errors name file, line and column.
func readPolicy(path, tuner string) (*retrain.Policy, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("--policy: %v", err)
	}
	root, err := parseYAML(path, text)
	if err != nil {
		return nil, err
	}
	value := any(map[string]any{})
	if root != nil {
		if err := yaml.Unmarshal(text, &value); err != nil {
			return nil, usage("%s is not YAML: %s", path, err)
		}
	}
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, usage("%s holds what JSON has not: %v", path, err)
	}
	p, err := retrain.ParsePolicy(plain, tuner)
	var wrong *retrain.PolicyError
	if errors.As(err, &wrong) && root != nil {
		return nil, usage("%s: %v", placeOf(path, find(root, wrong.Path)), err)
	}
	if err != nil {
		return nil, usage("%s: %v", path, err)
	}
	return p, nil
}

// step is one part of a path like observe[0].rules[1].threshold.
var step = regexp.MustCompile(`^([^\[]*)((?:\[\d+\])*)$`)

// find is the key or element that a path names, or what of it there is.
func find(n ast.Node, path string) ast.Node {
	at := n
	for _, part := range strings.Split(path, ".") {
		m := step.FindStringSubmatch(part)
		if m == nil {
			return at
		}
		if m[1] != "" {
			pair := pairOf(n, m[1])
			if pair == nil {
				return at
			}
			at, n = pair.Key, pair.Value
		}
		for _, index := range strings.FieldsFunc(m[2], func(r rune) bool { return r == '[' || r == ']' }) {
			i, _ := strconv.Atoi(index) // it is of digits
			list, ok := n.(*ast.SequenceNode)
			if !ok || i >= len(list.Values) {
				return at
			}
			n = list.Values[i]
			at = n
			if p := pairs(n); len(p) > 0 {
				at = p[0].Key // a mapping's own token is its first colon
			}
		}
	}
	return at
}

func pairOf(n ast.Node, name string) *ast.MappingValueNode {
	for _, p := range pairs(n) {
		if text, ok := scalar(p.Key); ok && text == name {
			return p
		}
	}
	return nil
}
