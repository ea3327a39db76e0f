package schemas

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

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
	records map[*node]*avro.RecordSchema
	steps   int // left
}

// setDefaults encodes the defaults of all fields, once.
func setDefaults(records []builtRecord) error {
	d, size := &defaults{map[*node]*avro.RecordSchema{}, maxDefaultSteps}, 0
	for _, r := range records {
		d.records[r.n] = r.s
	}
	for _, r := range records {
		for i, f := range r.s.Fields() {
			v, ok := defaultOf(f)
			if !ok {
				continue
			}
			def, err := d.append(make([]byte, 0, 8), r.n.fields[i].typ, v, 0)
			if size += len(def); err == nil && size > maxDefaultBytes {
				err = errDefaults
			}
			if err != nil {
				return fmt.Errorf("default of field %s: %w", f.Name(), err)
			}
			r.n.fields[i].def = def
		}
	}
	return nil
}

// defaultOf is a field's default as it stands in the schema's JSON. The library is not shown it: see strip.
func defaultOf(f *avro.Field) (v any, ok bool) {
	list, _ := f.Prop(hiddenDefault).([]any)
	if len(list) != 1 {
		return nil, false
	}
	return list[0], true
}

// append appends the Avro bytes of a default. That of a union is a value of the first of its types that it fits.
func (d *defaults) append(dst []byte, n *node, v any, depth int) ([]byte, error) {
	if d.steps--; d.steps < 0 || depth > maxNesting || len(dst) > maxDefaultBytes {
		d.steps = 0
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
	return nil, fmt.Errorf("%s is no %s", brief(fmt.Sprint(v)), brief(n.describe()))
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
		f, ok := v.(float64)
		most := math.Exp2(63)
		if n.kind == kindInt {
			most = math.Exp2(31)
		}
		if ok && f == math.Trunc(f) && f >= -most && f < most {
			return appendLong(dst, int64(f)), true
		}
	case kindFloat:
		if f, ok := v.(float64); ok {
			return appendFloat(dst, float32(f)), true
		}
	case kindDouble:
		if f, ok := v.(float64); ok {
			return appendDouble(dst, f), true
		}
	case kindString:
		if s, ok := v.(string); ok {
			return appendText(dst, s), true
		}
	case kindBytes, kindFixed:
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
	return nil, fmt.Errorf("%s is no %s", brief(fmt.Sprint(v)), brief(n.describe()))
}

// record: a field that is left out has its own default.
func (d *defaults) record(dst []byte, n *node, object map[string]any, depth int) (_ []byte, err error) {
	for i, f := range n.fields {
		v, ok := object[f.name]
		if !ok {
			if v, ok = defaultOf(d.records[n].Fields()[i]); !ok {
				return nil, fmt.Errorf("field %s of record %s is missing, and has no default", f.name, n.name)
			}
		}
		if dst, err = d.append(dst, f.typ, v, depth+1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}
