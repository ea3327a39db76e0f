package walls

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// row says what a package and those below it may depend on: our packages, and the libraries that are at home there.
// "..." behind a path means those below it too; "*" is everything.
type row struct {
	path string
	may  []string // of ours, directly or through others
	home []string // of other modules, by direct import
}

const franz = "github.com/twmb/franz-go"

// The rows, the first that matches counts. A package without a row is a finding: whoever adds one decides where it stands.
var rows = []row{
	{"cmd/retrainer/embedded", nil, []string{franz + "/pkg/kfake", franz + "/pkg/kmsg", "github.com/rs/zerolog"}}, // the broker's side of the protocol
	{"cmd/retrainer/phrases", []string{"retrain", "internal/nearest"}, nil},
	{"cmd/retrainer/board", []string{"retrain", "handlers", "schemas", "consumer...", "internal/nearest", "cmd/retrainer/phrases"}, []string{"github.com/rs/zerolog"}},
	{"cmd/retrainer/demo", []string{"retrain", "handlers", "schemas", "consumer...", "internal/nearest"},
		[]string{"github.com/jedib0t/go-pretty/v6/text", "github.com/fatih/color", "github.com/rs/zerolog"}},
	{"cmd/retrainer/verify", []string{"retrain", "handlers", "schemas", "consumer/record", "consumer/wire", "internal/nearest"}, nil}, // it reads records from whoever has them
	{"cmd/retrainer/metrics", []string{"retrain", "handlers", "schemas", "consumer...", "internal/nearest"},
		[]string{"github.com/prometheus/client_golang", "github.com/rs/zerolog"}},
	{"cmd", []string{"*"}, []string{
		"github.com/rs/zerolog", "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/goccy/go-yaml",
		franz + "/pkg/kfake", "github.com/google/uuid", "github.com/schollz/progressbar/v3", "golang.org/x/term",
	}},
	// A leaf that retrain and schemas share, for neither may depend on the other: a few lines over words, with no state of its own.
	{"internal/nearest", nil, nil},
	{"docs", nil, nil}, // texts
	{"handlers", []string{"retrain", "schemas", "consumer/record", "internal/nearest"}, nil},
	{"consumer/record", nil, nil},
	{"consumer", []string{"consumer..."}, []string{
		"github.com/segmentio/kafka-go", franz + "/pkg/kmsg", franz + "/pkg/kerr", franz + "/pkg/kbin", franz + "/pkg/kgo",
		"github.com/cenkalti/backoff/v4", "github.com/klauspost/compress", "github.com/pierrec/lz4/v4",
		"github.com/cespare/xxhash/v2", "github.com/rs/zerolog",
	}},
	{"retrain/service", []string{"retrain", "internal/nearest"}, []string{"github.com/rs/zerolog"}},
	{"retrain/worker", []string{"retrain", "internal/nearest"}, []string{"github.com/rs/zerolog"}}, // no Kafka
	{"retrain", []string{"internal/nearest"}, []string{"github.com/google/uuid"}},
	{"schemas/registry", []string{"schemas", "internal/nearest"}, []string{franz + "/pkg/sr"}},
	{"schemas", []string{"internal/nearest"}, []string{"github.com/hamba/avro/v2"}},
	{"internal/sim", nil, []string{"*"}},
	{"internal/docs", nil, []string{"mvdan.cc/sh/v3/syntax"}}, // tests only: what documents say, and a shell
	{"internal/free", nil, nil}, // tests only
	{"internal/trainers", []string{"retrain", "schemas", "internal/nearest"}, nil},
	{"internal/walls", nil, nil},
	{"bench", []string{"*"}, []string{"*"}},
	{"examples/count", []string{"consumer...", "examples/count..."}, []string{"github.com/rs/zerolog", "github.com/segmentio/kafka-go"}},
	{"examples", nil, nil},
	{"bites", nil, nil},
	{"tools", nil, []string{"github.com/google/licensecheck"}},
	// The judge is from outside: nothing of ours, no library of ours but the client and its messages.
	{"judge", []string{"judge..."}, []string{franz + "/pkg/kgo", franz + "/pkg/kmsg", franz + "/pkg/kerr"}},
	{"test/docs", nil, nil},
	{"test/kafka", nil, []string{franz + "/pkg/kgo", franz + "/pkg/kmsg", franz + "/pkg/kerr"}},
	{"test/python", nil, []string{franz + "/pkg/kgo", franz + "/pkg/kmsg"}},
}

