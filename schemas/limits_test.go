package schemas

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile calls f, which must come back at once: what it is given would take for ever if counts were believed.
func hostile(t *testing.T, f func()) {
	t.Helper()
	const most = 5 * time.Second
	if d := quickest(most, f); d > most {
		t.Errorf("it took %v", d)
	}
}

// quickest is how long f takes. The machine may have been held up meanwhile, so that what took longer than most is looked at again.
func quickest(most time.Duration, f func()) (least time.Duration) {
	for i := range 3 {
		began := time.Now()
		f()
		if d := time.Since(began); i == 0 || d < least {
			least = d
		}
		if least <= most {
			break
		}
	}
	return least
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestCountsAreNotBelieved(t *testing.T) {
	const head = `{"type":"record","name":"R","fields":[{"name":"a","type":`
	huge := appendLong(nil, 1<<60)
	least := appendLong(nil, -1<<63)
	for _, c := range []struct {
		name, typ string
		b         []byte
		says      string
	}{
		{"items of no bytes", `{"type":"array","items":"null"}`, append(huge, 0), "items of no bytes"},
		{"records of no bytes", `{"type":"array","items":{"type":"record","name":"E","fields":[{"name":"n","type":"null"}]}}`, append(huge, 0), "items of no bytes"},
		{"items of no bytes, counted backwards", `{"type":"array","items":"null"}`, append(appendLong(nil, -1<<60), 0, 0), "items of no bytes"},
		{"least count", `{"type":"array","items":"long"}`, append(least, 0, 0), "2^63"},
		{"more items than bytes", `{"type":"array","items":"long"}`, append(huge, 1, 1, 1, 0), "bytes are left"},
		{"more doubles than bytes", `{"type":"array","items":"double"}`, append(appendLong(nil, 2), make([]byte, 9)...), "bytes are left"},
		{"more entries than bytes", `{"type":"map","values":"null"}`, append(huge, 0, 0, 0), "bytes are left"},
		{"block too long", `{"type":"array","items":"long"}`, []byte{1, 100, 0, 0}, "a block of 50 bytes"},
		{"block of negative length", `{"type":"array","items":"long"}`, []byte{1, 1, 0, 0}, "a block of -1 bytes"},
		{"block shorter than it says", `{"type":"array","items":"long"}`, []byte{1, 4, 0, 0}, "should end at byte 4"},
		{"long string", `"string"`, append(huge, 'x'), "a length of"},
		{"string of negative length", `"string"`, []byte{1}, "a length of -1"},
		{"fixed", `{"type":"fixed","name":"F","size":1000000}`, make([]byte, 10), "1000000 bytes are needed, 10 are left"},
		{"union", `["null","int"]`, []byte{4}, "union type 2 of 2"},
		{"union of three", `["null","int","string"]`, []byte{6}, "union type 3 of 3"},
		{"enum", `{"type":"enum","name":"E","symbols":["A"]}`, []byte{2}, "symbol 1 of 1"},
		{"boolean", `"boolean"`, []byte{2}, "2 as a boolean"},
		{"int of 33 bits", `"int"`, appendLong(nil, 1<<32), "does not fit into an int"},
		{"long of 65 bits", `"long"`, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, "more than 64 bits"},
		{"number without end", `"long"`, []byte{0x80, 0x80}, "ends within a number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustParse(t, head+c.typ+`}]}`)
			p, err := s.Compile(nil)
			if err != nil {
				t.Fatal(err)
			}
			if n := allocated(func() { _ = p.Project(c.b, nil) }); n > 16*uint64(len(c.b))+4096 { // the error's text
				t.Errorf("%d bytes made it allocate %d", len(c.b), n)
			}
			hostile(t, func() {
				_, jsonErr := s.AppendJSON(nil, c.b)
				for _, err := range []error{p.Project(c.b, nil), jsonErr} {
					var m *MalformedError
					if !errors.As(err, &m) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "field a") {
						t.Errorf("error %v, want a MalformedError of field a that says %q", err, c.says)
					}
				}
			})
		})
	}
}

