package main

import "math"

// observation is what an observer says of a value.
type observation struct {
	alarm  bool  // a new alert fires
	level  bool  // the condition holds; where it does not, a firing alert has recovered
	beyond bool  // this value is one more breach
	since  int64 // when the drift of a new alert began
}

// observer is a rule at work on one series.
type observer interface {
	observe(v float64, t int64) observation
}

func (r *rule) observer() observer {
	switch r.kind {
	case "threshold":
		return &threshold{settings: &r.settings}
	case "sustained":
		return &sustained{settings: &r.settings}
	}
	return &cusum{settings: &r.settings}
}

// beyond: strictly past the level on the bad side.
func (s *settings) beyond(v float64) bool {
	if s.Below != nil {
		return v < *s.Below
	}
	return v > *s.Above
}

// threshold: a value beyond the level turns it on, one at or past clear turns it off.
type threshold struct {
	*settings
	n  int
	on bool
}

func (o *threshold) observe(v float64, t int64) observation {
	o.n++
	was, beyond := o.on, o.beyond(v)
	switch {
	case beyond:
		o.on = o.n >= o.MinChecks
	case o.Below != nil && v >= o.Clear, o.Above != nil && v <= o.Clear:
		o.on = false
	}
	return observation{alarm: o.on && !was, level: o.on, beyond: beyond, since: t}
}

// sustained: at least k of the last n values are beyond the level.
type sustained struct {
	*settings
	last  []bool
	since int64
}

func (o *sustained) breaches() (n int) {
	for _, b := range o.last {
		if b {
			n++
		}
	}
	return n
}

func (o *sustained) observe(v float64, t int64) observation {
	was, beyond := o.breaches(), o.beyond(v)
	if beyond && was == 0 {
		o.since = t
	}
	o.last = append(o.last, beyond)
	o.last = o.last[max(0, len(o.last)-o.N):]
	on := o.breaches() >= o.K
	return observation{alarm: on && was < o.K, level: on, beyond: beyond, since: o.since}
}

// cusum: evidence W against the series' own past of n values with mean m; M2 is the sum of their squared distances to it.
type cusum struct {
	*settings
	n        int
	m, m2, w float64
	since    int64
}

func (o *cusum) observe(v float64, t int64) observation {
	x := o.on(v)
	if o.w <= 0 {
		o.since = t
	}
	if o.n < o.Warmup {
		o.learn(x)
		return observation{level: true}
	}
	n, h := float64(o.n), math.Log(o.ARL)
	s := math.Max(math.Sqrt(o.m2/(n-1)), 1e-6)
	student, free := (x-o.m)/(s*math.Sqrt(1+1/n)), n-1
	z := (float64(8*free) + 1) / (float64(8*free) + 3) * math.Sqrt(free*math.Log1p(student*student/free)) // Wallace, 1959
	if student < 0 {
		z = -z
	}
	o.learn(math.Min(math.Max(x, o.m-float64(3*s)), o.m+float64(3*s)))
	o.w = math.Max(0, o.w) + math.Min(float64(o.Delta*z)-float64(o.Delta*o.Delta/2), h/o.Votes)
	if o.w < h {
		return observation{level: true}
	}
	since := o.since
	*o = cusum{settings: o.settings}
	return observation{alarm: true, level: true, since: since}
}

// learn is Welford's step.
func (o *cusum) learn(y float64) {
	o.n++
	d := y - o.m
	o.m += d / float64(o.n)
	o.m2 += float64(d * (y - o.m))
}

// on is a value on the scale of the rule: greater is worse.
func (s *settings) on(v float64) float64 {
	switch {
	case s.Scale == "p":
		return upperQuantile(math.Min(math.Max(v, 1e-16), 1-1e-16))
	case s.Scale == "log":
		return math.Log(math.Max(v, 1e-4))
	case s.Worse == "up":
		return v
	}
	return -v
}

// onScale says whether the scale of the rule, if it has one, takes a value.
func (s *settings) onScale(v float64) bool {
	return !(s.Scale == "p" && (v < 0 || v > 1) || s.Scale == "log" && v < 0)
}

// upperQuantile is the x that a standard normal number is beyond with probability p: Newton's steps on the logarithm of the
// tail, which is concave, so that from an upper bound on they come from above. The tail is math.Erfc, exact to its last bits.
func upperQuantile(p float64) float64 {
	if p > 0.5 {
		return -upperQuantile(1 - p)
	}
	x := math.Sqrt(-2 * math.Log(2*p)) // the tail at x is at most exp(-x^2/2)/2
	for range 50 {
		tail := math.Erfc(x/math.Sqrt2) / 2
		step := math.Log(tail/p) * tail * math.Sqrt(2*math.Pi) * math.Exp(x*x/2)
		if x += float64(step); math.Abs(step) <= 1e-15*x {
			break
		}
	}
	return x
}
