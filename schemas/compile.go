package schemas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/visutility/retrainer/internal/nearest"
)

// Kind is what a wanted field is read as, and from which of the writer's types.
type Kind uint8

const (
	String    Kind = iota // Value.Bytes, UTF-8; from string, bytes, enum (its symbol)
	Long                  // Value.Int; from int, long
	Double                // Value.Float; from int, long, float, double
	Timestamp             // Value.Int, milliseconds since 1970; from long, int (both milliseconds), timestamp-millis, -micros, -nanos
	StringMap             // Value.Bytes for Program.Entries; from a map of what String is read from
	DoubleMap             // the same; from a map of what Double is read from
	Boolean               // Value.Int, 0 or 1; from boolean
)

var kindWords = [...]string{"a string", "a long or int", "a number (int, long, float, double)", "a timestamp (long, timestamp-millis)",
	"a map of strings", "a map of numbers", "a boolean"}

// Want is a field that is wanted of a writer's record, found by its name; the name of the record is no matter. The writer
// may have it as a union with null. One that the writer has not, or that is null, leaves Value.Set false; Required makes
// it an error of Compile that the writer has it not at all.
type Want struct {
	Name     string
	Kind     Kind
	Required bool
}

// Program reads the wanted fields of one writer's records. Compile makes it; it is immutable and safe for concurrent use.
type Program struct {
	ops     []op
	subs    []sub      // programs of items and types of unions
	unions  [][]int32  // for each union its types' subs; -1: null
	symbols [][][]byte // for each wanted enum
	fields  []string   // the writer's, for errors
	entries []*node    // for each wanted map: its values
}

type sub struct{ pc, least, width int }

type code uint8

const (
	opEnd    code = iota
	opSkip        // n bytes
	opBool        // 0 or 1
	opInt         // divided by n where n > 1; stored as a double where float is set
	opLong        // as opInt
	opFloat       // always wanted: others are skipped
	opDouble      // as opFloat; n is 8
	opBytes       // a length and as many bytes; never wanted
	opText        // bytes that must be UTF-8
	opEnum        // of n symbols; arg: their table, where it is wanted
	opArray       // arg: sub of the items
	opMap         // arg: sub of the values; utf8: keys must be UTF-8
	opUnion       // arg: table
	opCall        // arg: sub; a record that contains itself, or one too large to stand in line
)

// op is one step over a writer's value. With opt it stands in a union with null, whose index comes first.
type op struct {
	code       code
	opt        bool
	null, some byte // indices of the union as they are encoded
	float      bool
	utf8       bool
	field      uint16 // the top-level field that it belongs to
	slot       int16  // where the value goes; -1: nowhere
	arg        int32
	next       int32 // where to go on after null
	n          int
}

// maxInline is how many ops a program may have before nested records are called instead of standing in line.
const maxInline = 4096

// Compile makes the program that reads wants from records of the writer's schema. The error is an *IncompatibleError where
// the schema cannot give a wanted field.
func (s *Schema) Compile(wants []Want) (*Program, error) {
	c := newCompiler(len(wants))
	c.inline = []*node{s.root}
	if err := s.checkPresent(wants); err != nil {
		return nil, err
	}
	for i, f := range s.root.fields {
		c.p.fields = append(c.p.fields, f.name)
		c.field = uint16(i)
		slot := slices.IndexFunc(wants, func(w Want) bool { return w.Name == f.name })
		if slot < 0 {
			c.skip(f.typ)
			continue
		}
		if msg := c.take(f.typ, int16(slot), wants[slot].Kind); msg != "" {
			return nil, &IncompatibleError{Schema: s.Name(), Field: f.name, Message: msg}
		}
	}
	c.emit(op{code: opEnd, slot: -1})
	c.pending()
	return c.p, nil
}

func (s *Schema) checkPresent(wants []Want) error {
	names := make([]string, len(s.root.fields))
	for i, f := range s.root.fields {
		names[i] = f.name
	}
	for _, w := range wants {
		if w.Required && !slices.Contains(names, w.Name) {
			msg := "there is no such field, and it is needed"
			if near := nearest.Word(w.Name, names); near != "" {
				msg += "; the nearest is " + near
			}
			return &IncompatibleError{Schema: s.Name(), Field: w.Name, Message: msg + "; there are: " + strings.Join(names, ", ")}
		}
	}
	return nil
}

// subKey names a sub: a type, and how its value is read (slot -1: skipped).
type subKey struct {
	n    *node
	slot int16
	kind Kind
	utf8 bool
}

type compiler struct {
	p       *Program
	subs    map[subKey]int32
	tables  map[subKey]int32 // those of unions
	todo    []subKey
	fieldOf []uint16 // for each sub the field that it belongs to
	field   uint16
	target  int     // the last place that an op jumps to: ops before it must not grow
	inline  []*node // records that are being written in line
}

func newCompiler(wants int) *compiler {
	return &compiler{p: &Program{entries: make([]*node, wants)}, subs: map[subKey]int32{}, tables: map[subKey]int32{}}
}

func (c *compiler) emit(o op) int {
	o.field = c.field
	c.p.ops = append(c.p.ops, o)
	return len(c.p.ops) - 1
}