func TestItemsOfNoBytesAreReadUpToTheSizeOfTheValue(t *testing.T) {
	s := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"null"}}]}`)
	if got, err := s.AppendJSON(nil, []byte{4, 0}); string(got) != `{"a":[null,null]}` || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	// Each block within the limit, all together beyond it.
	hostile(t, func() {
		b := make([]byte, 0, 3<<18)
		for range 1 << 18 {
			b = appendLong(b, 1<<13)
		}
		if _, err := s.AppendJSON(nil, append(b, 0)); err == nil || !strings.Contains(err.Error(), "items of no bytes") {
			t.Errorf("error %v", err)
		}
	})
}

// A record of two records of two records ... takes no bytes or one, but has 2^60 fields.
func TestRecordsWithinRecordsDoNotMultiply(t *testing.T) {
	for _, leaf := range []string{`"null"`, `"int"`, `["null","int"]`} {
		schema := leaf
		for i := range 30 {
			again := fmt.Sprintf(`"R%d"`, i-1)
			if i == 0 {
				again = leaf
			}
			schema = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"a","type":%s},{"name":"b","type":%s}]}`, i, schema, again)
		}
		hostile(t, func() {
			p, err := compileText(schema, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.ops) > 3*maxInline {
				t.Errorf("a program of %d ops", len(p.ops))
			}
			if err := p.Project(make([]byte, 1<<16), nil); err == nil {
				t.Error("65536 bytes were a value")
			}
		})
	}
}

func TestAValueOfASchemaThatContainsItselfIsReadToALimitedDepth(t *testing.T) {
	s := mustParse(t, `{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}`)
	p, err := s.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	chain := func(n int) []byte { return append([]byte(strings.Repeat("\x02", n)), 0) }
	if err := p.Project(chain(maxNesting), nil); err != nil {
		t.Errorf("%d deep: %v", maxNesting, err)
	}
	if _, err := s.AppendJSON(nil, chain(maxNesting)); err != nil {
		t.Errorf("%d deep, as JSON: %v", maxNesting, err)
	}
	var m *MalformedError
	if err := p.Project(chain(maxNesting+1), nil); !errors.As(err, &m) {
		t.Errorf("%d deep: %v, want a MalformedError", maxNesting+1, err)
	}
	for _, n := range []int{maxDepth + 1, 1 << 20} {
		if err := p.Project(chain(n), nil); !errors.As(err, &m) || !strings.Contains(err.Error(), "nested deeper") {
			t.Errorf("%d deep: %v, want a MalformedError", n, err)
		}
		if _, err := s.AppendJSON(nil, chain(n)); !errors.As(err, &m) || !strings.Contains(err.Error(), "nested deeper") {
			t.Errorf("%d deep, as JSON: %v, want a MalformedError", n, err)
		}
	}
	deep := strings.Repeat(`{"next":`, maxDepth) + "null" + strings.Repeat("}", maxDepth)
	if _, err := s.FromJSON(nil, []byte(deep)); err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Errorf("too deep, from JSON: %v", err)
	}
}

