package retrain

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
)

// vectors reads a file of testdata/vectors.
func vectors(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

// memoryOf is that of a series at its start.
func memoryOf(o observer) []uint64 { return make([]uint64, o.words()) }

func TestThresholdAlarmsAsTheVectorsSay(t *testing.T) {
	var file struct {
		Cases []struct {
			Name   string
			Values []float64
			Params struct {
				Direction     string
				Breach, Clear float64
				MinSamples    uint32 `json:"min_samples"`
			}
			BreachedCount int `json:"breached_count"`
			Alarms        []int
		}
	}
	vectors(t, "threshold.json", &file)
	for _, x := range file.Cases {
		below := x.Params.Direction == "lower_is_worse"
		o := &threshold{level: limit{x.Params.Breach, below}, clear: x.Params.Clear, minChecks: x.Params.MinSamples}
		memory, on, alarms := memoryOf(o), 0, []int{}
		for i, v := range x.Values {
			seen := o.observe(memory, v, int64(i))
			if seen.inBreach {
				on++
			}
			if seen.alarm {
				alarms = append(alarms, i)
			}
		}
		if !slices.Equal(alarms, x.Alarms) || on != x.BreachedCount {
			t.Errorf("%s: alarms %v, on %d times; expected %v, %d", x.Name, alarms, on, x.Alarms, x.BreachedCount)
		}
	}
}

func TestSustainedAlarmsAsTheVectorsSay(t *testing.T) {
	var file struct {
		Cases []struct {
			Name     string
			Breaches []int
			Params   struct{ K, N int }
			Count    int `json:"breached_count"`
			Alarms   []int
		}
	}
	vectors(t, "sustained.json", &file)
	ran := 0
	for _, x := range file.Cases {
		if x.Params.N == 0 {
			continue // of `within`, another rule
		}
		ran++
		o := &sustained{level: limit{0.5, false}, k: x.Params.K, n: x.Params.N}
		memory, on, alarms := memoryOf(o), 0, []int{}
		for i, b := range x.Breaches {
			seen := o.observe(memory, float64(b), int64(i))
			if seen.inBreach {
				on++
			}
			if seen.alarm {
				alarms = append(alarms, i)
			}
		}
		if !slices.Equal(alarms, x.Alarms) || on != x.Count {
			t.Errorf("%s %v: alarms %v, on %d times; expected %v, %d", x.Name, x.Params, alarms, on, x.Alarms, x.Count)
		}
	}
	if ran != 24 {
		t.Errorf("%d cases ran, expected 24", ran)
	}
}

func TestCusumSumsUpEvidenceAsTheVectorsSay(t *testing.T) {
	var file struct {
		Series map[string][]float64
		Cases  []struct {
			Name, Series string
			Params       struct {
				Scale, Baseline   string
				Direction         string
				Arl, Delta, Votes float64
				Warmup            uint32
			}
			Alarms []int
			W      map[string]float64
		}
	}
	vectors(t, "e_cusum.json", &file)
	ran, compared := 0, 0
	for _, x := range file.Cases {
		if x.Params.Baseline != "self" {
			continue // of a fixed baseline, which no rule has
		}
		ran++
		o := &cusum{scale: x.Params.Scale, worse: "up", warmup: x.Params.Warmup, delta: x.Params.Delta, votes: x.Params.Votes,
			arl: x.Params.Arl, h: math.Log(x.Params.Arl)}
		if o.scale == "" {
			o.scale = "p"
		}
		memory, alarms := memoryOf(o), []int{}
		for i, v := range file.Series[x.Series] {
			if !o.valid(v) {
				continue
			}
			if o.observe(memory, v, int64(i)).alarm {
				alarms = append(alarms, i)
			}
			if want, ok := x.W[fmt.Sprint(i)]; ok {
				compared++
				if got := loadBaseline(memory).w; math.Abs(got-want) > 1e-9 {
					t.Fatalf("%s %v: W after %d is %v, expected %v", x.Name, x.Params, i, got, want)
				}
			}
		}
		if !slices.Equal(alarms, x.Alarms) {
			t.Errorf("%s %v: alarms %v, expected %v", x.Name, x.Params, alarms, x.Alarms)
		}
	}
	if ran < 20 || compared < 400 {
		t.Errorf("only %d cases with %d figures", ran, compared)
	}
}

func TestARingLongerThanAWordForgetsExactlyTheOldest(t *testing.T) {
	for _, n := range []int{1, 2, 63, 64, 65, 127, 128, 129, 300} {
		o := &sustained{level: limit{0.5, false}, k: 1, n: n}
		memory := memoryOf(o)
		o.observe(memory, 1, 7)
		for i := 1; i < n; i++ {
			if v := o.observe(memory, 0, int64(7+i)); !v.inBreach || v.since != 7 {
				t.Fatalf("n=%d: forgotten after %d more values", n, i)
			}
		}
		if o.observe(memory, 0, 1000).inBreach {
			t.Errorf("n=%d: remembered after n values", n)
		}
	}
}

func TestAConstantSeriesNeverAlarmsCusum(t *testing.T) {
	o := &cusum{scale: "linear", worse: "down", warmup: 2, delta: 1, votes: 1, arl: 2, h: math.Log(2)}
	memory := memoryOf(o)
	for i := range 10_000 {
		if o.observe(memory, -3.25, int64(i)).alarm {
			t.Fatalf("alarm at %d", i)
		}
	}
}

func TestNormalQuantileTurnsTheDistributionBack(t *testing.T) {
	for _, x := range []float64{-8, -5.2, -3, -1, -0.1, 0, 0.3, 1.7, 4.4} {
		p := 0.5 * math.Erfc(-x/math.Sqrt2)
		if got := normalQuantile(p); math.Abs(got-x) > 1e-9*max(1, math.Abs(x)) {
			t.Errorf("quantile of %v is %v, expected %v", p, got, x)
		}
	}
}
