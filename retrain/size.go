package retrain

import "math"

// A topic takes records of 1 MiB unless it is told otherwise (max.message.bytes), and what a step writes cannot be refused:
// the process would stop at it. So what goes into one record is bounded, a text here, a list there; the bounds leave room
// for one another. A Command is the largest: evidence, dataset, trials and explanation.
const (
	maxDataRef     = 256 << 10 // bytes: a Command's dataset
	maxTrials      = 128 << 10 // bytes: a Command's space and trials
	maxExplanation = 32 << 10  // bytes, the rest is cut
	mostEvidence   = 384 << 10 // bytes of evidence in a record; beyond them the explanation has the number of alerts
	mostVersions   = 512 << 10 // bytes of a model's versions, the oldest go
	mostAnswered   = 20_000    // alerts that a command is known to answer; others are decided again when it has ended
	maxProgress    = 256 << 10 // bytes of metrics and best_params
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
