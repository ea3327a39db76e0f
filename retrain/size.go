package retrain

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A topic takes records of 1 MiB unless it is told otherwise (max.message.bytes), and what a step writes cannot be refused:
// the process would stop at it. So what goes into one record is bounded, a text here, a list there; the bounds leave room
// for one another. A Command is the largest: evidence, dataset, trials and explanation.
const (
	maxDataRef     = 256 << 10 // bytes: a Command's dataset
	maxTrialBytes  = 128 << 10 // bytes: a Command's space and trials
	maxExplanation = 32 << 10  // bytes, the rest is cut
	mostEvidence   = 384 << 10 // bytes of evidence in a record; beyond them the explanation has the number of alerts
	mostShown      = 128 << 10 // the same of a Model, which is written with every alert that comes or goes
	mostConcerned  = 512 << 10 // bytes of names of the models that one alert may concern
	mostSource     = 896 << 10 // bytes of a source in a checkpoint
	mostVersions   = 512 << 10 // bytes of a model's versions, the oldest go
	mostAnswered   = 20_000    // alerts that a command is known to answer; others are decided again when it has ended
	maxProgress    = 256 << 10 // bytes of metrics and best_params
	maxKeptRef     = 4 << 10   // bytes of the data_ref that a source keeps of a firing alert
	maxErrorText   = 32 << 10  // bytes of an error_message, the rest is cut
	maxRequestText = 16 << 10  // bytes of a comment, the rest is cut
	maxPolicy      = 512 << 10 // bytes of a normalised policy

	mostStreams  = 4                                    // {stream} in the name of a model, each at most maxID bytes
	maxDataset   = maxDataRef * len("{stream}") / maxID // bytes in a policy, so that with every {stream} replaced it is a data_ref
	maxBestValue = 64                                   // bytes of a number that a trainer reports as the best
	maxValue     = 24                                   // bytes of a number that a tuner writes
)

// size is an upper bound of what the alert takes as evidence: texts, and 16 numbers and lengths of at most 10 bytes.
func (a *Alert) size() int {
	return 160 + len(a.AlertID) + lengths(a.Stream, a.Model, a.ModelVersion) + len(a.RuleID) + len(a.Rule) + len(a.EventID) + len(a.Topic)
}

func (v *Version) size() int {
	return 80 + len(v.Version) + lengths(v.Parent, v.CommandID, v.Dataset) + sizeOf(v.Metrics) + sizeOf(v.BestParams) + textsOf(v.BestParams)
}

// size is an upper bound of what space and trials take in a command.
func (t *Train) size() int {
	space, row, best, rows := 0, 20, 20, 1.0
	for _, p := range t.Space {
		longest := maxValue
		space += 40 + len(p.Name)
		for _, v := range p.Values {
			longest = max(longest, len(v))
			space += 5 + len(v)
		}
		row += 10 + len(p.Name) + longest
		best += 10 + len(p.Name) + max(longest, maxBestValue)
		if rows *= float64(len(p.Values)); p.Low != nil { // then Values is empty
			rows = math.Inf(1)
		}
	}
	if t.Tuner != "grid" { // which gives no row twice
		rows = math.Inf(1)
	}
	return space + best + row*int(min(rows, float64(t.Trials)))
}

// fits says whether what the policy lets come together has room in one record; the error is PolicyErrors.
func (p *Policy) fits() error {
	names, seen := 0, map[string]bool{}
	lists := [][]string{p.bindDefault}
	for _, line := range p.bind {
		lists = append(lists, line.models)
	}
	for _, name := range slices.Concat(lists...) {
		if !seen[name] {
			seen[name] = true
			names += len(name) + maxID*strings.Count(name, "{stream}") + 10
		}
	}
	if names > mostConcerned {
		return PolicyErrors{{Path: Path{"bind"}, Problem: fmt.Sprintf("one stream may be bound to models whose names have %d bytes, at most %d are possible: "+
			"fewer models are needed, or several policies, each with an --app of its own", names, mostConcerned)}}
	}
	for i, line := range p.observe {
		if n := sourceSize(line.rules); n > mostSource {
			return PolicyErrors{{Path: Path{"observe", i, "rules"}, Problem: fmt.Sprintf("a source that these %d rules judge may need %d bytes in its checkpoint, at most %d are possible: "+
				"fewer rules are needed, or a smaller n", len(line.rules), n, mostSource)}}
		}
	}
	return nil
}

// sourceSize is an upper bound of what a source with these rules takes in a checkpoint: two versions, each with a series of
// every rule, all with a firing alert.
func sourceSize(rules []*Rule) int {
	const longestTopic, marks = 249, 4
	alert := Alert{Stream: new(string), Model: new(string), ModelVersion: new(string)}
	n := 0
	for _, r := range rules {
		n += alert.size() + 32 + 4*maxID + longestTopic + len(r.ID) + len(r.Text) + maxKeptRef + 8*(marks+r.observer.words()) + 32
	}
	return 2 * (n + maxID + 16)
}

func lengths(texts ...*string) int {
	n := 0
	for _, t := range texts {
		n += len(orEmpty(t))
	}
	return n
}

// sizeOf is what the names of a map take, with a number or a length each.
func sizeOf[V any](m map[string]V) int {
	n := 10 * len(m)
	for name := range m { // order: a sum
		n += len(name) + 10
	}
	return n
}

func textsOf(m map[string]string) int {
	n := 0
	for _, text := range m { // order: a sum
		n += len(text)
	}
	return n
}

// cut shortens a text to so many bytes, not within a character, and says so.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > 0 && text[end]&0xc0 == 0x80 {
		end--
	}
	return text[:end] + "..."
}

func cutIfThere(text *string, most int) *string {
	if text == nil {
		return nil
	}
	return new(cut(*text, most))
}
