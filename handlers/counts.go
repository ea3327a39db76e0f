package handlers

import "github.com/visutility/retrainer/retrain"

// deadLetter stands behind the outcomes that retrain knows.
const deadLetter = retrain.Outcomes

// EventOutcomes are the outcomes that Events counts, in the order of its counts.
func EventOutcomes() []string {
	var all []string
	for o := range retrain.Outcomes {
		all = append(all, o.String())
	}
	return append(all, "dead_letter")
}

// AppendCounts gives how many events had each outcome.
func (h *Events) AppendCounts(n []int64) []int64 { return append(n, h.counts[:]...) }

// LedgerCounts says what Ledger counts, in the order of its counts: entries that changed nothing, by why; and then OpenCommands, which
// is how many are open now.
func LedgerCounts() []string {
	return []string{"before_policy", "policy_not_greater", "alert_older", "alert_of_no_model", "request_unusable", "progress_unknown",
		"progress_after_end", OpenCommands}
}

// OpenCommands is the last of LedgerCounts.
const OpenCommands = "open_commands"

// AppendCounts gives the counts that LedgerCounts names.
func (h *Ledger) AppendCounts(n []int64) []int64 {
	c := h.controller.Counts()
	for _, x := range []int{c.BeforePolicy, c.PolicyNotGreater, c.AlertOlder, c.AlertOfNoModel, c.RequestUnusable, c.ProgressUnknown,
		c.ProgressAfterEnd, h.controller.OpenCommands()} {
		n = append(n, int64(x))
	}
	return n
}
