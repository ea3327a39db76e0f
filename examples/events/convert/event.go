package main

import (
	"math"
	"strconv"
	"time"
)

// event is a PerformanceEvent as JSON. mAP_change is named after mean average precision; here it is the change of the metric
// that method names, an absolute difference, negative where the model got worse.
type event struct {
	ModelID     string            `json:"model_id"`
	Change      float64           `json:"mAP_change"`
	Timestamp   stamp             `json:"timestamp"`
	EventID     string            `json:"event_id"`
	Method      string            `json:"method"`
	Value       float64           `json:"value"`
	SampleSize  *int64            `json:"sample_size,omitempty"`
	WindowStart stamp             `json:"window_start"`
	WindowEnd   stamp             `json:"window_end"`
	Labels      map[string]string `json:"labels"`
}

// stamp is a moment in UTC with milliseconds.
type stamp time.Time

func (t stamp) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

func (t stamp) String() string { return time.Time(t).UTC().Format("2006-01-02T15:04:05.000Z") }

// change is how much better the model is than before; digits are those that the worse known of the two numbers has.
func (s settings) change(value, before float64, digits int) float64 {
	d := value - before
	if s.worseUp {
		d = before - value
	}
	return round(d, digits)
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
