package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// detections is a log of a detector of river: its public attributes at each sample where it said something. river writes no
// report; the README has the loop that writes this one.
type detections struct {
	N      int `json:"n"` // samples that the detector has seen
	Events []struct {
		Index int                        `json:"index"` // of the sample, from 0
		State map[string]json.RawMessage `json:"state"`
	} `json:"events"`
}

// river makes one event of each line of the log: the figure that -metric names. Its only figure that every detector has is
// drift_detected, which becomes 1 or 0.
func river(in io.Reader, s settings) ([]event, error) {
	var r detections
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return nil, fmt.Errorf("not a log of detections: %w", err)
	}
	var events []event
	for _, d := range r.Events {
		var class string
		if err := json.Unmarshal(d.State["class"], &class); err != nil || d.Index < 0 || d.Index >= r.N {
			return nil, errors.New("a line without state.class, or with an index that is not below n")
		}
		name := class[strings.LastIndexByte(class, '.')+1:]
		value, err := figure(d.State, s.metric)
		if err != nil {
			return nil, fmt.Errorf("sample %d: %w", d.Index, err)
		}
		end := s.end.Add(-time.Duration(r.N-1-d.Index) * s.window)
		e := s.event("river", name+"."+s.metric+" "+stamp(end).String(), end)
		e.Method, e.Value = name+"."+s.metric, &value
		if s.metric == "p_value" { // of KSWIN
			e.PValue = &value
		}
		e.Labels = map[string]string{"tool": "river", "index": strconv.Itoa(d.Index)}
		if level, err := figure(d.State, "estimation"); err == nil {
			e.Labels["estimation"] = text(level, 6) // mean of what ADWIN keeps: the level of the stream, no measure of drift
		}
		events = append(events, e)
	}
	return events, nil
}

// figure is a number of the detector, or yes or no as 1 or 0.
func figure(state map[string]json.RawMessage, name string) (float64, error) {
	var yes bool
	if json.Unmarshal(state[name], &yes) == nil {
		if yes {
			return 1, nil
		}
		return 0, nil
	}
	var value float64
	if err := json.Unmarshal(state[name], &value); err != nil {
		return 0, fmt.Errorf("no figure %s in it; it has %s", name, strings.Join(slices.Sorted(maps.Keys(state)), ", "))
	}
	return value, nil
}
