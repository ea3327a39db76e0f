package retrain

import "math"

// SourceView is what Sources know of a source, for people. It shares nothing with them.
type SourceView struct {
	On            On
	Stream, Model *string
	Heard         int64         // record time
	Models        []string      // that the policy binds it to
	Judged        bool          // the policy has rules for it
	Versions      []VersionView // the one heard last first
}

// VersionView has the series of one model version of a source, in the policy's order. A nil Version is none.
type VersionView struct {
	Version *string
	Series  []SeriesView
}

// SeriesView is the state of one series.
type SeriesView struct {
	RuleView
	Newest *int64 // time of the newest event that it folded; nil: none yet
	Firing *Alert
}

// RuleView is a rule with what its observer remembers; of a rule alone that is nothing. Of the last three fields one is set.
type RuleView struct {
	ID, Text  string
	Action    RetrainAction
	Judges    string // the field, or the method of a value
	Threshold *ThresholdView
	Sustained *SustainedView
	Cusum     *CusumView
}

// ThresholdView is the state of a threshold.
type ThresholdView struct {
	Level, Clear    float64
	Below           bool // below the level is bad
	Seen, MinChecks uint32
	On              bool
}

// SustainedView is the state of k of n.
type SustainedView struct {
	Level       float64
	Below       bool // below the level is bad
	Ones, K, N  int
	FirstBreach *int64 // after the ring last held none; nil: it holds none
}

// CusumView is the state of a cusum. The baseline stands on the scale of the rule, where greater is worse.
type CusumView struct {
	Scale                 string // p, log, linear
	Worse                 string // of linear: down, up
	Delta, Votes, Arl, H  float64
	N, Warmup, WarmupLeft uint32 // checks: of the baseline, needed, still to come
	Mean, Sigma           float64
	Usual                 float64  // the mean as a value of the field
	Z                     *float64 // of the last value; nil: none was judged since the baseline began
	W                     float64
	GrowingSince          *int64 // nil: there is no evidence
}

// View calls visit for every source, in no promised order.
func (s *Sources) View(visit func(v *SourceView)) {
	for i := uint32(1); i <= s.list.used; i++ {
		if src := s.list.at(i); src.key != "" {
			visit(s.view(src))
		}
	}
}

func (s *Sources) view(src *source) *SourceView {
	stream, model := src.parts()
	l := s.layouts[src.line+1]
	v := &SourceView{On: s.on(stream != nil), Stream: stream, Model: model, Heard: src.heard,
		Models: s.policy.modelsOf(stream, model), Judged: len(l.rules) > 0}
	for _, heard := range src.versions[:src.count] {
		version := VersionView{Version: s.versions.text(heard.name)}
		for k, rule := range l.rules {
			x := l.series(heard.block, k)
			one := SeriesView{RuleView: rule.view(x.memory())}
			if x.folded() {
				one.Newest = new(x.newest())
			}
			if a := x.firing(&s.extras); a != nil {
				one.Firing = new(*a)
			}
			version.Series = append(version.Series, one)
		}
		v.Versions = append(v.Versions, version)
	}
	return v
}

// RuleView shows the rule of an id; ok is false where the policy has none of it.
func (p *Policy) RuleView(id string) (v RuleView, ok bool) {
	r := p.rule(id)
	if r == nil {
		return v, false
	}
	return r.view(make([]uint64, r.observer.words())), true
}

func (r *Rule) view(memory []uint64) RuleView {
	v := RuleView{ID: r.ID, Text: r.Text, Action: r.Action, Judges: fieldName(r)}
	switch o := r.observer.(type) {
	case *threshold:
		v.Threshold = &ThresholdView{Level: o.level.value, Clear: o.clear, Below: o.level.below, MinChecks: o.minChecks,
			Seen: uint32(memory[0]), On: memory[0]&thresholdOn != 0}
	case *sustained:
		v.Sustained = &SustainedView{Level: o.level.value, Below: o.level.below, Ones: ones(memory[1:]), K: o.k, N: o.n}
		if v.Sustained.Ones > 0 {
			v.Sustained.FirstBreach = new(int64(memory[0]))
		}
	case *cusum:
		v.Cusum = o.view(memory)
	}
	return v
}

func (o *cusum) view(memory []uint64) *CusumView {
	b := loadBaseline(memory)
	v := &CusumView{Scale: o.scale, Worse: o.worse, Delta: o.delta, Votes: o.votes, Arl: o.arl, H: o.h,
		N: b.n, Warmup: o.warmup, Mean: b.mean, W: b.w, Usual: o.value(b.mean)}
	if b.n > 1 {
		v.Sigma = b.deviation()
	}
	if b.n < o.warmup {
		v.WarmupLeft = o.warmup - b.n
	}
	if b.n > o.warmup {
		v.Z = new(float64(b.z))
	}
	if b.w > 0 {
		v.GrowingSince = new(b.since)
	}
	return v
}

// value is the inverse of x.
func (o *cusum) value(x float64) float64 {
	switch {
	case o.scale == "p":
		return math.Erfc(x/math.Sqrt2) / 2
	case o.scale == "log":
		return math.Exp(x)
	case o.worse == "up":
		return x
	}
	return -x
}
