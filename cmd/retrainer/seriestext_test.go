package main

import (
	"strings"
	"testing"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/retrain"
)

const noon = int64(1_772_366_400_000) // 2026-03-01 12:00 UTC

func TestEachRuleIsToldInPlainWords(t *testing.T) {
	for want, r := range map[string]retrain.RuleView{
		"fires at a mAP_change below -0.05, and is over at -0.02 or more": {Judges: "mAP_change",
			Threshold: &retrain.ThresholdView{Level: -0.05, Clear: -0.02, Below: true, MinChecks: 1}},
		"fires at a ks above 1, from check 5 on, and is over at 0.5 or less": {Judges: "ks", Threshold: &retrain.ThresholdView{Level: 1, Clear: 0.5, MinChecks: 5}},
		"fires when 20 of the last 24 checks had a p_value below 0.001, and is over when fewer have": {Judges: "p_value",
			Sustained: &retrain.SustainedView{Level: 0.001, Below: true, K: 20, N: 24}},
		"compares each p_value with those before it, of which the first 48 only teach what is usual; evidence W adds up, and the rule fires at h = 14.3, " +
			"which chance alone brings once in 1,680,000 checks or less often; no check brings more than h/6: at least 6 checks must agree": {Judges: "p_value",
			Cusum: &retrain.CusumView{Warmup: 48, H: 14.334, Arl: 1.68e6, Votes: 6}},
		"compares each kl_divergence with those before it, of which the first 2 only teach what is usual; evidence W adds up, and the rule fires at h = 3, " +
			"which chance alone brings once in 20 checks or less often": {Judges: "kl_divergence", Cusum: &retrain.CusumView{Warmup: 2, H: 3, Arl: 20, Votes: 1}},
	} {
		if got := howItJudges(&r); got != want {
			t.Errorf("%s\nexpected\n%s", got, want)
		}
	}
}

func TestEachSeriesSaysHowFarItIsFromFiring(t *testing.T) {
	rule := func(r retrain.RuleView) retrain.SeriesView { return retrain.SeriesView{RuleView: r, Newest: new(noon)} }
	firing := rule(retrain.RuleView{Sustained: &retrain.SustainedView{Level: 0.001, Below: true, Ones: 21, K: 20, N: 24, FirstBreach: new(noon - 1000)}})
	firing.Firing = &retrain.Alert{Since: new(noon - 1000), Field: "p_value", Value: new(0.0004), Topic: "monitoring.drift", Partition: 3, Offset: 118}
	began := rule(retrain.RuleView{Cusum: &retrain.CusumView{Warmup: 48, WarmupLeft: 48}})
	began.Firing = firing.Firing
	for want, x := range map[string]retrain.SeriesView{
		"nothing of this kind has come yet": {RuleView: retrain.RuleView{Cusum: &retrain.CusumView{Warmup: 48, WarmupLeft: 48}}},
		"12 of 48 warm-up checks are still to come; until then it learns what is usual, and cannot fire": rule(retrain.RuleView{
			Cusum: &retrain.CusumView{N: 36, Warmup: 48, WarmupLeft: 12}}),
		"no evidence of drift: W = -0.31, it fires at h = 14.3; z = 0.19 at the last check|" +
			"baseline of 1,200 checks: usually about 0.43 (mean 0.176, standard deviation 0.95 on the scale of the rule)": rule(retrain.RuleView{
			Cusum: &retrain.CusumView{N: 1200, Warmup: 48, H: 14.334, W: -0.31, Z: new(0.19), Usual: 0.43, Mean: 0.1764, Sigma: 0.95}}),
		"evidence of drift W = 7.2 of h = 14.4 (50%), growing since 2026-03-01 12:00:00 UTC; z = 2.4 at the last check|" +
			"baseline of 60 checks: usually about 0.5 (mean 0, standard deviation 1 on the scale of the rule)": rule(retrain.RuleView{
			Cusum: &retrain.CusumView{N: 60, Warmup: 48, H: 14.4, W: 7.2, Z: new(2.4), Usual: 0.5, Mean: -2.3e-17, Sigma: 1, GrowingSince: new(noon)}}),
		"no evidence of drift: W = 0, it fires at h = 3|baseline of 48 checks: usually about 2 (mean 0.7, standard deviation 1 on the scale of the rule)": rule(retrain.RuleView{
			Cusum: &retrain.CusumView{N: 48, Warmup: 48, H: 3, Usual: 2, Mean: 0.7, Sigma: 1}}),
		"below 0.001 in 0 of its last 24 checks; it fires at 20": rule(retrain.RuleView{Sustained: &retrain.SustainedView{Level: 0.001, Below: true, K: 20, N: 24}}),
		"FIRING since 2026-03-01 11:59:59 UTC; last said of p_value 0.0004 in the event at monitoring.drift/3/118|" +
			"below 0.001 in 21 of its last 24 checks; it fires at 20, the first of them at 2026-03-01 11:59:59 UTC": firing,
		"FIRING since 2026-03-01 11:59:59 UTC; last said of p_value 0.0004 in the event at monitoring.drift/3/118; it has begun anew since:|" +
			"48 of 48 warm-up checks are still to come; until then it learns what is usual, and cannot fire": began,
		"within its limit; it fires below -0.05": rule(retrain.RuleView{Threshold: &retrain.ThresholdView{Level: -0.05, Clear: -0.02, Below: true, Seen: 3, MinChecks: 1}}),
		"beyond its limit (below -0.05); it is over at -0.02 or more": rule(retrain.RuleView{
			Threshold: &retrain.ThresholdView{Level: -0.05, Clear: -0.02, Below: true, Seen: 3, MinChecks: 1, On: true}}),
		"3 of 4 checks are still to come before one above 1 fires": rule(retrain.RuleView{Threshold: &retrain.ThresholdView{Level: 1, Clear: 1, Seen: 1, MinChecks: 5}}),
	} {
		if got := strings.Join(standing(&x), "|"); got != want {
			t.Errorf("%s\nexpected\n%s", got, want)
		}
	}
}

func TestTheSourcesNearestToFiringAreShownFirst(t *testing.T) {
	w := &watched{}
	for i, evidence := range []float64{-1, 2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 8} {
		w.sources = append(w.sources, &watchedSource{SourceView: &retrain.SourceView{Stream: new(string(rune('a' + i))), Judged: true, Heard: noon,
			Versions: []retrain.VersionView{{Version: new("v1"), Series: []retrain.SeriesView{{RuleView: retrain.RuleView{Judges: "p_value", Action: retrain.FullRetrain,
				Cusum: &retrain.CusumView{N: 60, Warmup: 48, H: 10, W: evidence, Z: new(1.0)}}, Newest: new(noon)}}}}},
			topic: "d", partition: 1, saved: consumer.Saved{Checkpoint: 1200, Position: 1207}})
	}
	w.sources[2].Judged = false
	var b strings.Builder
	printSources(&page{out: &b}, w)
	lines := strings.Split(b.String(), "\n")
	if lines[2] != "  stream c (last heard 2026-03-01 12:00:00 UTC; as of offset 1,200 of d/1, without 7 records since)" || lines[3] != "    no rule of the policy judges it (observe)" ||
		!strings.HasPrefix(lines[4], "  stream l ") || !strings.HasPrefix(lines[5], "    v1, p_value, asks for full  evidence of drift W = 8 of h = 10 (80%)") ||
		!strings.Contains(b.String(), "\n  and 2 more\n") || strings.Contains(b.String(), "stream k ") {
		t.Error(b.String())
	}
}
