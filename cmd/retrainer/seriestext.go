package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/retrain"
)

// howItJudges says what makes a rule fire.
func howItJudges(r *retrain.RuleView) string {
	switch t, s, c := r.Threshold, r.Sustained, r.Cusum; {
	case t != nil:
		text := fmt.Sprintf("fires at a %s %s", r.Judges, phrases.Bound(t.Below, t.Level))
		if t.MinChecks > 1 {
			text += fmt.Sprintf(", from check %s on", retrain.Thousands(t.MinChecks))
		}
		return text + ", and is over at " + past(t)
	case s != nil:
		return fmt.Sprintf("fires when %d of the last %s had a %s %s, and is over when fewer have", s.K, phrases.Count(s.N, "check"), r.Judges, phrases.Bound(s.Below, s.Level))
	case c != nil:
		text := fmt.Sprintf("compares each %s with those before it, of which the first %s only teach what is usual; evidence W adds up, and the rule fires at h = %s, "+
			"which chance alone brings once in %s checks or less often", r.Judges, retrain.Thousands(c.Warmup), retrain.Rough(c.H), retrain.Thousands(c.Arl))
		if c.Votes > 1 {
			text += fmt.Sprintf("; no check brings more than h/%s: at least %s must agree", retrain.Rough(c.Votes), phrases.Count(int(math.Ceil(c.Votes)), "check"))
		}
		return text
	}
	return ""
}

// past is where a threshold's alert is over.
func past(t *retrain.ThresholdView) string {
	if t.Below {
		return retrain.Amount(t.Clear) + " or more"
	}
	return retrain.Amount(t.Clear) + " or less"
}

// standing says how far a series is from firing, in one or more lines.
func standing(x *retrain.SeriesView) []string {
	var lines []string
	switch {
	case x.Newest == nil:
		lines = []string{"nothing of this kind has come yet"}
	case x.Threshold != nil:
		lines = standingOfThreshold(x.Threshold)
	case x.Sustained != nil:
		lines = standingOfSustained(x.Sustained)
	case x.Cusum != nil:
		lines = standingOfCusum(x.Cusum)
	}
	if a := x.Firing; a != nil {
		at := "FIRING since " + phrases.OrDate(a.Since)
		if a.Value != nil {
			at += fmt.Sprintf("; last said of %s %s in the event at %s/%d/%d", a.Field, retrain.Amount(*a.Value), a.Topic, a.Partition, a.Offset)
		}
		if x.Cusum != nil {
			at += "; it has begun anew since:"
		}
		lines = append([]string{at}, lines...)
	}
	return lines
}

func standingOfThreshold(t *retrain.ThresholdView) []string {
	switch {
	case t.On:
		return []string{fmt.Sprintf("beyond its limit (%s); it is over at %s", phrases.Bound(t.Below, t.Level), past(t))}
	case t.Seen+1 < t.MinChecks:
		return []string{fmt.Sprintf("%d of %d checks are still to come before one %s fires", t.MinChecks-t.Seen-1, t.MinChecks-1, phrases.Bound(t.Below, t.Level))}
	}
	return []string{fmt.Sprintf("within its limit; it fires %s", phrases.Bound(t.Below, t.Level))}
}

func standingOfSustained(s *retrain.SustainedView) []string {
	text := fmt.Sprintf("%s in %d of its last %s; it fires at %d", phrases.Bound(s.Below, s.Level), s.Ones, phrases.Count(s.N, "check"), s.K)
	if s.FirstBreach != nil {
		text += ", the first of them at " + retrain.Clock(*s.FirstBreach)
	}
	return []string{text}
}

func standingOfCusum(c *retrain.CusumView) []string {
	if c.WarmupLeft > 0 {
		return []string{fmt.Sprintf("%s of %s warm-up checks are still to come; until then it learns what is usual, and cannot fire",
			retrain.Thousands(c.WarmupLeft), retrain.Thousands(c.Warmup))}
	}
	evidence := fmt.Sprintf("no evidence of drift: W = %s, it fires at h = %s", retrain.Rough(c.W), retrain.Rough(c.H))
	if c.W > 0 {
		evidence = fmt.Sprintf("evidence of drift W = %s of h = %s (%s)", retrain.Rough(c.W), retrain.Rough(c.H), share(c.W, c.H))
		if c.GrowingSince != nil {
			evidence += ", growing since " + retrain.Clock(*c.GrowingSince)
		}
	}
	if c.Z != nil {
		evidence += fmt.Sprintf("; z = %s at the last check", retrain.Rough(*c.Z))
	}
	if math.Abs(c.Mean) < c.Sigma/1e6 {
		c.Mean = 0 // what is left of rounding
	}
	baseline := fmt.Sprintf("baseline of %s: usually about %s (mean %s, standard deviation %s on the scale of the rule)",
		phrases.Count(int(c.N), "check"), retrain.Rough(c.Usual), retrain.Rough(c.Mean), retrain.Rough(c.Sigma))
	return []string{evidence, baseline}
}

// nearness is how near a series is to firing: 1 and more is firing.
func nearness(x *retrain.SeriesView) float64 {
	switch {
	case x.Firing != nil:
		return 2
	case x.Sustained != nil:
		return float64(x.Sustained.Ones) / float64(x.Sustained.K)
	case x.Cusum != nil:
		return max(x.Cusum.W, 0) / x.Cusum.H
	}
	return 0
}

func (s *watchedSource) nearness() float64 {
	most := 0.0
	for _, v := range s.Versions {
		for i := range v.Series {
			most = max(most, nearness(&v.Series[i]))
		}
	}
	return most
}

// mostSources is how many sources of a model are shown, those nearest to firing.
const mostSources = 10

// printSources says what the sources of a model show.
func printSources(p *page, w *watched) {
	slices.SortStableFunc(w.sources, func(a, b *watchedSource) int { return cmp.Compare(b.nearness(), a.nearness()) })
	shown := w.sources[:min(len(w.sources), mostSources)]
	p.heading("what its sources show, those nearest to firing first")
	evidence := false
	for _, s := range shown {
		p.line("  %s (last heard %s; %s)", phrases.About(s.Stream, s.Model, nil), retrain.Clock(s.Heard), s.asOf())
		if !s.Judged {
			p.line("    no rule of the policy judges it (observe)")
			continue
		}
		for _, v := range s.Versions {
			rows := [][]string{}
			for i := range v.Series {
				rows = append(rows, seriesRows(&v, &v.Series[i])...)
				evidence = evidence || v.Series[i].Cusum != nil && v.Series[i].Cusum.Z != nil
			}
			p.table("    ", rows...)
		}
	}
	if more := len(w.sources) - len(shown); more > 0 {
		p.line("  and %s more", retrain.Thousands(more))
	}
	if evidence {
		p.line("  z: how many standard deviations the check lies from what is usual, greater is worse. W: what such checks add up to; at h the rule fires.")
	}
}

func seriesRows(v *retrain.VersionView, x *retrain.SeriesView) [][]string {
	name := fmt.Sprintf("%s, asks for %s", x.Judges, x.Action)
	if v.Version != nil {
		name = *v.Version + ", " + name
	}
	if rule := phrases.RuleName(x.Text); rule != "" {
		name += ", rule " + rule
	}
	rows := [][]string{}
	for i, line := range standing(x) {
		if i > 0 {
			name = ""
		}
		rows = append(rows, []string{strings.TrimSpace(name), line})
	}
	return rows
}
