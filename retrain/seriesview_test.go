package retrain

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// shownCusum is a cusum's state by its definition, from the values since the last alarm.
type shownCusum struct {
	learnt []float64 // on the scale, clipped
	w      float64
	z      *float64
}

func (c *shownCusum) baseline() (m, s float64) {
	n := float64(len(c.learnt))
	for _, y := range c.learnt {
		m += y / n
	}
	for _, y := range c.learnt {
		s += (y - m) * (y - m)
	}
	return m, max(math.Sqrt(s/(n-1)), 1e-6)
}

// take folds a value by two passes over the whole history, and says whether it alarms.
func (c *shownCusum) take(x float64, warmup int, delta, votes, h float64) bool {
	y := x
	if len(c.learnt) >= warmup {
		n := float64(len(c.learnt))
		m, s := c.baseline()
		t, v := (x-m)/(s*math.Sqrt(1+1/n)), n-1
		z := math.Copysign((8*v+1)/(8*v+3)*math.Sqrt(v*math.Log1p(t*t/v)), t)
		y = min(max(x, m-3*s), m+3*s)
		c.z, c.w = &z, max(0, c.w)+min(delta*z-delta*delta/2, h/votes)
	}
	c.learnt = append(c.learnt, y)
	if c.w >= h {
		*c = shownCusum{}
		return true
	}
	return false
}

func TestTheViewOfCusumIsItsDefinition(t *testing.T) {
	var file struct {
		Series map[string][]float64
		Cases  []struct {
			Name, Series string
			Params       struct {
				Scale, Baseline   string
				Arl, Delta, Votes float64
				Warmup            int
			}
			W map[string]float64
		}
	}
	vectors(t, "e_cusum.json", &file)
	compared := 0
	for _, x := range file.Cases {
		if x.Params.Baseline != "self" {
			continue
		}
		o := &cusum{scale: x.Params.Scale, worse: "up", warmup: uint32(x.Params.Warmup), delta: x.Params.Delta, votes: x.Params.Votes, arl: x.Params.Arl, h: math.Log(x.Params.Arl)}
		if o.scale == "" {
			o.scale = "p"
		}
		memory, want := memoryOf(o), shownCusum{}
		for i, value := range file.Series[x.Series] {
			if !o.valid(value) {
				continue
			}
			o.observe(memory, value, int64(i))
			want.take(o.x(value), x.Params.Warmup, o.delta, o.votes, o.h)
			got := o.view(memory)
			if w, ok := x.W[fmt.Sprint(i)]; ok && math.Abs(got.W-w) > 1e-9 {
				t.Fatalf("%s: W after %d is %v, expected %v", x.Name, i, got.W, w)
			}
			if left := max(0, x.Params.Warmup-len(want.learnt)); int(got.WarmupLeft) != left || int(got.N) != len(want.learnt) {
				t.Fatalf("%s at %d: %d to come of the warm-up after %d values, expected %d after %d", x.Name, i, got.WarmupLeft, got.N, left, len(want.learnt))
			}
			if (got.Z == nil) != (want.z == nil) {
				t.Fatalf("%s at %d: z is %v, expected %v", x.Name, i, got.Z, want.z)
			}
			if got.Z == nil {
				continue
			}
			m, s := want.baseline()
			compared++
			if !near(*got.Z, *want.z, 1e-6) || !near(got.Mean, m, 1e-9) || !near(got.Sigma, s, 1e-6) || (got.GrowingSince == nil) != (got.W <= 0) {
				t.Fatalf("%s at %d: z %v, mean %v, s %v, W %v; expected %v, %v, %v", x.Name, i, *got.Z, got.Mean, got.Sigma, got.W, *want.z, m, s)
			}
			if back := o.x(got.Usual); math.Abs(got.Mean) < 5 && !near(back, got.Mean, 1e-9) {
				t.Fatalf("%s at %d: the usual value %v is %v on the scale, not the mean %v", x.Name, i, got.Usual, back, got.Mean)
			}
		}
	}
	if compared < 10_000 {
		t.Errorf("only %d states compared", compared)
	}
}

func near(a, b, tolerance float64) bool {
	return math.Abs(a-b) <= tolerance*max(1, math.Abs(a), math.Abs(b))
}

