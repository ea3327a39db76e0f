package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"
)

// Limits of the defaults of one schema. A default may leave out fields that have one of their own, of records that do so again: what a
// few lines say may be more than there is memory for.
const (
	maxDefaultSteps = 100_000
	maxDefaultBytes = maxSchemaText
)

var errDefaults = fmt.Errorf("the schema's defaults have more than %d values or %d bytes, or contain themselves", maxDefaultSteps, maxDefaultBytes)

// defaults encodes those of the fields of a schema.
type defaults struct {
	values map[*node][]given // of each record's fields
	steps  int               // left
}

// given is what a schema's JSON has as a field's default.
type given struct {
	value any
	is    bool // there is one
}

// misfit says that a value is none of a type. Its text is made where it is shown: each type of a union may be one that does not fit.
type misfit struct {
	n *node
	v any
}

func (e *misfit) Error() string {
	return fmt.Sprintf("%s is no %s", brief(fmt.Sprint(e.v)), brief(e.n.describe()))
}

// setDefaults encodes the defaults of all fields, once.
func setDefaults(records []builtRecord) error {
	d, size := &defaults{map[*node][]given{}, maxDefaultSteps}, 0
	for _, r := range records {
		for _, f := range r.s.Fields() {
			v, err := defaultOf(f)
			if err != nil {
				return fmt.Errorf("default of field %s: %w", f.Name(), err)
			}
			d.values[r.n] = append(d.values[r.n], v)
		}
	}
	for _, r := range records {
		for i, v := range d.values[r.n] {
			if !v.is {
				continue
			}
			def, err := d.append(make([]byte, 0, 8), r.n.fields[i].typ, v.value, 0)
			if size += len(def); err == nil && size > maxDefaultBytes {
				err = errDefaults
			}
			if err != nil {
				return fmt.Errorf("default of field %s: %w", r.n.fields[i].name, err)
			}
			r.n.fields[i].def = def
		}
	}
	return nil
}

// defaultOf is a field's default as it stands in the schema's JSON. The library is not shown it: see strip.
func defaultOf(f *avro.Field) (given, error) {
	text, ok := f.Prop(hiddenDefault).(string)
	if !ok {
		return given{}, nil
	}
	v, err := parseJSON(text)
	return given{v, true}, err
}

// parseJSON reads JSON with its numbers as they are written: a float64 has no 2^63-1.
func parseJSON(text string) (v any, err error) {
	from := json.NewDecoder(strings.NewReader(text))
	from.UseNumber()
	if err = from.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := from.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind its end")
	}
	return v, nil
}

// effort is how many steps it is to look whether a value is one of a type: a long one counts again for each type of a union.
func effort(n *node, v any) int {
	switch v := v.(type) {
	case string:
		return 1 + len(v)/256 + len(n.symbols)/256
	case map[string]any:
		return 1 + len(v)/4
	}
	return 1
}

// append appends the Avro bytes of a default. That of a union is a value of the first of its types that it fits.
func (d *defaults) append(dst []byte, n *node, v any, depth int) ([]byte, error) {
	if d.steps -= effort(n, v); d.steps < 0 || depth > maxNesting || len(dst) > maxDefaultBytes {
		d.steps = 0 // no other type of a union is tried
		return nil, errDefaults
	}
	switch n.kind {
	case kindUnion:
		return d.union(dst, n, v, depth)
	case kindArray, kindMap, kindRecord:
		return d.many(dst, n, v, depth)
	}
	if b, ok := appendSingle(dst, n, v); ok {
		return b, nil
	}
	return nil, &misfit{n, v}
}

func (d *defaults) union(dst []byte, n *node, v any, depth int) (_ []byte, err error) {
	err = errors.New("a union of no types has no value")
	for i, b := range n.branches {
		var with []byte
		if with, err = d.append(appendLong(dst, int64(i)), b, v, depth+1); err == nil || d.steps == 0 {
			return with, err
		}
	}
	return nil, err
}

// appendSingle is append for the types that are not made of others.
func appendSingle(dst []byte, n *node, v any) ([]byte, bool) {
	switch n.kind {
	case kindNull:
		return dst, v == nil
	case kindBoolean:
		if b, ok := v.(bool); ok {
			return appendBool(dst, b), true
		}
	case kindInt, kindLong:
		if i, ok := integer(v); ok && (n.kind == kindLong || i == int64(int32(i))) {
			return appendLong(dst, i), true
		}
	case kindFloat:
		if f, ok := double(v); ok {
			return appendFloat(dst, float32(f)), true
		}
	case kindDouble:
		if f, ok := double(v); ok {
			return appendDouble(dst, f), true
		}
	case kindString:
		if s, ok := v.(string); ok {
			return appendText(dst, s), true
		}
	case kindBytes, kindFixed:
		if text, ok := v.(string); ok && n.kind == kindFixed && len(text) > 2*n.size {
			return nil, false
		}
		if b, ok := latin1(v); ok && (n.kind == kindBytes || len(b) == n.size) {
			if n.kind == kindBytes {
				dst = appendLong(dst, int64(len(b)))
			}
			return append(dst, b...), true
		}
	case kindEnum:
		if s, ok := v.(string); ok && slices.Contains(n.symbols, s) {
			return appendLong(dst, int64(slices.Index(n.symbols, s))), true
		}
	}
	return nil, false
}

// double reads a number of parseJSON.
func double(v any) (float64, bool) {
	n, ok := v.(json.Number)
	f, err := n.Float64()
	return f, ok && err == nil
}

// integer reads 7, and 7.0 and 7e0 too.
func integer(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if i, err := n.Int64(); err == nil {
		return i, ok
	}
	f, ok := double(v)
	return int64(f), ok && f == math.Trunc(f) && f >= -math.Exp2(63) && f < math.Exp2(63)
}

// latin1 gives the bytes that a text stands for: code points 0 to 255.
func latin1(v any) ([]byte, bool) {
	s, ok := v.(string)
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 255 {
			return nil, false
		}
		b = append(b, byte(r))
	}
	return b, ok
}

// many is append for the types that are made of others.
func (d *defaults) many(dst []byte, n *node, v any, depth int) (_ []byte, err error) {
	object, isObject := v.(map[string]any)
	list, isList := v.([]any)
	switch {
	case n.kind == kindRecord && isObject:
		return d.record(dst, n, object, depth)
	case n.kind == kindArray && isList:
		if len(list) > 0 {
			dst = appendLong(dst, int64(len(list)))
		}
		for _, e := range list {
			if dst, err = d.append(dst, n.item, e, depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, 0), nil
	case n.kind == kindMap && isObject:
		if len(object) > 0 {
			dst = appendLong(dst, int64(len(object)))
		}
		for _, k := range slices.Sorted(maps.Keys(object)) {
			if dst, err = d.append(appendText(dst, k), n.item, object[k], depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, 0), nil
	}
	return nil, &misfit{n, v}
}

// record: a field that is left out has its own default.
func (d *defaults) record(dst []byte, n *node, object map[string]any, depth int) (_ []byte, err error) {
	for i, f := range n.fields {
		v, ok := object[f.name]
		if !ok {
			if v, ok = d.values[n][i].value, d.values[n][i].is; !ok {
				return nil, fmt.Errorf("field %s of record %s is missing, and has no default", f.name, n.name)
			}
		}
		if dst, err = d.append(dst, f.typ, v, depth+1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}
