package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/visutility/retrainer/internal/nearest"
)

// ValueError says which field of a JSON object cannot be written, why, and what would be right.
type ValueError struct {
	Field   string // path: evidence[2].value; "" for the object itself
	Message string
}

func (e *ValueError) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return "field " + e.Field + ": " + e.Message
}

// FromJSON appends the Avro bytes (without framing) of a JSON object as AppendJSON writes it, or as people do: fields in any
// order; a field left out has its default, or null where null is allowed; a timestamp may be RFC 3339 or a whole number
// in the unit of its type; an int or long may be written as 1000.0. Where a union has several types besides null, the
// first that takes the value has it. The error is a *ValueError, and dst is then as it was.
func (s *Schema) FromJSON(dst, object []byte) ([]byte, error) {
	if !utf8.Valid(object) {
		return dst, &ValueError{Message: "the text is not UTF-8"}
	}
	var raw json.RawMessage
	if err := json.Unmarshal(object, &raw); err != nil {
		return dst, &ValueError{Message: notJSON(object, err)}
	}
	out, err := fromJSON(dst, s.root, raw, 0)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func notJSON(text []byte, err error) string {
	if len(bytes.TrimSpace(text)) == 0 {
		return "the text is empty: a JSON object is needed"
	}
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Sprintf("at byte %d: not JSON: %v", syntax.Offset, err)
	}
	return "not JSON: " + err.Error()
}

// at puts name before the path of a ValueError, on its way up.
func at(name string, err error) error {
	if v := (*ValueError)(nil); errors.As(err, &v) {
		v.Field = below(name, v.Field)
	}
	return err
}

func valueError(format string, args ...any) error {
	return &ValueError{Message: fmt.Sprintf(format, args...)}
}

// fromJSON appends one value; raw is valid JSON.
func fromJSON(dst []byte, n *node, raw json.RawMessage, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, valueError("values are nested deeper than %d", maxDepth)
	}
	switch n.kind {
	case kindRecord:
		return recordFromJSON(dst, n, raw, depth+1)
	case kindUnion:
		return unionFromJSON(dst, n, raw, depth+1)
	case kindMap:
		return mapFromJSON(dst, n, raw, depth+1)
	case kindArray:
		return arrayFromJSON(dst, n, raw, depth+1)
	}
	return singleFromJSON(dst, n, raw)
}

func wrong(n *node, raw json.RawMessage) error {
	return valueError("it is %s; %s is needed", excerpt(raw), n.wanted())
}

func excerpt(raw json.RawMessage) string {
	const most = 40
	if len(raw) <= most {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw[:most]), "") + "..."
}

// wanted says what JSON a type takes.
func (n *node) wanted() string {
	switch n.kind {
	case kindNull:
		return "null"
	case kindBoolean:
		return "true or false"
	case kindInt:
		return "a whole number (32 bits)"
	case kindLong:
		if ticksPerSecond[n.logical] != 0 {
			return "a time as RFC 3339 (\"2026-11-24T10:04:05Z\") or a whole number of " +
				strings.TrimPrefix(n.logical, "timestamp-") + " since 1970"
		}
		return "a whole number (64 bits)"
	case kindFloat, kindDouble:
		return `a number, or "NaN", "Infinity", "-Infinity"`
	case kindString:
		return "a string"
	case kindBytes:
		return "a string in base64"
	case kindFixed:
		return fmt.Sprintf("a string in base64 of %d bytes", n.size)
	case kindEnum:
		return "one of " + strings.Join(n.symbols, ", ")
	case kindArray:
		return "an array"
	case kindUnion:
		words := make([]string, len(n.branches))
		for i, b := range n.branches {
			words[i] = b.wanted()
		}
		return strings.Join(words, ", or ")
	}
	return "an object"
}

// member is one member of a JSON object.
type member struct {
	name string
	raw  json.RawMessage
}

// members parts an object into its members, in their order; ok is false if raw is something else.
func members(raw json.RawMessage) (all []member, ok bool, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false, nil
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, false, valueError("not JSON: %v", err)
		}
		m := member{name: t.(string)} // a name: raw is valid JSON
		if seen[m.name] {
			return nil, false, at(m.name, valueError("it is there twice"))
		}
		seen[m.name] = true
		if err := d.Decode(&m.raw); err != nil {
			return nil, false, at(m.name, valueError("not JSON: %v", err))
		}
		all = append(all, m)
	}
	return all, true, nil
}

func recordFromJSON(dst []byte, n *node, raw json.RawMessage, depth int) ([]byte, error) {
	all, ok, err := members(raw)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, wrong(n, raw)
	}
	given := make(map[string]json.RawMessage, len(all))
	names := make([]string, len(n.fields))
	known := make(map[string]bool, len(n.fields))
	for i, f := range n.fields {
		names[i], known[f.name] = f.name, true
	}
	for _, m := range all {
		if !known[m.name] {
			return nil, at(m.name, valueError("%s has no such field%s; it has: %s", n.name,
				didYouMean(m.name, names), strings.Join(names, ", ")))
		}
		given[m.name] = m.raw
	}
	for _, f := range n.fields {
		raw, there := given[f.name]
		switch _, null, _, optional := f.typ.optional(); {
		case there:
			if dst, err = fromJSON(dst, f.typ, raw, depth); err != nil {
				return nil, at(f.name, err)
			}
		case f.def != nil:
			dst = append(dst, f.def...)
		case optional:
			dst = appendLong(dst, int64(null))
		case f.typ.kind == kindNull:
		default:
			return nil, at(f.name, valueError("it is missing and required: %s", f.typ.wanted()))
		}
	}
	return dst, nil
}

func didYouMean(name string, names []string) string {
	if near := nearest.Word(name, names); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}
