package main

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// event is a DriftEvent or a PerformanceEvent as JSON. mAP_change is named after mean average precision; here it is the change of
// the metric that method names, an absolute difference, negative where the model got worse.
type event struct {
	StreamID    string            `json:"stream_id,omitempty"`
	ModelID     string            `json:"model_id,omitempty"`
	Change      *float64          `json:"mAP_change,omitempty"`
	PValue      *float64          `json:"p_value,omitempty"`
	Timestamp   stamp             `json:"timestamp"`
	EventID     string            `json:"event_id"`
	Method      string            `json:"method,omitempty"`
	Value       *float64          `json:"value,omitempty"`
	SampleSize  *int64            `json:"sample_size,omitempty"`
	WindowStart stamp             `json:"window_start"`
	WindowEnd   stamp             `json:"window_end"`
	Labels      map[string]string `json:"labels"`
}

// stamp is a moment in UTC with milliseconds.
type stamp time.Time

func (t stamp) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

func (t stamp) String() string { return time.Time(t).UTC().Format("2006-01-02T15:04:05.000Z") }

// event is what every event of a window has, whatever the tool.
func (s settings) event(tool, id string, end time.Time) event {
	e := event{
		StreamID: s.stream, ModelID: s.model, Timestamp: stamp(end),
		EventID:     tool + " " + cmp.Or(s.stream, s.model) + " " + id,
		WindowStart: stamp(end.Add(-s.window)), WindowEnd: stamp(end), Labels: map[string]string{},
	}
	if s.samples > 0 {
		e.SampleSize = &s.samples
	}
	return e
}

// change is how much better the model is than before; digits are those that the worse known of the two numbers has.
func (s settings) change(value, before float64, digits int) *float64 {
	d := value - before
	if s.worseUp {
		d = before - value
	}
	return new(round(d, digits))
}

// bonferroni is the p-value that none of several features drifted: n times the least, at most 1. It holds however the features
// depend on each other (O. J. Dunn, Multiple comparisons among means, JASA 56, 1961). least is the feature that has it.
func bonferroni(p map[string]float64) (all float64, least string) {
	all = math.Inf(1)
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if p[name] < all {
			all, least = p[name], name
		}
	}
	return min(1, all*float64(len(p))), least
}

// greatest is the feature that drifted furthest, by distances in one unit.
func greatest(distances map[string]float64) (value float64, most string) {
	value = math.Inf(-1)
	for _, name := range slices.Sorted(maps.Keys(distances)) {
		if distances[name] > value {
			value, most = distances[name], name
		}
	}
	return value, most
}

// only is one of several features, or all of them where none is named.
func only[V any](all map[string]V, feature string) map[string]V {
	if feature == "" {
		return all
	}
	one := maps.Clone(all)
	maps.DeleteFunc(one, func(name string, _ V) bool { return name != feature })
	return one
}

func round(x float64, digits int) float64 {
	p := math.Pow10(digits)
	if r := math.Round(x*p) / p; r != 0 {
		return r
	}
	return 0 // never -0
}

func text(x float64, digits int) string {
	return strconv.FormatFloat(round(x, digits), 'f', -1, 64)
}
