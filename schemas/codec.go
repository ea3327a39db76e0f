package schemas

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Codec writes and reads one of our records as the struct T, framed in single-object encoding. NewCodec makes it; it is
// immutable and safe for concurrent use.
//
// T has a field tagged `avro:"name"` for each field of the schema and no other tagged ones:
//
//	string, bytes, boolean   string, []byte, bool (or types of these kinds)
//	int                      int32, int64 or int
//	long, timestamp          int64; timestamps in milliseconds since 1970
//	double, float            float64, float32
//	enum                     a type of kind string, whose value is the symbol
//	array, map, record       slice, map with string keys, struct
//	union of null and X      a pointer to X's type; for a map or bytes also the type itself, nil being null
//
// Equal values are equal bytes: a map is written in the order of its keys. (hamba writes it in Go's random order, which is
// why we do not write by hamba.)
type Codec[T any] struct {
	schema *Schema
	coder  coder
}

// coder writes and reads the values of one Go type by one node.
type coder struct {
	write func(dst []byte, v reflect.Value) ([]byte, error)
	read  func(c *cursor, v reflect.Value) error
}

// NewCodec checks T against the schema.
func NewCodec[T any](s *Schema) (*Codec[T], error) {
	coder, err := coderOf(s.root, reflect.TypeFor[T](), 0)
	if err != nil {
		return nil, fmt.Errorf("schema %s as %s: %w", s.Name(), reflect.TypeFor[T](), err)
	}
	return &Codec[T]{schema: s, coder: coder}, nil
}

// MustCodec is NewCodec for one of our records by its name; it panics where T does not fit. For variables of packages.
func MustCodec[T any](name string) *Codec[T] {
	s, ok := ByName(name)
	if !ok {
		panic("schemas: no record of ours is named " + name)
	}
	c, err := NewCodec[T](s)
	if err != nil {
		panic("schemas: " + err.Error())
	}
	return c
}

// Schema is the one that the codec was made for.
func (c *Codec[T]) Schema() *Schema { return c.schema }

// Append appends the framed record. An error says which field cannot be written: an enum with a text that is no symbol, a
// string that is not UTF-8, an int past 32 bits.
func (c *Codec[T]) Append(dst []byte, v *T) ([]byte, error) {
	out, err := c.coder.write(AppendHeader(dst, c.schema.fingerprint), reflect.ValueOf(v).Elem())
	if err != nil {
		return dst, fmt.Errorf("writing %s: %w", c.schema.Name(), err)
	}
	return out, nil
}

// JSON is the record as a JSON object, as AppendJSON writes it. The error is Append's, or a text that is not UTF-8.
func (c *Codec[T]) JSON(v *T) ([]byte, error) {
	framed, err := c.Append(nil, v)
	if err != nil {
		return nil, err
	}
	return c.schema.AppendJSON(nil, framed[HeaderSize:])
}

// Decode reads a framed record. Every length and the exact end are checked. On an error (*FramingError,
// *UnknownSchemaError where the fingerprint is not that of the codec's schema, *MalformedError) v is as it was.
func (c *Codec[T]) Decode(b []byte, v *T) error {
	fingerprint, body, err := SplitHeader(b)
	if err != nil {
		return err
	}
	if fingerprint != c.schema.fingerprint {
		return &UnknownSchemaError{Fingerprint: fingerprint}
	}
	var t T
	cur := newCursor(body)
	if err := c.coder.read(&cur, reflect.ValueOf(&t).Elem()); err != nil {
		return err
	}
	if err := cur.end(); err != nil {
		return err
	}
	*v = t
	return nil
}

// coderOf makes the coder of a type. Our records do not contain themselves; one that does is refused at maxNesting.
func coderOf(n *node, t reflect.Type, depth int) (coder, error) {
	if depth > maxNesting {
		return coder{}, fmt.Errorf("nested deeper than %d", maxNesting)
	}
	switch n.kind {
	case kindRecord:
		return recordCoder(n, t, depth+1)
	case kindArray:
		return arrayCoder(n, t, depth+1)
	case kindMap:
		return mapCoder(n, t, depth+1)
	case kindUnion:
		return optionalCoder(n, t, depth+1)
	}
	c, ok := singleCoder(n, t)
	if !ok {
		return coder{}, fmt.Errorf("%s does not fit %s", t, n.describe())
	}
	return c, nil
}

func recordCoder(n *node, t reflect.Type, depth int) (coder, error) {
	if t.Kind() != reflect.Struct {
		return coder{}, fmt.Errorf("%s does not fit %s", t, n.describe())
	}
	places := map[string]int{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("avro"); name != "" {
			places[name] = i
		}
	}
	names := make([]string, len(n.fields))
	index := make([]int, len(n.fields))
	coders := make([]coder, len(n.fields))
	for i, f := range n.fields {
		place, ok := places[f.name]
		if !ok {
			return coder{}, fmt.Errorf("%s has no field tagged %s", t, f.name)
		}
		delete(places, f.name)
		c, err := coderOf(f.typ, t.Field(place).Type, depth)
		if err != nil {
			return coder{}, fmt.Errorf("field %s: %w", f.name, err)
		}
		names[i], index[i], coders[i] = f.name, place, c
	}
	if len(places) > 0 {
		return coder{}, fmt.Errorf("%s is tagged with what %s has not: %s", t, n.name, strings.Join(slices.Sorted(maps.Keys(places)), ", "))
	}
	return coder{
		write: func(dst []byte, v reflect.Value) (_ []byte, err error) {
			for i, c := range coders {
				if dst, err = c.write(dst, v.Field(index[i])); err != nil {
					return nil, fmt.Errorf("field %s: %w", names[i], err)
				}
			}
			return dst, nil
		},
		read: func(c *cursor, v reflect.Value) error {
			for i, f := range coders {
				if err := f.read(c, v.Field(index[i])); err != nil {
					return within(names[i], err)
				}
			}
			return nil
		},
	}, nil
}

// optionalCoder is for unions of null and one type: a pointer, or what can be nil by itself.
func optionalCoder(n *node, t reflect.Type, depth int) (coder, error) {
	typ, null, some, ok := n.optional()
	pointer := t.Kind() == reflect.Pointer
	if !ok || !pointer && t.Kind() != reflect.Map && t.Kind() != reflect.Slice {
		return coder{}, fmt.Errorf("%s does not fit %s", t, n.describe())
	}
	elem := t
	if pointer {
		elem = t.Elem()
	}
	c, err := coderOf(typ, elem, depth)
	if err != nil {
		return coder{}, err
	}
	return coder{
		write: func(dst []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return appendLong(dst, int64(null)), nil
			}
			if pointer {
				v = v.Elem()
			}
			return c.write(appendLong(dst, int64(some)), v)
		},
		read: func(cur *cursor, v reflect.Value) error {
			i, err := cur.index(2, "union type")
			if err != nil || i == null {
				return err
			}
			switch t.Kind() {
			case reflect.Pointer:
				p := reflect.New(elem)
				v.Set(p)
				v = p.Elem()
			case reflect.Map: // an empty one is not null
				v.Set(reflect.MakeMap(t))
			case reflect.Slice:
				v.Set(reflect.MakeSlice(t, 0, 0))
			}
			return c.read(cur, v)
		},
	}, nil
}
