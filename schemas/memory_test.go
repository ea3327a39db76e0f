package schemas

import (
	"fmt"
	"strings"
	"testing"
)

// textOfAnError is what is allocated beside the input: the text of an error, which has at most 1000 bytes of a foreign schema.
const textOfAnError = 8 << 10

// allocatedLeast is what f allocates. What other goroutines allocate meanwhile is counted too, so that a large number is looked at again.
func allocatedLeast(f func()) uint64 {
	least := allocated(f)
	for i := 0; i < 4 && least > textOfAnError; i++ {
		least = min(least, allocated(f))
	}
	return least
}

// A schema comes from a registry: it is input as well. It is parsed once, and what that takes is bounded by its text, which has at most
// 1 MiB; half of it is JSON made objects, twice, and all but a few bytes are garbage afterwards. A program for it takes 16 times its text.
func TestASchemaTakesMemoryByItsText(t *testing.T) {
	list := func(n int, format string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(all, ",")
	}
	const record = `{"type":"record","name":"R","fields":[`
	enums := list(9000, `{"type":"enum","name":"e%d","symbols":["A"]}`)
	long := strings.Repeat("n", maxName)
	for name, text := range map[string]string{
		"many fields":                    record + `{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}},` + list(30_000, `{"name":"f%d","type":"E"}`) + `]}`,
		"many types":                     record + list(9_900, `{"name":"f%d","type":"int"}`) + `]}`,
		"many properties":                record + `],"x":[` + strings.Repeat(`{"":{}},`, 120_000) + `1]}`,
		"many aliases":                   `{"type":"record","name":"R","namespace":"` + long + `","aliases":[` + list(90_000, `"a%d"`) + `],"fields":[]}`,
		"a namespace for many":           `{"type":"record","name":"R","namespace":"` + long + `","fields":[{"name":"u","type":[` + enums + `]}]}`,
		"many symbols":                   record + `{"name":"e","type":{"type":"enum","name":"E","symbols":[` + list(90_000, `"s%d"`) + `]},"default":"s89999"}]}`,
		"a wide union many times":        record + `{"name":"u","type":{"type":"record","name":"U","fields":[{"name":"u","type":[` + enums + `]}]}},` + list(4000, `{"name":"f%d","type":"U"}`) + `]}`,
		"a wide union that is no number": record + `{"name":"p_value","type":[` + enums + `]},{"name":"timestamp","type":"long"}]}`,
		"a large default":                record + `{"name":"a","type":{"type":"array","items":"int"},"default":[` + strings.Repeat("1,", 90_000) + `1]}]}`,
		"large text, no record":          `{"type":"array","items":` + strings.Repeat(`{"type":"array","items":`, 60) + `"` + strings.Repeat("x", 900_000) + `"` + strings.Repeat("}", 61),
		"defaults of defaults":           defaultsOfDefaults(30),
	} {
		var s *Schema
		var err error
		if n := allocated(func() { s, err = Parse(text) }); n > 256*uint64(len(text))+(1<<20) {
			t.Errorf("%s: %d bytes of text made it allocate %d", name, len(text), n)
		}
		if err != nil {
			if len(err.Error()) > 2000 {
				t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
			}
			continue
		}
		for _, wants := range [][]Want{nil, DriftWants()} {
			if n := allocated(func() { _, err = s.Compile(wants) }); n > 16*uint64(len(text))+(64<<10) {
				t.Errorf("%s: to compile %d bytes of text took %d", name, len(text), n)
			}
			if err != nil && len(err.Error()) > 2500 {
				t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
			}
		}
	}
}
