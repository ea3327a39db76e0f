package retrain

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/goccy/go-yaml"
)

// transcript plays a file of testdata/transcripts: source partitions whose alerts go into a ledger, which a controller folds.
// The README there has the language of its lines.
type transcript struct {
	printer
	t          testing.TB
	partitions map[string]*live // by topic/partition
	offsets    map[string]int64 // the next of each
	commands   map[string]string
	active     *Policy // of the ledger
	policy     *Policy // of the partitions
}

// playTranscripts plays every file; before each line but the first of a case, restart has everything made anew from its
// checkpoints.
func playTranscripts(t *testing.T, restart bool) {
	for _, file := range transcriptFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			x := &transcript{}
			datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
				x.t = t
				if restart && d.Cmd != "start" {
					x.restart()
				}
				return x.play(d)
			})
		})
	}
}

func transcriptFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	return files
}

func TestTranscripts(t *testing.T) { playTranscripts(t, false) }

func TestTranscriptsAreTheSameWithARestartBeforeEveryLine(t *testing.T) { playTranscripts(t, true) }

// play plays one line, with the rows below it, and returns what comes of it.
func (x *transcript) play(d *datadriven.TestData) string {
	x.lines = nil
	switch d.Cmd {
	case "start":
		x.start(d)
	case "policy":
		x.newPolicy(d)
	case "switch":
		one(x.t, d, func(a *words) { x.switchPartitions(a.at("at")) })
	case "event":
		rows(x.t, d, x.event)
	case "progress":
		rows(x.t, d, x.progress)
	case "request":
		rows(x.t, d, x.request)
	case "tick":
		rows(x.t, d, func(a *words) {
			if a.has("deadline") {
				x.fold(x.controller.Deadline(), &Tick{})
				return
			}
			x.fold(a.at("at"), &Tick{})
		})
	default:
		d.Fatalf(x.t, "no line begins with %s; known are start, policy, switch, event, progress, request, tick", d.Cmd)
	}
	if x.lines == nil {
		return "nothing is said\n"
	}
	return strings.Join(x.lines, "\n") + "\n"
}

// start begins a case: an empty ledger and empty partitions under the policy below the line, else the built-in one.
func (x *transcript) start(d *datadriven.TestData) {
	*x = transcript{
		printer: printer{controller: NewController(), names: map[string]string{}}, t: x.t,
		partitions: map[string]*live{}, offsets: map[string]int64{}, commands: map[string]string{},
	}
	one(x.t, d, func(a *words) {
		x.trials = a.has("trials")
		x.active = x.read(d)
		x.policy = x.active
		x.foldPolicy(a.at("at"))
	})
}

func (x *transcript) read(d *datadriven.TestData) *Policy {
	if d.Input == "" {
		p, err := BuiltIn("")
		if err != nil {
			x.t.Fatal(err)
		}
		return p
	}
	text, err := yaml.YAMLToJSON([]byte(d.Input))
	if err != nil {
		d.Fatalf(x.t, "the policy is no YAML: %v", err)
	}
	p, err := ParsePolicy(text, "")
	if err != nil {
		d.Fatalf(x.t, "%v", err)
	}
	return p
}

func (x *transcript) foldPolicy(at int64) {
	x.fold(at, &PolicyEntry{Revision: x.active.Revision, Policy: x.active.Canonical(), LedgerID: testLedger, Author: "ann"})
}

// newPolicy proposes a policy to the ledger; the partitions switch at once, or later.
func (x *transcript) newPolicy(d *datadriven.TestData) {
	one(x.t, d, func(a *words) {
		before := x.active
		x.active = x.read(d)
		x.foldPolicy(a.at("at"))
		if x.active.Revision <= before.Revision {
			x.active = before
		}
		if !a.has("ledger-only") {
			x.switchPartitions(a.at("at"))
		}
	})
}

func (x *transcript) switchPartitions(at int64) {
	x.policy = x.active
	for _, key := range slices.Sorted(maps.Keys(x.partitions)) {
		x.enter(at, at, x.partitions[key].take(happening{policy: x.policy}))
	}
}

// event takes an event to its partition, and the alerts that come of it to the ledger.
func (x *transcript) event(a *words) {
	topic, on := "monitoring.drift", OnDrift
	if a.kind("drift", "performance") == "performance" {
		topic, on = "monitoring.performance", OnPerformance
	}
	key := fmt.Sprintf("%s/%d", topic, int32(a.number("partition", 0)))
	if x.partitions[key] == nil {
		x.partitions[key] = newLive(x.t, on, x.policy)
	}
	p, at := x.partitions[key], a.at("at")
	origin := Origin{topic, int32(a.number("partition", 0)), x.offsets[key], at}
	x.offsets[key]++
	alerts := p.Pass(at, nil)
	if e, bad := a.event(at); bad != nil {
		x.deadLetter(&origin, bad)
	} else {
		var outcome Outcome
		alerts, outcome = p.Fold(&origin, e, alerts)
		x.outcome(&origin, outcome, len(alerts) > 0)
	}
	ledger := at
	if a.has("ledger") {
		ledger = a.at("ledger")
	}
	x.enter(at, ledger, alerts)
}

// enter appends alerts to the ledger, one after the other.
func (x *transcript) enter(at, ledger int64, alerts []*Alert) {
	for _, alert := range alerts {
		x.alert(at, alert)
		x.fold(ledger, alert)
	}
}

func (x *transcript) progress(a *words) {
	p := &Progress{
		Kind: ProgressKind(a.kind("started", "progress", "succeeded", "failed")), CommandID: x.commands[a.need("command")],
		Worker: a.text("worker"), NewVersion: a.text("new_version"), ErrorCode: a.text("error_code"), At: a.at("at"),
		BestParams: a.table("best"),
	}
	if a.has("mAP") {
		p.Metrics = map[string]float64{"mAP": a.number("mAP", 0)}
	}
	x.fold(p.At, p)
}

func (x *transcript) request(a *words) {
	r := &Request{
		RequestID: "r", Verb: Trigger, Action: new(RetrainAction(a.kind("soft", "full"))), Model: a.need("model"), Create: a.has("create"),
		Author: orEmpty(a.text("author")), Comment: orEmpty(a.text("comment")), At: a.at("at"),
	}
	x.fold(r.At, r)
}

// fold folds one entry of the ledger and prints what it writes.
func (x *transcript) fold(at int64, e Entry) {
	before := x.controller.Counts()
	for _, o := range mustStep(x.t, x.controller, entryAt{at, e}) {
		if d, ok := o.(*Decision); ok && d.CommandID != nil {
			name := fmt.Sprintf("%s/%d", d.Model, d.CommandNumber)
			x.commands[name], x.names[*d.CommandID] = *d.CommandID, name
		}
		x.output(o)
	}
	x.counted(before, x.controller.Counts())
}

// restart makes everything anew from its checkpoints.
func (x *transcript) restart() {
	for key, p := range x.partitions {
		p.save(true)
		x.partitions[key] = p.restart(x.t, false)
	}
	counts := x.controller.counts // which a restart forgets
	x.controller = copyOf(x.t, x.controller)
	x.controller.counts = counts
}