func rowOf(path string) *row {
	for i := range rows {
		if under(path, rows[i].path) {
			return &rows[i]
		}
	}
	return nil
}

func allows(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if base, ok := strings.CutSuffix(p, "..."); ok {
			return under(path, base)
		}
		return p == "*" || p == path
	})
}

func arrows(pkgs []*pkg) (found []string) {
	for _, p := range pkgs {
		path := own(p.ImportPath)
		r := rowOf(path)
		if r == nil {
			found = append(found, fmt.Sprintf("%s has no row in internal/walls: say there what it may import", path))
			continue
		}
		for _, dep := range p.Deps {
			if d := own(dep); d != "" && !allows(r.may, d) {
				found = append(found, fmt.Sprintf("%s depends on %s; it may only on %q", path, d, r.may))
			}
		}
	}
	return found
}

func homes(pkgs []*pkg) (found []string) {
	for _, p := range pkgs {
		r := rowOf(own(p.ImportPath))
		for _, imp := range p.Imports {
			foreign := own(imp) == "" && strings.Contains(strings.Split(imp, "/")[0], ".")
			if r == nil || !foreign || slices.ContainsFunc(r.home, func(h string) bool { return h == "*" || under(imp, h) }) {
				continue
			}
			found = append(found, fmt.Sprintf("%s imports %s, which is not at home there", own(p.ImportPath), imp))
		}
	}
	return found
}

func TestArrowsPointDownOnly(t *testing.T) { report(t, arrows(ours(list(t, "-e", "./...")))) }

func TestEachLibraryHasItsHome(t *testing.T) { report(t, homes(ours(list(t, "-e", "./...")))) }

func TestArrowsAndHomesCanFail(t *testing.T) {
	m := module + "/"
	for _, c := range []struct {
		name           string
		path           string
		deps, imports  []string
		arrow, foreign string
	}{
		{name: "handlers on the leaf of consumer", path: "handlers", deps: []string{m + "retrain", m + "schemas", m + "consumer/record"}},
		{name: "handlers on consumer", path: "handlers", deps: []string{m + "consumer"}, arrow: "handlers depends on consumer"},
		{name: "retrain on schemas", path: "retrain", deps: []string{m + "schemas"}, arrow: "retrain depends on schemas"},
		{name: "consumer on retrain through others", path: "consumer", deps: []string{"fmt", m + "retrain"}, arrow: "consumer depends on retrain"},
		{name: "a part of consumer on another", path: "consumer/wire", deps: []string{m + "consumer/record"}},
		{name: "record on anything", path: "consumer/record", deps: []string{m + "consumer/wire"}, arrow: "consumer/record depends"},
		{name: "the judge on the product", path: "judge", deps: []string{m + "schemas"}, arrow: "judge depends on schemas"},
		{name: "a package that nobody placed", path: "extras", arrow: "extras has no row"},
		{name: "cmd on all", path: "cmd/retrainer", deps: []string{m + "consumer", m + "retrain"}, imports: []string{"github.com/spf13/cobra"}},
		{name: "Kafka's client in cmd", path: "cmd/retrainer", imports: []string{"github.com/segmentio/kafka-go"}, foreign: "not at home"},
		{name: "YAML in retrain", path: "retrain", imports: []string{"github.com/goccy/go-yaml"}, foreign: "not at home"},
		{name: "a log in handlers", path: "handlers", imports: []string{"github.com/rs/zerolog"}, foreign: "not at home"},
		{name: "below a home", path: "consumer/wire", imports: []string{"github.com/klauspost/compress/zstd", "encoding/binary"}},
		{name: "Avro's library in the judge", path: "judge", imports: []string{"github.com/hamba/avro/v2"}, foreign: "not at home"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := []*pkg{{ImportPath: m + c.path, Deps: c.deps, Imports: c.imports}}
			finds(t, arrows(p), c.arrow)
			finds(t, homes(p), c.foreign)
		})
	}
}