func TestABadSchemaIsAnErrorThatSaysWhy(t *testing.T) {
	deep := strings.Repeat(`{"type":"array","items":`, 300) + `"int"` + strings.Repeat(`}`, 300)
	for _, c := range []struct{ name, schema, says string }{
		{"not JSON", `{"type":`, "it is not JSON"},
		{"a word", `DriftEvent`, "it is not JSON"},
		{"no record", `"string"`, "it is string; a record is needed"},
		{"unknown type", `{"type":"record","name":"R","fields":[{"name":"a","type":"strng"}]}`, "strng"},
		{"a name of ours that was not given", `{"type":"record","name":"R","fields":[{"name":"a","type":"io.visutility.Evidence"}]}`, "io.visutility.Evidence"},
		{"endless", `{"type":"record","name":"R","fields":[{"name":"a","type":"R"}]}`, "contains itself without end"},
		{"endless by a union", `{"type":"record","name":"R","fields":[{"name":"a","type":["R"]}]}`, "contains itself without end"},
		{"default of the type that it stands in", `{"type":"record","name":"R","fields":[{"name":"a","type":["R","null"],"default":{}}]}`, "contain themselves"},
		{"default of a default of ...", defaultsOfDefaults(30), "more than 100000 values"},
		{"large default again and again", defaultsOfDefaults(8, strings.Repeat("x", 10_000)), "1048576 bytes"},
		{"long name", `{"type":"record","name":"R` + strings.Repeat("r", maxName) + `","fields":[]}`, "at most 512"},
		{"long namespace", `{"type":"record","name":"R","NameSpace":"` + strings.Repeat("r", maxName+1) + `","fields":[]}`, "at most 512"},
		{"huge fixed", `{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"fixed","name":"F","size":1e12},"default":""}]}`, "fixed F"},
		{"huge fixed in capitals", `{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"fixed","name":"F","SIZE":2147483647}}]}`, "fixed F"},
		{"huge fixed of a huge name", `{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"fixed","name":["` + strings.Repeat("x", 100_000) + `"],"size":1e12}}]}`, "xx ..."},
		{"large default of none of many types", manyTypes(3000, `{"type":"fixed","name":"f%d","size":3}`, `[`+strings.Repeat("1,", 50_000)+`1]`), "is no fixed f2999"},
		{"large default of none of many records", manyTypes(3000, `{"type":"record","name":"f%d","fields":[{"name":"a","type":"string"},{"name":"b","type":"int"}]}`, `{"a":"`+strings.Repeat("x", 100_000)+`"}`), "more than 100000 values"},
		{"deep", `{"type":"record","name":"R","fields":[{"name":"a","type":` + deep + `}]}`, "nested deeper"},
		{"long", `{"type":"record","name":"R","doc":"` + strings.Repeat("x", maxSchemaText) + `","fields":[]}`, "bytes of text"},
		{"wide", `{"type":"record","name":"R","fields":[` + wideFields(maxNodes+1) + `]}`, "types"},
	} {
		t.Run(c.name, func(t *testing.T) {
			hostile(t, func() {
				_, err := Parse(c.schema)
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v, want one that says %q", err, c.says)
				} else if n := len(err.Error()); n > 2*maxBrief { // it goes with every record of the schema
					t.Errorf("the error has %d bytes", n)
				}
			})
		})
	}
}

// defaultsOfDefaults is a page of text whose last default has 2^levels values.
func defaultsOfDefaults(levels int, value ...string) string {
	schema := fmt.Sprintf(`{"type":"record","name":"R0","fields":[{"name":"a","type":"string","default":%q}]}`, strings.Join(value, ""))
	for i := 1; i <= levels; i++ {
		schema = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"a","type":%s,"default":{}},{"name":"b","type":"R%d","default":{}}]}`, i, schema, i-1)
	}
	return schema
}

// manyTypes is a schema whose one field is of any of n types, and has a default.
func manyTypes(n int, typ, value string) string {
	types := make([]string, n)
	for i := range types {
		types[i] = fmt.Sprintf(typ, i)
	}
	return fmt.Sprintf(`{"type":"record","name":"R","fields":[{"name":"a","type":[%s],"default":%s}]}`, strings.Join(types, ","), value)
}

func wideFields(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf(`{"name":"f%d","type":"int"}`, i)
	}
	return strings.Join(fields, ",")
}

func TestASchemaDoesNotKnowTheNamesOfAnother(t *testing.T) {
	if _, err := Parse(`{"type":"record","name":"First","fields":[{"name":"e","type":{"type":"enum","name":"Colour","symbols":["RED"]}}]}`); err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(`{"type":"record","name":"Second","fields":[{"name":"e","type":"Colour"}]}`); err == nil {
		t.Error("the second schema used a name of the first")
	}
}

func TestManyValuesSideBySideAreNotDeep(t *testing.T) {
	s := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":["null",{"type":"array","items":"int"}]}}]}`)
	p, err := s.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	const n = 3 * maxDepth
	b := append(append(appendLong(nil, n), strings.Repeat("\x02\x00", n)...), 0)
	asJSON, err := s.AppendJSON(nil, b)
	if err != nil {
		t.Error(err)
	}
	if back, err := s.FromJSON(nil, asJSON); err != nil || string(back) != string(b) {
		t.Errorf("from JSON: %v", err)
	}
	if err := p.Project(b, nil); err != nil {
		t.Error(err)
	}
}