func TestTheViewSaysWhatEachObserverRemembers(t *testing.T) {
	p, err := ParsePolicy([]byte(`{"bind":[{"stream":"cam-*","models":["b","a-{stream}"]}],"bind_default":[],"observe":[{"on":"drift","rules":[
	 {"name":"often","sustained":{"of":"p_value","below":0.01,"k":2,"n":3},"action":"full"},
	 {"threshold":{"of":"value","method":"ks","above":1,"clear":0.5,"min_checks":2},"action":"soft"}]}]}`), "")
	if err != nil {
		t.Fatal(err)
	}
	l := newLive(t, OnDrift, p)
	for i, value := range []float64{0.3, 2, 3} { // of ks
		l.take(happening{origin: Origin{"d", 1, int64(i), t0 + int64(i)}, event: &Event{Stream: []byte("cam-1"), Timestamp: t0 + int64(i),
			PValue: Number{0.001 * float64(i+1), true}, Method: []byte("ks"), Value: Number{value, true}}})
	}
	l.take(happening{origin: Origin{"d", 1, 3, t0 + 3}, event: &Event{Stream: []byte("door"), ModelID: nil, Timestamp: t0 + 3, PValue: Number{0.5, true}}})
	l.save(true)
	views := map[string]*SourceView{}
	l.restart(t, true).View(func(v *SourceView) { views[*v.Stream] = v })
	cam, door := views["cam-1"], views["door"]
	if len(views) != 2 || !slices.Equal(cam.Models, []string{"a-cam-1", "b"}) || len(door.Models) != 0 || !cam.Judged || cam.Heard != t0+2 {
		t.Fatalf("%+v %+v", cam, door)
	}
	often, ks := cam.Versions[0].Series[0], cam.Versions[0].Series[1]
	if s := often.Sustained; often.Text != "often" || often.Judges != "p_value" || s.Ones != 3 || s.K != 2 || s.N != 3 || *s.FirstBreach != t0 || !s.Below || s.Level != 0.01 {
		t.Errorf("%+v", s)
	}
	if a := often.Firing; a == nil || *a.Value != 0.002 || a.Offset != 1 || *often.Newest != t0+2 {
		t.Errorf("firing %+v, newest %v", a, often.Newest)
	}
	if x := ks.Threshold; ks.Judges != "ks" || !x.On || x.Seen != 3 || x.MinChecks != 2 || x.Level != 1 || x.Clear != 0.5 || x.Below {
		t.Errorf("%+v", x)
	}
	quiet := door.Versions[0].Series
	if s := quiet[0].Sustained; s.Ones != 0 || s.FirstBreach != nil || quiet[0].Firing != nil || quiet[1].Newest != nil {
		t.Errorf("%+v", quiet)
	}
	if v, ok := p.RuleView(often.ID); !ok || v.Sustained.Ones != 0 || v.Action != FullRetrain {
		t.Errorf("the rule alone: %+v", v)
	}
	if _, ok := p.RuleView("000000000000"); ok {
		t.Error("a rule that the policy does not have")
	}
}

func TestLookingChangesNothingAndASourceRestoredLooksTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		topic := rapid.SampledFrom([]On{OnDrift, OnPerformance}).Draw(rt, "topic")
		l, other := newLive(t, topic, revision(t, 0, 1)), newLive(t, topic, revision(t, 0, 1))
		for _, h := range drawHappenings(rt, t, topic, 5, 60) {
			l.View(func(*SourceView) {})
			if a, b := l.take(h), other.take(h); !reflect.DeepEqual(a, b) {
				rt.Fatalf("looked at: %s, not looked at: %s", shown(a), shown(b))
			}
		}
		l.save(true)
		see := func(s *live) map[string]*SourceView {
			all := map[string]*SourceView{}
			s.View(func(v *SourceView) { all[string(sourceKey(nil, bytesOf(v.Stream), bytesOf(v.Model)))] = v })
			return all
		}
		if a, b := see(l), see(l.restart(t, false)); !reflect.DeepEqual(a, b) {
			rt.Fatalf("%s, restored %s", shown(a), shown(b))
		}
	})
}

func bytesOf(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}
