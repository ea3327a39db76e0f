package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
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
			Type   string `json:"type"` // evidently:metric_v2:F1Score
			Column string `json:"column"`
			Method string `json:"method"` // of ValueDrift: "K-S p_value" where Evidently chose it, "ks" where the user did
		} `json:"config"`
		Value json.RawMessage `json:"value"` // a number, one a label, or count and share
	} `json:"metrics"`
	Tests []struct {
		Name   string `json:"name"` // F1 score metric: Equal 0.996 ± 0.199
		Metric struct {
			ID string `json:"metric_id"`
		} `json:"metric_config"`
		Status string `json:"status"`
	} `json:"tests"`
}

// kind is the name of a metric's type.
func kind(config string) string { return config[strings.LastIndexByte(config, ':')+1:] }

var equalTest = regexp.MustCompile(`: Equal (-?[0-9]+(?:\.[0-9]+)?) ±`)

// evidently makes one event of a report: the metric now, against the value of the reference data.
func evidently(in io.Reader, s settings) ([]event, error) {
	var r snapshot
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return nil, fmt.Errorf("not a snapshot: %w", err)
	}
	var names []string
	for _, m := range r.Metrics {
		name := kind(m.Config.Type)
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
		// A metric's id in the report is a hash of its configuration, the same in every run: the window tells runs apart.
		e := s.event("evidently", s.metric+" "+stamp(s.end).String(), s.end)
		e.Change, e.Value, e.Method = s.change(value, before, evidentlyDigits), &value, s.metric
		e.Labels["tool"], e.Labels["baseline"] = "Evidently", text(before, evidentlyDigits)
		if status != "" {
			e.Labels["test"] = status // within 20 % of before, unless the report was made with bounds of its own
		}
		return []event{e}, nil
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

// stattest is a method of ValueDrift: Evidently's name of it by either spelling, and whether its figure is a p-value or a distance.
type stattest struct {
	name string
	isP  bool
}

var stattests = map[string]stattest{
	"K-S p_value": {"ks", true}, "chi-square p_value": {"chisquare", true}, "Z-test p_value": {"z", true},
	"Anderson-Darling": {"anderson", true}, "Cramer-von Mises": {"cramer_von_mises", true}, "Epps-Singleton": {"es", true},
	"Fisher's Exact test": {"fisher_exact", true}, "g_test": {"g_test", true}, "Mann-Whitney U-rank test": {"mannw", true},
	"t_test": {"t_test", true}, "empirical_mmd": {"empirical_mmd", true}, "Total-Variation-Distance": {"TVD", true},
	"Wasserstein distance (normed)": {"wasserstein", false}, "Jensen-Shannon distance": {"jensenshannon", false},
	"Kullback-Leibler divergence": {"kl_div", false}, "PSI": {"psi", false}, "Hellinger distance": {"hellinger", false},
	"Energy-distance": {"ed", false},
}

func stattestOf(method string) (stattest, bool) {
	if t, ok := stattests[method]; ok {
		return t, true
	}
	for _, t := range stattests {
		if t.name == method {
			return t, true
		}
	}
	return stattest{}, false
}

// columnDrift is one column of a drift report.
type columnDrift struct {
	method stattest
	figure float64
}

// evidentlyDrift makes one event of a drift report: the p-value over all columns that were tested, and the figure that -metric
// names: the share of drifted columns, or the greatest of one kind of distance.
func evidentlyDrift(in io.Reader, s settings) ([]event, error) {
	var r snapshot
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return nil, fmt.Errorf("not a snapshot: %w", err)
	}
	columns, err := r.columns(s)
	if err != nil {
		return nil, err
	}
	if c, ok := columns[s.feature]; ok && s.metric == driftedShare {
		s.metric = c.method.name // that of the one column
	}
	e := s.event("evidently", s.metric+" "+stamp(s.end).String(), s.end)
	e.Method, e.Labels["tool"] = s.metric, "Evidently"
	if err := r.together(&e, s); err != nil {
		return nil, err
	}
	tested, distances := map[string]float64{}, map[string]float64{}
	var neither []string // of another unit than what is asked for
	for name, c := range only(columns, s.feature) {
		switch {
		case c.method.isP:
			tested[name] = c.figure
		case c.method.name == s.metric:
			distances[name] = c.figure
		default:
			neither = append(neither, name)
		}
	}
	if slices.Sort(neither); len(neither) > 0 {
		s.warn("judged by distances, so not in a p-value: %s", strings.Join(neither, ", "))
	}
	if len(tested) > 0 {
		p, least := bonferroni(tested)
		e.PValue, e.Labels["least"], e.Labels["tested"] = &p, least, strconv.Itoa(len(tested))
	}
	if len(distances) > 0 {
		value, most := greatest(distances)
		e.Value, e.Labels["greatest"] = &value, most
	}
	if known := methods(columns); e.PValue == nil && e.Value == nil || s.metric != driftedShare && !slices.Contains(known, s.metric) {
		return nil, fmt.Errorf("no column %swith %s in it; methods in it: %s", feature(s), s.metric, strings.Join(known, ", "))
	}
	return []event{e}, nil
}

const driftedShare = "DriftedColumnsCount"

// columns are the drifts of the report by column.
func (r *snapshot) columns(s settings) (map[string]columnDrift, error) {
	columns := map[string]columnDrift{}
	for _, m := range r.Metrics {
		if kind(m.Config.Type) != "ValueDrift" {
			continue
		}
		method, ok := stattestOf(m.Config.Method)
		if !ok {
			s.warn("column %s: %s is no method that is known here: left out", m.Config.Column, m.Config.Method)
			continue
		}
		c := columnDrift{method: method}
		if err := json.Unmarshal(m.Value, &c.figure); err != nil {
			return nil, fmt.Errorf("column %s: %w", m.Config.Column, err)
		}
		columns[m.Config.Column] = c
	}
	if len(columns) == 0 {
		return nil, errors.New("no ValueDrift in it: is it of a DataDriftPreset?")
	}
	return columns, nil
}

// together is what the report says of all columns: how many drifted, each by a threshold of its own.
func (r *snapshot) together(e *event, s settings) error {
	for _, m := range r.Metrics {
		if kind(m.Config.Type) != driftedShare || s.feature != "" {
			continue
		}
		var drifted struct{ Count, Share float64 }
		if err := json.Unmarshal(m.Value, &drifted); err != nil {
			return fmt.Errorf("%s: %w", driftedShare, err)
		}
		e.Labels["drifted"] = text(drifted.Count, 0)
		if s.metric == driftedShare {
			e.Value = &drifted.Share
		}
		for _, t := range r.Tests {
			if t.Metric.ID == m.ID {
				e.Labels["test"] = t.Status
			}
		}
	}
	return nil
}

func methods(columns map[string]columnDrift) []string {
	names := map[string]bool{}
	for _, c := range columns {
		names[c.method.name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// feature is the one that was asked for, for an error.
func feature(s settings) string {
	if s.feature == "" {
		return ""
	}
	return s.feature + " "
}
