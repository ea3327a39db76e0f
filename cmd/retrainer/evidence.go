package main

import (
	"cmp"
	"fmt"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/retrain"
)

// printEvidence lists alerts by where their events stand.
func printEvidence(p *page, alerts []retrain.Evidence) {
	rows := [][]string{}
	for _, e := range alerts {
		value, limit := phrases.Judged(&e)
		rows = append(rows, []string{fmt.Sprintf("%s/%d/%d", e.Topic, e.Partition, e.Offset), retrain.Clock(e.EventTime), phrases.About(e.Stream, e.Model, e.ModelVersion),
			value, limit, string(e.Action), phrases.OrDate(e.Since), cmp.Or(phrases.RuleName(e.Rule), e.RuleID)})
	}
	p.list([]string{"EVENT AT", "TIME", "ABOUT", "VALUE", "LIMIT", "ASKS FOR", "SINCE", "RULE"}, rows, mostRows, "; --json prints all")
}

// printReasons lists the alerts behind a decision, and says what their rules do.
func printReasons(p *page, known policies, evidence []retrain.Evidence, revision int32) {
	if len(evidence) == 0 {
		return
	}
	p.heading("evidence, with the topic/partition/offset of the event behind each alert")
	printEvidence(p, evidence)
	policy, said := known.byNumber[revision], map[string]bool{}
	if policy == nil {
		return
	}
	rows := [][]string{}
	for i := range evidence {
		e := &evidence[i]
		if said[e.RuleID] {
			continue
		}
		said[e.RuleID] = true
		name := e.RuleID
		if n := phrases.RuleName(e.Rule); n != "" {
			name = n
		}
		if r, ok := policy.RuleView(e.RuleID); ok {
			rows = append(rows, []string{name, howItJudges(&r)})
		}
	}
	if len(rows) > 0 {
		p.heading("how the rules judge")
		p.table("  ", rows[:min(len(rows), mostRows)]...)
	}
}
