package main

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// vector is a case of the observers' vectors, whose expected results are those of trusted libraries.
type vector struct {
	Name, Series string
	Values       []float64
	Breaches     []float64
	Params       struct {
		Direction, Scale, Baseline string
		Breach, Clear              float64
		MinSamples                 int `json:"min_samples"`
		K, N, Warmup               int
		Arl, Delta, Votes          float64
	}
	Alarms []int
	W      map[string]float64
}

func vectors(t *testing.T, name string) (all []vector, series map[string][]float64) {
	t.Helper()
	var file struct {
		Series map[string][]float64
		Cases  []vector
	}
	parseJSON(t, readFile(t, examples+"/vectors/"+name+".json"), &file)
	return file.Cases, file.Series
}

// settings of the rule that a case is of; nil: of none that there is.
func (x *vector) settings(kind string) *settings {
	s := &settings{K: x.Params.K, N: x.Params.N, Clear: x.Params.Clear, MinChecks: x.Params.MinSamples, Warmup: x.Params.Warmup,
		Delta: x.Params.Delta, Votes: x.Params.Votes, ARL: x.Params.Arl, Scale: x.Params.Scale, Worse: "up"}
	half := 0.5
	switch {
	case kind == "cusum" && x.Params.Baseline != "self", kind == "sustained" && x.Params.N == 0:
		return nil
	case kind == "cusum" && s.Scale == "":
		s.Scale = "p"
	case kind == "sustained":
		s.Above = &half
	case x.Params.Direction == "lower_is_worse":
		s.Below = &x.Params.Breach
	default:
		s.Above = &x.Params.Breach
	}
	return s
}

func TestObserversAlarmAsTheVectorsSay(t *testing.T) {
	for kind, file := range map[string]string{"threshold": "threshold", "sustained": "sustained", "cusum": "e_cusum"} {
		cases, series := vectors(t, file)
		ran, figures := 0, 0
		for _, x := range cases {
			s := x.settings(kind)
			if s == nil {
				continue
			}
			ran++
			o, alarms := (&rule{kind: kind, settings: *s}).observer(), []int{}
			for i, v := range slices.Concat(x.Values, x.Breaches, series[x.Series]) {
				if math.IsNaN(v) || !s.onScale(v) {
					continue
				}
				if o.observe(v, int64(i)).alarm {
					alarms = append(alarms, i)
				}
				if want, ok := x.W[fmt.Sprint(i)]; ok {
					figures++
					if got := o.(*cusum).w; math.Abs(got-want) > 1e-9 {
						t.Fatalf("%s %+v: W after %d is %v; want %v", x.Name, x.Params, i, got, want)
					}
				}
			}
			if !slices.Equal(alarms, x.Alarms) {
				t.Errorf("%s %+v: alarms at %v; want %v", x.Name, x.Params, alarms, x.Alarms)
			}
		}
		t.Logf("%s: %d cases, %d figures", kind, ran, figures)
		if least := map[string]int{"threshold": 4, "sustained": 20, "cusum": 20}; ran < least[kind] || kind == "cusum" && figures < 400 {
			t.Errorf("%s: only %d cases with %d figures", kind, ran, figures)
		}
	}
}

func TestUpperQuantileIsThatOfTheTables(t *testing.T) {
	for p, want := range map[float64]float64{0.5: 0, 0.1: 1.2815515655446004, 0.9: -1.2815515655446004, 0.025: 1.959963984540054,
		1e-3: 3.090232306167813, 1e-9: 5.9978070150076865, 1e-16: 8.222082216130437} {
		if got := upperQuantile(p); math.Abs(got-want) > 4e-15*max(1, math.Abs(want)) {
			t.Errorf("%v: %v; want %v", p, got, want)
		}
	}
}