// sub gives the number of the sub for key, which pending writes later.
func (c *compiler) sub(key subKey) int32 {
	i, ok := c.subs[key]
	if !ok {
		i = int32(len(c.p.subs))
		c.subs[key] = i
		c.p.subs = append(c.p.subs, sub{least: key.n.least, width: key.n.width})
		c.todo = append(c.todo, key)
		c.fieldOf = append(c.fieldOf, c.field)
	}
	return i
}

// pending writes the subs that were asked for, and those that they ask for.
func (c *compiler) pending() {
	c.inline = nil
	for i := 0; i < len(c.todo); i++ {
		key := c.todo[i]
		c.field, c.target = c.fieldOf[i], len(c.p.ops)
		c.p.subs[i].pc = len(c.p.ops)
		if key.slot >= 0 {
			c.take(key.n, key.slot, key.kind) // was found to fit when the sub was asked for
		} else if key.utf8 {
			c.check(key.n)
		} else {
			c.skip(key.n)
		}
		c.emit(op{code: opEnd, slot: -1})
	}
}

// optional writes the index of a union with null before what body writes.
func (c *compiler) optional(null, some int, body func()) {
	first := len(c.p.ops)
	c.target = first
	body()
	if first == len(c.p.ops) || c.p.ops[first].opt { // nothing was written, or it begins with an index of its own
		c.p.ops = slices.Insert(c.p.ops, first, op{code: opSkip, slot: -1, field: c.field})
		for i := first + 1; i < len(c.p.ops); i++ {
			if c.p.ops[i].opt {
				c.p.ops[i].next++
			}
		}
	}
	o := &c.p.ops[first]
	o.opt, o.null, o.some, o.next = true, byte(null<<1), byte(some<<1), int32(len(c.p.ops))
	c.target = len(c.p.ops)
}

// skip writes what steps over a value.
func (c *compiler) skip(n *node) {
	if n.width >= 0 {
		if last := len(c.p.ops) - 1; last >= c.target && c.p.ops[last].code == opSkip && !c.p.ops[last].opt {
			c.p.ops[last].n = min(c.p.ops[last].n+n.width, endless)
		} else if n.width > 0 {
			c.emit(op{code: opSkip, slot: -1, n: n.width})
		}
		return
	}
	switch n.kind {
	case kindBoolean:
		c.emit(op{code: opBool, slot: -1})
	case kindInt:
		c.emit(op{code: opInt, slot: -1})
	case kindLong:
		c.emit(op{code: opLong, slot: -1})
	case kindBytes, kindString:
		c.emit(op{code: opBytes, slot: -1})
	case kindEnum:
		c.emit(op{code: opEnum, slot: -1, n: len(n.symbols)})
	case kindArray:
		c.emit(op{code: opArray, slot: -1, arg: c.sub(subKey{n: n.item, slot: -1})})
	case kindMap:
		c.emit(op{code: opMap, slot: -1, arg: c.sub(subKey{n: n.item, slot: -1})})
	case kindUnion:
		c.skipUnion(n)
	case kindRecord:
		c.skipRecord(n)
	}
}

func (c *compiler) skipUnion(n *node) {
	if typ, null, some, ok := n.optional(); ok {
		c.optional(null, some, func() { c.skip(typ) })
		return
	}
	c.union(subKey{n: n, slot: -1})
}

// union writes a union of any types. Its table is there once, however often it is used.
func (c *compiler) union(key subKey) {
	at, ok := c.tables[key]
	if !ok {
		table := make([]int32, len(key.n.branches))
		for i, b := range key.n.branches {
			if table[i] = -1; b.kind != kindNull {
				table[i] = c.sub(subKey{n: b, slot: key.slot, kind: key.kind, utf8: key.utf8})
			}
		}
		at = int32(len(c.p.unions))
		c.p.unions, c.tables[key] = append(c.p.unions, table), at
	}
	c.emit(op{code: opUnion, slot: -1, arg: at})
}

// skipRecord writes the fields of a nested record in line, unless it contains itself or the program grows too large.
func (c *compiler) skipRecord(n *node) {
	if slices.Contains(c.inline, n) || len(c.p.ops) > maxInline {
		c.emit(op{code: opCall, slot: -1, arg: c.sub(subKey{n: n, slot: -1})})
		return
	}
	c.inline = append(c.inline, n)
	for _, f := range n.fields {
		c.skip(f.typ)
	}
	c.inline = c.inline[:len(c.inline)-1]
}

// check is skip, but strings must be UTF-8, as where they are taken: it goes over the values of a map that is wanted.
func (c *compiler) check(n *node) {
	if typ, null, some, ok := n.optional(); ok {
		c.optional(null, some, func() { c.check(typ) })
	} else if n.kind == kindUnion {
		c.union(subKey{n: n, slot: -1, utf8: true})
	} else if n.kind == kindString || n.kind == kindBytes {
		c.emit(op{code: opText, slot: -1})
	} else {
		c.skip(n)
	}
}

// mismatch says what is wrong and what would be right.
func mismatch(n *node, kind Kind) string {
	return fmt.Sprintf("it is %s; %s is needed", n.describe(), kindWords[kind])
}
