package trainers

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/visutility/retrainer/retrain"
)

const (
	started   = retrain.Started
	progress  = retrain.InProgress
	succeeded = retrain.Succeeded
	failed    = retrain.Failed
)

// lives of commands, one after the other.
var lives = []func(t *training){
	func(t *training) { t.say(0, started); t.say(0, succeeded) },
	func(t *training) {
		t.say(t.pace.Word, started)
		t.say(t.pace.Word, failed, because("exit_1", "no such file", true))
	},
	func(*training) {}, // never taken up
	func(t *training) { // well, with a name of its own, and once more with another
		t.say(0, started)
		for i := range int64(4) {
			t.say(t.pace.Word, progress, at(i+1, 4))
		}
		t.say(t.pace.Word, succeeded, t.best, as(fmt.Sprint("trained-", t.n)))
		t.say(0, succeeded, t.best, as(fmt.Sprint("again-", t.n)))
	},
	func(t *training) { // begins with progress; the version may be there already: its entry is replaced
		t.say(t.pace.Word, progress, at(1, 2), byNobody)
		t.say(t.pace.Word, succeeded, t.best, as("v2"), by("another"))
	},
	func(t *training) { // a failure that was none
		t.say(0, started)
		t.say(0, failed, because("lost", "the worker was lost", true))
		t.say(t.pace.Word, succeeded, t.best, by("found"))
	},
	func(t *training) { t.say(t.pace.Unclaimed, succeeded, t.best) },
	func(t *training) { // longer than it may
		t.say(0, started)
		t.say(t.pace.Overdue, progress, at(9, 9))
		t.say(0, failed, because("late", "", false))
		t.say(0, succeeded, t.best, byNobody)
	},
	func(t *training) { // nothing is said of its start, and much after its end
		t.say(t.pace.Word, succeeded, as("v99999999999999999999.7"))
		t.say(0, started, by("late"))
		t.say(0, progress, at(1, 1))
		t.say(0, failed, because("exit_2", "", false))
	},
	func(t *training) { // everything twice, and texts that are too long
		for range 2 {
			t.say(0, started, by(strings.Repeat("wörker", 100)))
		}
		for range 2 {
			t.say(t.pace.Word, failed, because(strings.Repeat("é", 300), strings.Repeat("日本", 6000), false))
		}
	},
	func(t *training) {
		t.unusable()
		t.say(0, started)
		t.say(t.pace.Word, progress, at(1, 2), on("1b671a64-40d5-491e-99b0-da01ff1f3341"))
		t.say(0, succeeded, t.best, on("nobody's"))
		t.say(0, succeeded, t.best)
	},
	func(t *training) { t.say(t.pace.Word, started); t.say(0, succeeded, t.elsewhere) },
	func(t *training) { // two workers have it
		t.say(0, started, by("first"))
		t.say(0, started, by("second"))
		t.say(t.pace.Word, succeeded, t.best, by("first"))
		t.say(0, succeeded, t.best, as("second's"), by("second"))
	},
	func(t *training) { // so late that another may have succeeded since
		t.say(0, failed, because("exit_1", "", true))
		t.say(time.Duration(1+t.n%5)*t.pace.Late, succeeded, t.best)
	},
	func(t *training) { // long
		t.say(0, started)
		for i := range int64(6) {
			t.say(t.pace.Step, progress, at(i+1, 6))
		}
		t.say(0, succeeded, t.best)
	},
}

// unusable says what must become dead letters and nothing else.
func (t *training) unusable() {
	good := t.record(succeeded, t.best)
	spoilt := func(at int, b byte) []byte {
		value := slices.Clone(good)
		value[at] = b
		return value
	}
	const fingerprint, kind = 5, 10 + 1 + 36 // kind is behind the header, the length and the text of command_id
	for _, value := range [][]byte{
		nil,                                      // tombstone
		[]byte("no Avro at all"),                 // framing
		spoilt(fingerprint, good[fingerprint]^1), // schema_unknown
		good[:len(good)-1],                       // malformed
		append(slices.Clone(good), 0),            // malformed
		spoilt(kind, 2*9),                        // malformed: the enum has no such symbol
		spoilt(kind, 0),                          // unknown_kind
		t.record(succeeded, as("v1\n")),          // invalid_value, and so are these
		t.record(succeeded, as("")),
		t.record(started, on(strings.Repeat("c", 513))),
		t.record(progress, on("")),
		t.record(succeeded, func(p *retrain.Progress) { p.Metrics = map[string]float64{"mAP": math.NaN()} }),
		t.record(succeeded, func(p *retrain.Progress) { p.Metrics = map[string]float64{"mAP": math.Inf(-1)} }),
	} {
		t.words = append(t.words, Word{Value: value})
	}
	if t.n/15%4 == 0 { // it is large
		t.say(0, succeeded, func(p *retrain.Progress) { p.BestParams = map[string]string{"note": strings.Repeat("x", 256<<10)} })
	}
}
