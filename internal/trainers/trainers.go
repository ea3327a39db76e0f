// Package trainers writes what trainers say of commands, for tests: well, badly, late, never, and words that nobody can use. It knows
// the records and no topic; who writes them, and where, is a test's own.
package trainers

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// Pace is how long a trainer waits.
type Pace struct {
	Word      time.Duration // between the words of a short training
	Step      time.Duration // between those of a long one
	Late      time.Duration // with a success behind a failure, and up to five times that
	Unclaimed time.Duration // until nobody may begin any more
	Overdue   time.Duration // until what began must have ended
}

// Word is a record of the progress topic, so long after the one before.
type Word struct {
	After time.Duration
	Value []byte
}

// Seen is what the judge must have counted where all lives were lived.
var Seen = []string{
	"trainings succeeded,", "trainings succeeded late", "trainings failed", "trainings superseded", "trainings unclaimed", "trainings max_runtime",
	"words on no command", "words after the end", "commands that begin with the parent's parameters",
	"Progress tombstone", "Progress framing", "Progress schema_unknown", "Progress malformed", "Progress oversized", "Progress invalid_value", "Progress unknown_kind",
}

// Lives is how many ways there are to live.
func Lives() int { return len(lives) }

// Words are those on the n-th command, whose way is the n-th. Trainings have parameters of the built-in space.
func Words(cmd *retrain.Command, n int, p Pace) []Word {
	t := &training{cmd: cmd, n: n, pace: p}
	lives[n%len(lives)](t)
	return t.words
}

type training struct {
	cmd   *retrain.Command
	n     int
	pace  Pace
	words []Word
}

// change is what a word says beside its kind.
type change = func(*retrain.Progress)

func (t *training) say(after time.Duration, kind retrain.ProgressKind, changes ...change) {
	t.words = append(t.words, Word{after, t.record(kind, changes...)})
}

var codec = schemas.MustCodec[retrain.Progress]("Progress")

func (t *training) record(kind retrain.ProgressKind, changes ...change) []byte {
	p := &retrain.Progress{CommandID: t.cmd.CommandID, Kind: kind, Worker: new("trainer"), At: t.cmd.IssuedAt}
	for _, c := range changes {
		c(p)
	}
	b, err := codec.Append(nil, p)
	if err != nil {
		panic(err) // the struct is the schema
	}
	return b
}

func by(worker string) change { return func(p *retrain.Progress) { p.Worker = &worker } }

func byNobody(p *retrain.Progress) { p.Worker = nil }

func on(command string) change { return func(p *retrain.Progress) { p.CommandID = command } }

func as(version string) change { return func(p *retrain.Progress) { p.NewVersion = &version } }

func at(step, total int64) change {
	return func(p *retrain.Progress) {
		p.Step, p.Total, p.Metrics = &step, &total, map[string]float64{"loss": 1 / float64(step), "seen": float64(step)}
	}
}

func because(code, message string, retryable bool) change {
	return func(p *retrain.Progress) {
		p.ErrorCode, p.ErrorMessage, p.Retryable, p.Metrics = &code, &message, &retryable, map[string]float64{"loss": 3}
	}
}

// best reports parameters that lie in the space.
func (t *training) best(p *retrain.Progress) {
	u := float64(t.n%100) / 100
	p.Metrics = map[string]float64{"mAP": 0.5 + u/2, "loss": -u, "tiny": math.SmallestNonzeroFloat64}
	p.BestParams = map[string]string{"lr": fmt.Sprintf("%.3fe-3", 1+8*u), "batch_size": []string{"16", "24", "32", "64"}[t.n/7%4]}
}

// elsewhere reports some that do not.
func (t *training) elsewhere(p *retrain.Progress) {
	p.BestParams = []map[string]string{
		{"lr": "0.5", "batch_size": "16"}, {"lr": "0.001"}, {"lr": "0.001", "batch_size": "17"}, {"lr": "+0.001", "batch_size": "16"},
		{"lr": "0.001", "batch_size": "16", "depth": "3"}, {"lr": "0." + strings.Repeat("0", 61) + "1", "batch_size": "16"}, {},
	}[t.n/7%7]
}
