package schemas

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// singleCoder is for the types that are not made of others.
func singleCoder(n *node, t reflect.Type) (coder, bool) {
	switch n.kind {
	case kindBoolean:
		return coder{
			write: func(dst []byte, v reflect.Value) ([]byte, error) { return appendBool(dst, v.Bool()), nil },
			read: func(c *cursor, v reflect.Value) error {
				b, err := c.boolean()
				v.SetBool(b)
				return err
			},
		}, t.Kind() == reflect.Bool
	case kindInt:
		return intCoder, t.Kind() == reflect.Int32 || t.Kind() == reflect.Int64 || t.Kind() == reflect.Int
	case kindLong:
		return longCoder, t.Kind() == reflect.Int64
	case kindFloat:
		return floatCoder, t.Kind() == reflect.Float32
	case kindDouble:
		return doubleCoder, t.Kind() == reflect.Float64
	case kindString:
		return textCoder, t.Kind() == reflect.String
	case kindBytes:
		return bytesCoder, t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
	case kindEnum:
		return enumCoder(n), t.Kind() == reflect.String
	}
	return coder{}, false
}

var intCoder = coder{
	write: func(dst []byte, v reflect.Value) ([]byte, error) {
		if i := v.Int(); i != int64(int32(i)) {
			return nil, fmt.Errorf("%d does not fit into an int (32 bits)", i)
		}
		return appendLong(dst, v.Int()), nil
	},
	read: func(c *cursor, v reflect.Value) error {
		i, err := c.int()
		v.SetInt(i)
		return err
	},
}

var longCoder = coder{
	write: func(dst []byte, v reflect.Value) ([]byte, error) { return appendLong(dst, v.Int()), nil },
	read: func(c *cursor, v reflect.Value) error {
		i, err := c.long()
		v.SetInt(i)
		return err
	},
}

var floatCoder = coder{
	write: func(dst []byte, v reflect.Value) ([]byte, error) { return appendFloat(dst, float32(v.Float())), nil },
	read: func(c *cursor, v reflect.Value) error {
		f, err := c.float()
		v.SetFloat(float64(f))
		return err
	},
}

var doubleCoder = coder{
	write: func(dst []byte, v reflect.Value) ([]byte, error) { return appendDouble(dst, v.Float()), nil },
	read: func(c *cursor, v reflect.Value) error {
		f, err := c.double()
		v.SetFloat(f)
		return err
	},
}

var textCoder = coder{
	write: func(dst []byte, v reflect.Value) ([]byte, error) { return appendValidText(dst, v.String()) },
	read: func(c *cursor, v reflect.Value) error {
		b, err := c.text()
		v.SetString(string(b))
		return err
	},
}

var bytesCoder = coder{
	write: func(dst []byte, v reflect.Value) ([]byte, error) {
		return append(appendLong(dst, int64(v.Len())), v.Bytes()...), nil
	},
	read: func(c *cursor, v reflect.Value) error {
		b, err := c.bytes()
		v.SetBytes(slices.Clone(b))
		return err
	},
}

func enumCoder(n *node) coder {
	return coder{
		write: func(dst []byte, v reflect.Value) ([]byte, error) {
			i := slices.Index(n.symbols, v.String())
			if i < 0 {
				return nil, fmt.Errorf("%q is none of %s", v.String(), strings.Join(n.symbols, ", "))
			}
			return appendLong(dst, int64(i)), nil
		},
		read: func(c *cursor, v reflect.Value) error {
			i, err := c.index(len(n.symbols), "symbol")
			if err == nil {
				v.SetString(n.symbols[i])
			}
			return err
		},
	}
}

func arrayCoder(n *node, t reflect.Type, depth int) (coder, error) {
	if t.Kind() != reflect.Slice {
		return coder{}, fmt.Errorf("%s does not fit %s", t, n.describe())
	}
	item, err := coderOf(n.item, t.Elem(), depth)
	if err != nil {
		return coder{}, fmt.Errorf("items: %w", err)
	}
	return coder{
		write: func(dst []byte, v reflect.Value) (_ []byte, err error) {
			if v.Len() > 0 {
				dst = appendLong(dst, int64(v.Len()))
			}
			for i := range v.Len() {
				if dst, err = item.write(dst, v.Index(i)); err != nil {
					return nil, fmt.Errorf("item %d: %w", i, err)
				}
			}
			return append(dst, 0), nil
		},
		read: func(c *cursor, v reflect.Value) error {
			return c.items(n.item.least, func(i int) error {
				// One at a time: what is allocated follows what was read, not what a count promises.
				v.Grow(1)
				v.SetLen(i + 1)
				if err := item.read(c, v.Index(i)); err != nil {
					return within(fmt.Sprintf("[%d]", i), err)
				}
				return nil
			})
		},
	}, nil
}

// appendMap writes a map of the kinds that our records have, without reflection: a trainer may report thousands of figures.
func appendMap[V any](dst []byte, m map[string]V, sizeOf func(V) int, write func([]byte, V) ([]byte, error)) ([]byte, error) {
	if len(m) > 0 {
		dst = appendLong(dst, int64(len(m)))
	}
	keys, size := make([]string, 0, len(m)), 1
	for k, v := range m { // order: sorted below
		keys, size = append(keys, k), size+len(k)+2+sizeOf(v)
	}
	slices.Sort(keys)
	dst = slices.Grow(dst, size)
	for _, k := range keys {
		var err error
		if dst, err = appendValidText(dst, k); err == nil {
			dst, err = write(dst, m[k])
		}
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", k, err)
		}
	}
	return append(dst, 0), nil
}

func appendValidText(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%q is not UTF-8", s)
	}
	return appendText(dst, s), nil
}

func mapCoder(n *node, t reflect.Type, depth int) (coder, error) {
	if t.Kind() != reflect.Map || t.Key().Kind() != reflect.String {
		return coder{}, fmt.Errorf("%s does not fit %s", t, n.describe())
	}
	value, err := coderOf(n.item, t.Elem(), depth)
	if err != nil {
		return coder{}, fmt.Errorf("values: %w", err)
	}
	return coder{
		write: func(dst []byte, v reflect.Value) (_ []byte, err error) {
			switch m := v.Interface().(type) {
			case map[string]float64:
				return appendMap(dst, m, func(float64) int { return 8 }, func(dst []byte, f float64) ([]byte, error) { return appendDouble(dst, f), nil })
			case map[string]string:
				return appendMap(dst, m, func(s string) int { return len(s) + 2 }, appendValidText)
			}
			if v.Len() > 0 {
				dst = appendLong(dst, int64(v.Len()))
			}
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, k := range keys {
				if dst, err = textCoder.write(dst, k); err == nil {
					dst, err = value.write(dst, v.MapIndex(k))
				}
				if err != nil {
					return nil, fmt.Errorf("entry %q: %w", k, err)
				}
			}
			return append(dst, 0), nil
		},
		read: func(c *cursor, v reflect.Value) error {
			return c.items(1+n.item.least, func(int) error {
				key, err := c.text()
				if err != nil {
					return err
				}
				elem := reflect.New(t.Elem()).Elem()
				if err := value.read(c, elem); err != nil {
					return within(string(key), err)
				}
				if v.IsNil() {
					v.Set(reflect.MakeMap(t))
				}
				v.SetMapIndex(reflect.ValueOf(string(key)).Convert(t.Key()), elem)
				return nil
			})
		},
	}, nil
}
