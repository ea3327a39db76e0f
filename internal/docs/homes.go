package docs

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// home says where blocks of a document are tried: which test does or reads them. Of several the first counts.
type home struct {
	document string
	section  string // the nearest heading; empty: any
	language string // one of these words; empty: any
	with     string // a text in the block; empty: any
	test     string // its folder and its name
	why      string // it has none
}

const (
	onlyGo   = "test/docs TestTheDocumentsCommandsDoWhatTheySay"
	onKafka  = "test/kafka TestTheDocumentsCommandsDoWhatTheySayOnApacheKafka"
	onPython = "test/python TestTheREADMEsLoopCloses"
)

// homes are all. A new document needs a line; a new block of a document that has one is done by the test of its last line, in its place.
var homes = []home{
	{document: "README.md", with: "examples/python", test: onPython},
	{document: "README.md", with: "digits", test: onPython},
	{document: "README.md", language: "python", test: "test/python TestTheREADMEShowsTheProgramAsItIs"},
	{document: "README.md", language: "go", test: "retrain/service TestTheReadmeShowsTheExample"},
	{document: "README.md", test: onlyGo},
	{document: "CONTRIBUTING.md", test: onlyGo},
	{document: "docs/cluster.md", with: "VTY_TLS_CA", test: "test/kafka TestThePrintedRightsSufficeAndEachIsNeeded"},
	{document: "docs/cluster.md", test: onlyGo},
	{document: "docs/decisions.md", test: onlyGo},
	{document: "docs/records.md", test: onlyGo},
	{document: "docs/operate.md", test: onlyGo},
	{document: "docs/policy.md", language: "yaml", test: "cmd/retrainer TestThePolicysDocumentIsTrue"},
	{document: "docs/policy.md", test: onlyGo},
	{document: "docs/start.md", test: onKafka},
	{document: "examples/events/README.md", language: "yaml", test: "cmd/retrainer TestWhatThePoliciesSayToTheExampleEventsIsAsTheirREADMESays"},
	{document: "examples/events/README.md", with: "-end", test: "examples/events/convert TestEveryCommittedEventIsMadeByTheCommandBesideIt"},
	{document: "examples/events/README.md", language: "python", test: "test/python TestTheLoopForRiverWritesWhatConvertReads"},
	{document: "examples/events/README.md", test: onlyGo},
	{document: "examples/python/README.md", section: "produce.py", test: onKafka},
	{document: "examples/python/README.md", test: onPython},
	{document: "examples/java/README.md", language: "properties", why: "Confluent's serializers for Java are not on Maven Central; it says so"},
	{document: "examples/java/README.md", test: onKafka},
}

// left are statements that no test types, and why.
var left = []struct {
	what *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`^go test \./\.\.\.`), "it is what this test belongs to"},
	{regexp.MustCompile(`^make `), "it takes minutes; CI does it, and TestWhatDocumentsNameIsThere knows the targets"},
	{regexp.MustCompile(`^(go test .*-bench |go run \./bench/)`), "it measures, and wants the machine for itself"},
}

func leftAlone(statement string) *string {
	for i := range left {
		if left[i].what.MatchString(statement) {
			return &left[i].why
		}
	}
	return nil
}

// answers are the exit statuses with which a statement has done what the document says.
func answers(statement string) []int {
	if strings.Contains(statement, "retrainer topics plan") {
		return []int{0, 1} // 1: something is missing
	}
	return []int{0}
}

// homeOf is where a block is tried; nil if nobody has said.
func homeOf(b Block) *home {
	for i := range homes {
		if homes[i].has(b) {
			return &homes[i]
		}
	}
	return nil
}

// mine are the blocks that a test has to do with, in order.
func mine(t testing.TB) (all []Block) {
	t.Helper()
	documents, err := Documents()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Abs(".")
	if err == nil {
		folder, err = filepath.Rel(Top(), folder)
	}
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(t.Name(), "/")
	me := filepath.ToSlash(folder) + " " + name
	for _, d := range documents {
		blocks, err := Read(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			if h := homeOf(b); b.counts() && h != nil && h.test == me {
				all = append(all, b)
			}
		}
	}
	return all
}

// Mine are the blocks that this test reads rather than does.
func Mine(t testing.TB) []Block {
	t.Helper()
	all := mine(t)
	if len(all) == 0 {
		t.Fatalf("no block of a document is %s's; homes.go says which are", t.Name())
	}
	return all
}

// has says whether a block is one of those that a home speaks of.
func (h home) has(b Block) bool {
	return h.document == b.Document && (h.section == "" || h.section == b.Section) &&
		(h.language == "" || slices.Contains(strings.Fields(h.language), b.Language)) && strings.Contains(b.Text, h.with)
}
