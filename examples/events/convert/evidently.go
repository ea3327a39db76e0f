package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Evidently writes a metric in full, but what it was before only in the name of its test, with three decimals: the change is
// known no better than that.
const evidentlyDigits = 3

type snapshot struct {
	Metrics []struct {
		ID     string `json:"id"`
		Config struct {
			Type string `json:"type"` // evidently:metric_v2:F1Score
		} `json:"config"`
		Value json.RawMessage `json:"value"` // a number, or one a label
	} `json:"metrics"`
	Tests []struct {
		Name   string `json:"name"` // F1 score metric: Equal 0.996 ± 0.199
		Metric struct {
			ID string `json:"metric_id"`
		} `json:"metric_config"`
		Status string `json:"status"`
	} `json:"tests"`
}

var equalTest = regexp.MustCompile(`: Equal (-?[0-9]+(?:\.[0-9]+)?) ±`)

// evidently makes one event of a report: the metric now, against the value of the reference data.
func evidently(in io.Reader, s settings) ([]event, error) {
	var r snapshot
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return nil, fmt.Errorf("not a snapshot: %w", err)
	}
	var names []string
	for _, m := range r.Metrics {
		name := m.Config.Type[strings.LastIndexByte(m.Config.Type, ':')+1:]
		var value float64
		if err := json.Unmarshal(m.Value, &value); err != nil || string(m.Value) == "null" {
			continue // one number a label, or none: not a figure of the whole model
		}
		if name != s.metric {
			names = append(names, name)
			continue
		}
		before, status, err := r.baseline(m.ID, s)
		if err != nil {
			return nil, err
		}
		return []event{s.evidentlyEvent(value, before, status)}, nil
	}
	return nil, fmt.Errorf("no metric %s in it; it has %s", s.metric, strings.Join(names, ", "))
}

// baseline is the value that the metric's own test expects, and how that test ended.
func (r *snapshot) baseline(metric string, s settings) (before float64, status string, err error) {
	for _, t := range r.Tests {
		if t.Metric.ID != metric {
			continue
		}
		if m := equalTest.FindStringSubmatch(t.Name); m != nil {
			status = t.Status
			if before, err = strconv.ParseFloat(m[1], 64); err != nil {
				return 0, "", fmt.Errorf("test %q: %w", t.Name, err)
			}
		}
	}
	if s.baseline != nil {
		return *s.baseline, status, nil
	}
	if status == "" {
		return 0, "", fmt.Errorf("it does not say what %s was before (was it made with include_tests=True?): give -baseline", s.metric)
	}
	return before, status, nil
}

func (s settings) evidentlyEvent(value, before float64, status string) event {
	e := event{
		ModelID: s.model, Change: s.change(value, before, evidentlyDigits), Timestamp: stamp(s.end),
		// A metric's id in the report is a hash of its configuration, the same in every run: the window tells runs apart.
		EventID: fmt.Sprintf("evidently %s %s %s", s.model, s.metric, stamp(s.end)),
		Method:  s.metric, Value: value, WindowStart: stamp(s.end.Add(-s.window)), WindowEnd: stamp(s.end),
		Labels: map[string]string{"tool": "Evidently", "baseline": text(before, evidentlyDigits)},
	}
	if status != "" {
		e.Labels["test"] = status // within 20 % of before, unless the report was made with bounds of its own
	}
	if s.samples > 0 {
		e.SampleSize = &s.samples
	}
	return e
}
