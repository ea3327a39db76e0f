package retrain

import "math"

// cusum sums up evidence for drift against the series' own past, in the form of e-values:
//
//	z = Wallace((x - m) / (s sqrt(1 + 1/n)), n-1)   once n >= warmup; m, s, n of the series' own past
//	g = min(delta z - delta^2/2, h / votes)         h = ln(arl)
//	W = max(0, W) + g                               alarm when W >= h
//
// exp(delta z - delta^2/2) is an e-value for z ~ N(0,1), so without drift the mean time to a false alarm is at least arl
// checks. No single check brings more than h/votes: at least that many must agree.
type cusum struct {
	scale             string // p, log, linear
	worse             string // of linear: down, up
	warmup            uint32
	delta, votes, arl float64
	h                 float64
}

const (
	leastDeviation = 1e-6  // of s, so that a constant series does not divide by zero
	leastP         = 1e-16 // p and 1-p: about what doubles resolve below 1; 0 and 1 have no finite quantile
	leastDistance  = 1e-4  // of the log scale: ln(0) is infinite, and nobody measures distances finer from samples
)

func (o *cusum) words() int { return 5 }

func (o *cusum) valid(v float64) bool {
	switch {
	case !finite(v):
		return false
	case o.scale == "p":
		return v >= 0 && v <= 1
	case o.scale == "log":
		return v >= 0
	}
	return true
}

// x is the value on the scale, greater is worse.
func (o *cusum) x(v float64) float64 {
	switch {
	case o.scale == "p":
		return -normalQuantile(min(max(v, leastP), 1-leastP))
	case o.scale == "log":
		return math.Log(max(v, leastDistance))
	case o.worse == "up":
		return v
	}
	return -v
}

// baseline is the memory: Welford's n, mean and M2 of the past, the evidence W, and the first time before which W was 0 or
// less, since when the evidence has grown. z of the last value is there to be shown, and shares a word with n.
type baseline struct {
	n        uint32
	z        float32
	mean, m2 float64
	w        float64
	since    int64
}

func loadBaseline(m []uint64) baseline {
	return baseline{uint32(m[0]), math.Float32frombits(uint32(m[0] >> 32)), math.Float64frombits(m[1]), math.Float64frombits(m[2]), math.Float64frombits(m[3]), int64(m[4])}
}

func (b baseline) store(m []uint64) {
	m[0], m[1], m[2], m[3], m[4] = uint64(b.n)|uint64(math.Float32bits(b.z))<<32, math.Float64bits(b.mean), math.Float64bits(b.m2), math.Float64bits(b.w), uint64(b.since)
}

func (b *baseline) learn(y float64) {
	if b.n < math.MaxUint32 {
		b.n++
	}
	d := y - b.mean
	b.mean += d / float64(b.n)
	b.m2 += float64(d * (y - b.mean))
}

// deviation is s, of at least two values.
func (b *baseline) deviation() float64 {
	return max(math.Sqrt(b.m2/(float64(b.n)-1)), leastDeviation)
}

func (o *cusum) observe(memory []uint64, v float64, t int64) observation {
	b, x := loadBaseline(memory), o.x(v)
	if b.w <= 0 {
		b.since = t
	}
	if b.n < o.warmup {
		b.learn(x)
		b.store(memory)
		return observation{inBreach: true, since: b.since}
	}
	n, s := float64(b.n), b.deviation()
	z := wallace((x-b.mean)/(s*math.Sqrt(1+1/n)), n-1)
	b.learn(min(max(x, b.mean-float64(3*s)), b.mean+float64(3*s)))
	b.w = max(0, b.w) + min(float64(o.delta*z)-float64(o.delta*o.delta/2), o.h/o.votes)
	b.z = float32(z)
	alarm, since := b.w >= o.h, b.since
	if alarm {
		b = baseline{}
	}
	b.store(memory)
	return observation{alarm: alarm, inBreach: true, since: since}
}

func (o *cusum) tree() map[string]any {
	t := map[string]any{"scale": o.scale, "warmup": float64(o.warmup), "delta": o.delta, "votes": o.votes, "arl": o.arl}
	if o.worse != "" {
		t["worse"] = o.worse
	}
	return t
}
