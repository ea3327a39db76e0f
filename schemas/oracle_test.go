package schemas

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hamba/avro/v2"
)

// compiled is a case of the corpus made ready for the oracle.
type compiled struct {
	schema  *Schema
	wants   []Want
	program *Program
	bare    *Program // that wants nothing
	hamba   avro.Schema
	exact   bool
}

func compileCorpus(tb testing.TB) []compiled {
	all := make([]compiled, len(corpus))
	for i, c := range corpus {
		s := mustParse(tb, c.schema)
		all[i] = compiled{schema: s, wants: wantsOf(s), hamba: mustHamba(tb, c.schema), exact: c.exact}
		var err error
		if all[i].program, err = s.Compile(all[i].wants); err != nil {
			tb.Fatal(err)
		}
		if all[i].bare, err = s.Compile(nil); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

// check reads b by the projector, as JSON and, if our walk accepted it, by hamba (which could not bear it otherwise), and
// says where they differ. accepted tells whether b is a value at all.
func (c *compiled) check(b []byte) (accepted bool, err error) {
	var projectErr, bareErr, jsonErr error
	var asJSON []byte
	dst, most := make([]Value, len(c.wants)), 2*time.Second // far from any load of the machine: something believed a count
	if d := quickest(most, func() {
		projectErr, bareErr = c.program.Project(b, dst), c.bare.Project(b, nil)
		asJSON, jsonErr = c.schema.AppendJSON(nil, b)
	}); d > most {
		return false, fmt.Errorf("%d bytes took %v", len(b), d)
	}
	if n := allocatedLeast(func() { _ = c.program.Project(b, dst) }); n > 16*uint64(len(b))+textOfAnError {
		return false, fmt.Errorf("%d bytes made it allocate %d", len(b), n)
	}
	if bareErr != nil {
		if projectErr == nil || jsonErr == nil {
			return false, fmt.Errorf("skipping all fields: %v; taking some: %v; as JSON: %v", bareErr, projectErr, jsonErr)
		}
		return false, nil
	}
	if projectErr != nil { // a string that is not UTF-8: only those that are taken are looked at
		if jsonErr == nil {
			return false, fmt.Errorf("taking some fields: %v, but JSON went through", projectErr)
		}
		return false, nil
	}
	var v any
	if err := avro.Unmarshal(c.hamba, b, &v); err != nil {
		return true, fmt.Errorf("hamba: %w", err)
	}
	record, _ := v.(map[string]any)
	for i, w := range c.wants {
		if w.Name == "" {
			continue
		}
		if err := sameValue(c.program, i, w, dst[i], record[w.Name]); err != nil {
			return true, fmt.Errorf("field %s: %w", w.Name, err)
		}
	}
	if jsonErr == nil {
		return true, c.roundTrip(asJSON)
	}
	return true, nil
}

// roundTrip reads JSON that we wrote and writes it again.
func (c *compiled) roundTrip(asJSON []byte) error {
	back, err := c.schema.FromJSON(nil, asJSON)
	if v, ok := err.(*ValueError); ok && v.Message == "it is there twice" { // a map may say a key twice
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s\ncame not back from JSON: %w", asJSON, err)
	}
	again, err := c.schema.AppendJSON(nil, back)
	if err != nil && strings.Contains(err.Error(), "items of no bytes") { // fewer bytes in the new form, so fewer are allowed
		return nil
	}
	if err != nil || c.exact && string(again) != string(asJSON) {
		return fmt.Errorf("JSON\n%s\ncame back as\n%s, %v", asJSON, again, err)
	}
	return nil
}

// sameValue compares what was taken with what hamba read.
func sameValue(p *Program, slot int, w Want, got Value, want any) error {
	_, isMap := w.Kind.item()
	if m, ok := want.(map[string]any); ok && !isMap && len(m) == 1 {
		for _, only := range m { // a union's wrapper
			want = only
		}
	}
	if m, ok := want.(map[string]any); ok {
		if inner, ok := m["map"].(map[string]any); ok && len(m) == 1 {
			want = inner
		}
	}
	if !got.Set || want == nil {
		if got.Set != (want != nil) {
			return fmt.Errorf("set %v, hamba has %v", got.Set, want)
		}
		return nil
	}
	same := false
	rv := reflect.ValueOf(want)
	switch w.Kind {
	case String:
		s, isText := want.(string)
		b, _ := want.([]byte)
		same = isText && s == string(got.Bytes) || !isText && string(b) == string(got.Bytes)
	case Long:
		same = rv.CanInt() && rv.Int() == got.Int
	case Timestamp:
		if t, ok := want.(time.Time); ok {
			same = t.UnixMilli() == got.Int
		} else {
			same = rv.CanInt() && rv.Int() == got.Int
		}
	case Double:
		if rv.CanFloat() {
			same = math.Float64bits(rv.Float()) == math.Float64bits(got.Float) || math.IsNaN(rv.Float()) && math.IsNaN(got.Float)
		} else {
			same = rv.CanInt() && float64(rv.Int()) == got.Float
		}
	case Boolean:
		is, isBool := want.(bool)
		same = isBool && is == (got.Int == 1) && got.Int>>1 == 0
	case StringMap, DoubleMap:
		return sameMap(p, slot, w.Kind, got, want.(map[string]any))
	}
	if !same {
		return fmt.Errorf("%+v (bytes %q), hamba has %v", got, got.Bytes, want)
	}
	return nil
}

func sameMap(p *Program, slot int, kind Kind, got Value, want map[string]any) error {
	item, _ := kind.item()
	seen := map[string]Value{}
	for entries := p.Entries(slot, got); ; {
		key, value, ok := entries.Next()
		if !ok {
			break
		}
		seen[string(key)] = value
	}
	if len(seen) != len(want) {
		return fmt.Errorf("%d entries, hamba has %d", len(seen), len(want))
	}
	for key, value := range seen {
		if err := sameValue(p, slot, Want{Kind: item}, value, want[key]); err != nil {
			return fmt.Errorf("entry %q: %w", key, err)
		}
	}
	return nil
}

func TestProjectorAndHambaReadTheSame(t *testing.T) {
	r := newRand(t)
	for i, c := range compileCorpus(t) {
		t.Run(corpus[i].name, func(t *testing.T) {
			for range 150 {
				b := randomValue(r, nil, c.schema.root, 0)
				if accepted, err := c.check(b); err != nil || !accepted {
					t.Fatalf("% x: accepted %v, %v", b, accepted, err)
				}
				dst := make([]Value, len(c.wants))
				if n := testing.AllocsPerRun(1, func() { _ = c.program.Project(b, dst) }); n != 0 {
					t.Fatalf("% x: %v allocations, want 0", b, n)
				}
				if len(b) > 0 { // one byte wrong: refused or read alike, never a panic
					b[r.IntN(len(b))] = byte(r.Uint32())
					if _, err := c.check(b); err != nil {
						t.Fatalf("changed, % x: %v", b, err)
					}
				}
			}
		})
	}
}

func TestOneProgramServesManyAtOnce(t *testing.T) {
	s, b := driftFixture(t)
	p, err := s.Compile(DriftWants())
	if err != nil {
		t.Fatal(err)
	}
	codec, v := MustCodec[testProgress]("Progress"), progressFixture()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			dst := make([]Value, EventFields)
			for range 200 {
				if err := p.Project(b, dst); err != nil || dst[EventPValue].Float != 0.0123 {
					t.Errorf("%v, p_value %v", err, dst[EventPValue].Float)
				}
				framed, err := codec.Append(nil, &v)
				var back testProgress
				if err != nil || codec.Decode(framed, &back) != nil || !reflect.DeepEqual(back, v) {
					t.Errorf("the codec read %+v, %v", back, err)
				}
			}
		})
	}
	all.Wait()
}

func TestEveryTruncationOfEveryRecordIsMalformed(t *testing.T) {
	r := newRand(t)
	for i, c := range compileCorpus(t) {
		t.Run(corpus[i].name, func(t *testing.T) {
			b := randomValue(r, nil, c.schema.root, 0)
			for n := range b {
				if accepted, err := c.check(b[:n]); err != nil || accepted {
					t.Errorf("the first %d of % x: accepted %v, %v", n, b, accepted, err)
				}
			}
			if accepted, err := c.check(append(b, 0)); err != nil || accepted {
				t.Errorf("a byte behind % x: accepted %v, %v", b, accepted, err)
			}
		})
	}
}

// FuzzProject gives any bytes to any schema of the corpus. See compiled.check for what must hold.
func FuzzProject(f *testing.F) {
	all := compileCorpus(f)
	r := newRand(f)
	for i, c := range all {
		for range 5 {
			f.Add(uint8(i), randomValue(r, nil, c.schema.root, 0))
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, b []byte) {
		c := all[int(i)%len(all)]
		if _, err := c.check(b); err != nil {
			t.Error(err)
		}
	})
}
