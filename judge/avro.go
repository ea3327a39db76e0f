package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// schema is one Avro type (specification 1.12); a value of it is decoded into nil, bool, int64 (int, long, timestamps),
// float64, string (enums too), []byte, []any or map[string]any.
type schema struct {
	kind    string // record, enum, array, map, union, or a primitive type
	name    string // full name of a record or an enum
	names   []string
	of      []*schema // fields, branches, or the one type of the items
	symbols []string
}

// schemas are our own, by the fingerprint in a single-object prefix.
type schemas struct {
	byPrint map[uint64]*schema
}

// readSchemas parses every .avsc file of a folder.
func readSchemas(dir string) (*schemas, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.avsc"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no .avsc files in %s", dir)
	}
	s := &schemas{byPrint: map[uint64]*schema{}}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		sc, err := parse(v, "", map[string]*schema{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		s.byPrint[fingerprint(canonical(v, "", map[string]bool{}))] = sc
	}
	return s, nil
}

func fullName(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

func parse(v any, space string, known map[string]*schema) (*schema, error) {
	switch v := v.(type) {
	case string:
		switch v {
		case "null", "boolean", "int", "long", "float", "double", "bytes", "string":
			return &schema{kind: v}, nil
		}
		if s := known[fullName(v, space)]; s != nil {
			return s, nil
		}
		return nil, fmt.Errorf("unknown type %q", v)
	case []any:
		s := &schema{kind: "union"}
		return s, s.add(v, space, known)
	case map[string]any:
		return parseObject(v, space, known)
	}
	return nil, fmt.Errorf("not a schema: %v", v)
}

func (s *schema) add(types []any, space string, known map[string]*schema) error {
	for _, t := range types {
		x, err := parse(t, space, known)
		if err != nil {
			return err
		}
		s.of = append(s.of, x)
	}
	return nil
}

func parseObject(v map[string]any, space string, known map[string]*schema) (*schema, error) {
	kind, ok := v["type"].(string)
	if !ok {
		return parse(v["type"], space, known)
	}
	s := &schema{kind: kind}
	if ns, ok := v["namespace"].(string); ok {
		space = ns
	}
	if name, ok := v["name"].(string); ok {
		s.name = fullName(name, space)
		known[s.name] = s
	}
	switch kind {
	case "record":
		fields, _ := v["fields"].([]any)
		for _, f := range fields {
			m, _ := f.(map[string]any)
			name, _ := m["name"].(string)
			s.names = append(s.names, name)
			if err := s.add([]any{m["type"]}, space, known); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", s.name, name, err)
			}
		}
		return s, nil
	case "enum":
		symbols, _ := v["symbols"].([]any)
		for _, x := range symbols {
			s.symbols = append(s.symbols, fmt.Sprint(x))
		}
		return s, nil
	case "array":
		return s, s.add([]any{v["items"]}, space, known)
	case "map":
		return s, s.add([]any{v["values"]}, space, known)
	}
	return parse(kind, space, known)
}

var errShort = errors.New("the bytes end too early")

// decode reads one value and wants all bytes used.
func (s *schema) decode(b []byte) (any, error) {
	c := &cursor{b: b}
	v, err := c.value(s)
	if err == nil && len(c.b) > 0 {
		err = fmt.Errorf("%d bytes too many", len(c.b))
	}
	return v, err
}

type cursor struct{ b []byte }

func (c *cursor) take(n int64) ([]byte, error) {
	if n < 0 || n > int64(len(c.b)) {
		return nil, errShort
	}
	x := c.b[:n]
	c.b = c.b[n:]
	return x, nil
}

func (c *cursor) long() (int64, error) {
	v, n := binary.Varint(c.b) // zigzag, as Avro's
	if n <= 0 {
		return 0, errShort
	}
	c.b = c.b[n:]
	return v, nil
}

func (c *cursor) value(s *schema) (any, error) {
	switch s.kind {
	case "null":
		return nil, nil
	case "boolean":
		x, err := c.take(1)
		if err == nil && x[0] > 1 {
			err = fmt.Errorf("a boolean of %d", x[0])
		}
		return err == nil && x[0] == 1, err
	case "int":
		v, err := c.long()
		if err == nil && int64(int32(v)) != v {
			err = fmt.Errorf("an int of %d", v)
		}
		return v, err
	case "long":
		return c.long()
	case "double":
		x, err := c.take(8)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(x)), nil
	case "bytes", "string":
		return c.text(s.kind)
	case "enum", "union":
		return c.choice(s)
	case "record":
		m := make(map[string]any, len(s.names))
		for i, f := range s.of {
			v, err := c.value(f)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.names[i], err)
			}
			m[s.names[i]] = v
		}
		return m, nil
	case "array", "map":
		return c.blocks(s)
	}
	return nil, fmt.Errorf("type %s is not read here", s.kind)
}

func (c *cursor) text(kind string) (any, error) {
	n, err := c.long()
	if err != nil {
		return nil, err
	}
	x, err := c.take(n)
	if err != nil {
		return nil, err
	}
	if kind == "bytes" {
		return append([]byte{}, x...), nil
	}
	if !utf8.Valid(x) {
		return nil, errors.New("a string that is not UTF-8")
	}
	return string(x), nil
}

func (c *cursor) choice(s *schema) (any, error) {
	n, err := c.long()
	if err != nil {
		return nil, err
	}
	if s.kind == "enum" {
		if n < 0 || n >= int64(len(s.symbols)) {
			return nil, fmt.Errorf("%s has no symbol %d", s.name, n)
		}
		return s.symbols[n], nil
	}
	if n < 0 || n >= int64(len(s.of)) {
		return nil, fmt.Errorf("a union has no branch %d", n)
	}
	return c.value(s.of[n])
}

func (c *cursor) blocks(s *schema) (any, error) {
	list, table := []any{}, map[string]any{}
	for {
		n, err := c.long()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		if n < 0 {
			if n = -n; n < 0 {
				return nil, errShort
			}
			if _, err := c.long(); err != nil { // size of the block in bytes
				return nil, err
			}
		}
		if n > int64(len(c.b)) { // every item here has at least one byte
			return nil, errShort
		}
		for ; n > 0; n-- {
			key := any("")
			if s.kind == "map" {
				if key, err = c.text("string"); err != nil {
					return nil, err
				}
			}
			v, err := c.value(s.of[0])
			if err != nil {
				return nil, err
			}
			list = append(list, v)
			table[key.(string)] = v
		}
	}
	if s.kind == "map" {
		return table, nil
	}
	return list, nil
}
