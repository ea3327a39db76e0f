package schemas

import (
	"fmt"
	"strings"

	"github.com/hamba/avro/v2"
)

// kind is an Avro type.
type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindFixed
	kindEnum
	kindArray
	kindMap
	kindUnion
	kindRecord
)

var kindNames = [...]string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "fixed", "enum",
	"array", "map", "union", "record"}

func (k kind) String() string { return kindNames[k] }

var kindsByType = map[avro.Type]kind{avro.Null: kindNull, avro.Boolean: kindBoolean, avro.Int: kindInt, avro.Long: kindLong,
	avro.Float: kindFloat, avro.Double: kindDouble, avro.Bytes: kindBytes, avro.String: kindString}

// node is one type of a schema, as our walkers need it. A recursive schema is a graph with cycles through its records.
type node struct {
	kind     kind
	name     string   // full name of a record, an enum, a fixed
	logical  string   // logicalType, as written
	size     int      // bytes of a fixed
	symbols  []string // of an enum
	texts    [][]byte // symbols, for those who want bytes
	fields   []field  // of a record
	item     *node    // of an array or a map
	branches []*node  // of a union

	least int // fewest bytes that a value takes
	width int // bytes of every value, if all take the same and any bytes will do; else -1
}

// field is one field of a record.
type field struct {
	name string
	typ  *node
	def  []byte // the default's Avro bytes; nil: the field is required
}

// optional gives the other type of a union of null and one type, and the indices of both.
func (n *node) optional() (typ *node, null, some int, ok bool) {
	if n.kind != kindUnion || len(n.branches) != 2 {
		return nil, 0, 0, false
	}
	switch {
	case n.branches[0].kind == kindNull:
		return n.branches[1], 0, 1, true
	case n.branches[1].kind == kindNull:
		return n.branches[0], 1, 0, true
	}
	return nil, 0, 0, false
}

// describe names the type for people: double, array<string>, io.visutility.Action, union{null, double}. What is long is cut.
func (n *node) describe() string {
	var sb strings.Builder
	n.writeName(&sb)
	return brief(sb.String())
}

func (n *node) writeName(sb *strings.Builder) {
	if sb.Len() > maxBrief {
		return
	}
	sb.WriteString(n.kind.String())
	switch n.kind {
	case kindArray, kindMap:
		sb.WriteByte('<')
		n.item.writeName(sb)
		sb.WriteByte('>')
	case kindUnion:
		sb.WriteByte('{')
		for i, b := range n.branches {
			if i > 0 {
				sb.WriteString(", ")
			}
			b.writeName(sb)
		}
		sb.WriteByte('}')
	case kindRecord, kindEnum, kindFixed:
		sb.WriteString(" " + n.name)
	default:
		if n.logical != "" {
			sb.WriteString(" (" + n.logical + ")")
		}
	}
}

// builder turns hamba's tree into nodes.
type builder struct {
	named   map[string]*node
	all     []*node // children before parents, records that contain themselves aside
	records []builtRecord
}

type builtRecord struct {
	n *node
	s *avro.RecordSchema
}

// node builds the node of one type. A named type is built at its first mention and shared by the others.
func (b *builder) node(s avro.Schema) (*node, error) {
	if ref, ok := s.(*avro.RefSchema); ok {
		s = ref.Schema()
	}
	n := &node{}
	if named, ok := s.(avro.NamedSchema); ok {
		n.name = named.FullName()
		if have := b.named[n.name]; have != nil {
			return have, nil
		}
		b.named[n.name] = n
	}
	if err := b.fill(n, s); err != nil {
		return nil, err
	}
	b.all = append(b.all, n)
	if len(b.all) > maxNodes {
		return nil, fmt.Errorf("the schema has more than %d types: more than any record needs", maxNodes)
	}
	return n, nil
}

// fill sets what n says of s, and builds what s is made of.
func (b *builder) fill(n *node, s avro.Schema) (err error) {
	switch s := s.(type) {
	case *avro.NullSchema:
		n.kind = kindNull
	case *avro.PrimitiveSchema:
		n.kind = kindsByType[s.Type()]
		if l := s.Logical(); l != nil {
			n.logical = string(l.Type())
		} else if l, ok := s.Prop("logicalType").(string); ok { // one that hamba does not know: timestamp-nanos
			n.logical = l
		}
	case *avro.FixedSchema:
		n.kind, n.size = kindFixed, s.Size()
	case *avro.EnumSchema:
		n.kind, n.symbols = kindEnum, s.Symbols()
		for _, symbol := range n.symbols {
			n.texts = append(n.texts, []byte(symbol))
		}
	case *avro.ArraySchema:
		n.kind = kindArray
		n.item, err = b.node(s.Items())
	case *avro.MapSchema:
		n.kind = kindMap
		n.item, err = b.node(s.Values())
	case *avro.UnionSchema:
		n.kind, n.branches = kindUnion, make([]*node, len(s.Types()))
		for i, t := range s.Types() {
			if n.branches[i], err = b.node(t); err != nil {
				return err
			}
		}
	case *avro.RecordSchema:
		n.kind, n.fields = kindRecord, make([]field, len(s.Fields()))
		b.records = append(b.records, builtRecord{n, s})
		for i, f := range s.Fields() {
			n.fields[i].name = f.Name()
			if n.fields[i].typ, err = b.node(f.Type()); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("type %s is not known here", s.Type())
	}
	return err
}

// endless stands for a size that no value has.
const endless = 1 << 40

// measure computes least and width of all nodes: the least fixed point, which is there after as many rounds as records
// name each other in a chain. A record whose least stays endless contains itself without a union, array or map between:
// no bytes are a value of it.
func measure(all []*node) error {
	for _, n := range all {
		n.least, n.width = endless, -1
	}
	for changed := true; changed; {
		changed = false
		for _, n := range all {
			least, width := n.sizes()
			changed = changed || least != n.least || width != n.width
			n.least, n.width = least, width
		}
	}
	for _, n := range all {
		if n.least == endless && n.kind == kindRecord {
			return fmt.Errorf("record %s contains itself without end: no value of it can exist", n.name)
		}
	}
	return nil
}

// sizes gives least and width of n by those of what it is made of.
func (n *node) sizes() (least, width int) {
	switch n.kind {
	case kindNull:
		return 0, 0
	case kindFloat:
		return 4, 4
	case kindDouble:
		return 8, 8
	case kindFixed:
		return n.size, n.size
	case kindUnion:
		least = endless
		for _, b := range n.branches {
			least = min(least, 1+b.least)
		}
		return min(least, endless), -1
	case kindRecord:
		for _, f := range n.fields {
			least = min(least+f.typ.least, endless)
			if f.typ.width < 0 || width < 0 {
				width = -1
			} else {
				width = min(width+f.typ.width, endless)
			}
		}
		return least, width
	}
	return 1, -1 // a boolean has a width, but not any byte is one
}
