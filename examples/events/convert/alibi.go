package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// prediction is what predict() of a detector gives, its arrays as lists.
type prediction struct {
	Data struct {
		IsDrift   json.RawMessage `json:"is_drift"` // one for the batch (corrected), or one a feature (not corrected)
		Distance  numbers         `json:"distance"`
		PVal      numbers         `json:"p_val"` // never corrected; float32, so exactly 0 is common
		Threshold *float64        `json:"threshold"`
	} `json:"data"`
	Meta struct {
		Name, Version string
	} `json:"meta"`
}

// numbers are one a feature; a detector that looks at all features together (MMD, LSDD) has a single one.
type numbers []float64

func (n *numbers) UnmarshalJSON(b []byte) error {
	if !strings.HasPrefix(string(b), "[") {
		b = []byte("[" + string(b) + "]")
	}
	return json.Unmarshal(b, (*[]float64)(n))
}

// byFeature names the features f0, f1 ...: alibi-detect has no names for them.
func (n numbers) byFeature() map[string]float64 {
	m := map[string]float64{}
	for i, v := range n {
		m["f"+strconv.Itoa(i)] = v
	}
	return m
}

// alibi makes one event of a prediction: the p-value over all its features, and the greatest distance.
func alibi(in io.Reader, s settings) ([]event, error) {
	var r prediction
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return nil, fmt.Errorf("not a prediction: %w", err)
	}
	if r.Meta.Name == "" || len(r.Data.PVal) == 0 {
		return nil, errors.New("no meta.name and data.p_val in it: is it what predict(x, return_p_val=True, return_distance=True) gave?")
	}
	tested := only(r.Data.PVal.byFeature(), s.feature)
	if len(tested) == 0 {
		return nil, fmt.Errorf("no feature %s in it; it has f0 to f%d", s.feature, len(r.Data.PVal)-1)
	}
	e := s.event("alibi-detect", r.Meta.Name+" "+stamp(s.end).String(), s.end)
	p, least := bonferroni(tested)
	e.PValue, e.Method = &p, r.Meta.Name
	e.Labels = map[string]string{"tool": "alibi-detect " + r.Meta.Version, "least": least, "tested": strconv.Itoa(len(tested))}
	if v := string(r.Data.IsDrift); v == "0" || v == "1" {
		e.Labels["is_drift"] = v // alibi's own word on the whole batch
	}
	if t := r.Data.Threshold; t != nil {
		e.Labels["threshold"] = strconv.FormatFloat(*t, 'g', -1, 64) // alibi's correction stands here and nowhere else
	}
	// A TabularDrift has distances of two units, Kolmogorov-Smirnov's and chi-squared.
	if distances := only(r.Data.Distance.byFeature(), s.feature); len(distances) > 0 && (r.Meta.Name != "TabularDrift" || s.feature != "") {
		value, most := greatest(distances)
		e.Value, e.Labels["greatest"] = &value, most
	}
	return []event{e}, nil
}
