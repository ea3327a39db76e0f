package schemas

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// setDefaults encodes the defaults of all fields, once. hamba has checked them and turned them into Go values of its choice.
func setDefaults(records []builtRecord) error {
	for _, r := range records {
		for i, f := range r.s.Fields() {
			if !f.HasDefault() {
				continue
			}
			def, err := appendDefault(make([]byte, 0, 8), r.n.fields[i].typ, f.Default())
			if err != nil {
				return fmt.Errorf("default of field %s: %w", f.Name(), err)
			}
			r.n.fields[i].def = def
		}
	}
	return nil
}

// appendDefault appends the Avro bytes of a default. That of a union is a value of its first type.
func appendDefault(dst []byte, n *node, v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	switch n.kind {
	case kindNull:
		return dst, nil
	case kindUnion:
		if len(n.branches) > 0 {
			return appendDefault(append(dst, 0), n.branches[0], v)
		}
	case kindBoolean:
		if b, ok := v.(bool); ok {
			return appendBool(dst, b), nil
		}
	case kindInt, kindLong:
		if rv.CanInt() {
			return appendLong(dst, rv.Int()), nil
		}
	case kindFloat:
		if rv.CanFloat() {
			return appendFloat(dst, float32(rv.Float())), nil
		}
	case kindDouble:
		if rv.CanFloat() {
			return appendDouble(dst, rv.Float()), nil
		}
	case kindString:
		if s, ok := v.(string); ok {
			return appendText(dst, s), nil
		}
	case kindBytes:
		if b, ok := v.([]byte); ok {
			return append(appendLong(dst, int64(len(b))), b...), nil
		}
	case kindFixed: // an array of n.size bytes
		if rv.Kind() == reflect.Array && rv.Len() == n.size {
			for i := range n.size {
				dst = append(dst, byte(rv.Index(i).Uint()))
			}
			return dst, nil
		}
	case kindEnum:
		if s, ok := v.(string); ok && slices.Contains(n.symbols, s) {
			return appendLong(dst, int64(slices.Index(n.symbols, s))), nil
		}
	case kindArray, kindMap, kindRecord:
		return appendDefaultOf(dst, n, v)
	}
	return nil, fmt.Errorf("%v is no %s", v, n.describe())
}

// appendDefaultOf is appendDefault for the types that are made of others.
func appendDefaultOf(dst []byte, n *node, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case []any:
		if n.kind != kindArray {
			break
		}
		if len(v) > 0 {
			dst = appendLong(dst, int64(len(v)))
		}
		for _, e := range v {
			if dst, err = appendDefault(dst, n.item, e); err != nil {
				return nil, err
			}
		}
		return append(dst, 0), nil
	case map[string]any:
		if n.kind == kindRecord {
			for _, f := range n.fields {
				if dst, err = appendDefault(dst, f.typ, v[f.name]); err != nil {
					return nil, err
				}
			}
			return dst, nil
		}
		if n.kind != kindMap {
			break
		}
		if len(v) > 0 {
			dst = appendLong(dst, int64(len(v)))
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if dst, err = appendDefault(appendText(dst, k), n.item, v[k]); err != nil {
				return nil, err
			}
		}
		return append(dst, 0), nil
	}
	return nil, fmt.Errorf("%v is no %s", v, n.describe())
}
