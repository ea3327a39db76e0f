package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// NannyML writes its numbers with ten decimals.
const nannymlDigits = 10

// chunk is one row of the frame: a window of the data, of the reference period or of the one under analysis.
type chunk struct {
	key      string
	period   string
	rows     int64
	value    *float64 // null where the targets are not known yet; of drift: the greatest over the features
	start    *string  // null unless the data had a timestamp column
	end      *string
	alert    *bool
	sampling *float64
	greatest string // the feature of that value, of drift
}

// nannyml makes one event of each chunk under analysis: performance, or drift by one method over all features. The baseline is
// the mean over the chunks of the reference period, weighted by their rows: the frame holds no other.
func nannyml(in io.Reader, s settings) ([]event, error) {
	chunks, err := readChunks(in, s)
	if err != nil {
		return nil, err
	}
	before, err := s.reference(chunks)
	if err != nil {
		return nil, err
	}
	var analysis []chunk
	for _, c := range chunks {
		if c.period == "analysis" {
			analysis = append(analysis, c)
		}
	}
	var events []event
	for i, c := range analysis {
		if c.value == nil {
			s.warn("chunk %s has no %s (are its targets known?): left out", c.key, s.metric)
			continue
		}
		end := s.end.Add(-time.Duration(len(analysis)-1-i) * s.window)
		e := s.event("nannyml", s.metric+" "+c.key, end) // the same frame, sent again, is the same events
		if c.start != nil && c.end != nil {
			if e.WindowStart, e.WindowEnd, err = c.window(); err != nil {
				return nil, err
			}
			e.Timestamp = e.WindowEnd
		}
		e.Method, e.Value, e.SampleSize = s.metric, c.value, &c.rows
		e.Labels = map[string]string{"tool": "NannyML", "baseline": text(before, nannymlDigits)}
		if s.stream == "" {
			e.Change = s.change(*c.value, before, nannymlDigits)
		} else {
			e.Labels["greatest"] = c.greatest
		}
		if c.alert != nil {
			e.Labels["alert"] = fmt.Sprint(*c.alert) // of performance true on either side of the thresholds: no word about worse
		}
		if c.sampling != nil {
			e.Labels["sampling_error"] = text(*c.sampling, nannymlDigits)
		}
		events = append(events, e)
	}
	return events, nil
}

func (s settings) reference(chunks []chunk) (float64, error) {
	if s.baseline != nil {
		return *s.baseline, nil
	}
	sum, rows := 0.0, int64(0)
	for _, c := range chunks {
		if c.period == "reference" && c.value != nil {
			sum += *c.value * float64(c.rows)
			rows += c.rows
		}
	}
	if rows == 0 {
		return 0, errors.New("no chunk of the reference period has a value: give -baseline")
	}
	return sum / float64(rows), nil
}

func (c chunk) window() (start, end stamp, err error) {
	for _, x := range []struct {
		text string
		to   *stamp
	}{{*c.start, &start}, {*c.end, &end}} {
		t, err := time.Parse("2006-01-02T15:04:05.999999999", x.text)
		if err != nil {
			if t, err = time.Parse(time.RFC3339, x.text); err != nil {
				return start, end, fmt.Errorf("chunk %s: its date is no ISO 8601 time: %w", c.key, err)
			}
		}
		*x.to = stamp(t)
	}
	return start, end, nil
}

func readChunks(in io.Reader, s settings) ([]chunk, error) {
	var rows []map[string]json.RawMessage
	if err := json.NewDecoder(in).Decode(&rows); err != nil {
		return nil, fmt.Errorf("not a list of rows: %w", err)
	}
	chunks := make([]chunk, len(rows))
	for i, r := range rows {
		c, about, metric := &chunks[i], "chunk/", s.metric
		if s.stream != "" {
			about = "chunk/chunk/" // this frame's columns have three levels: feature, method, figure
			var err error
			if c.greatest, err = furthest(r, s); err != nil {
				return nil, fmt.Errorf("row %d: %w", i, err)
			}
			metric = c.greatest + "/" + s.metric
		}
		var first, last *int64
		for column, to := range map[string]any{
			about + "key": &c.key, about + "period": &c.period, about + "start_index": &first, about + "end_index": &last,
			about + "start_date": &c.start, about + "end_date": &c.end,
			metric + "/value": &c.value, metric + "/alert": &c.alert, metric + "/sampling_error": &c.sampling,
		} {
			if r[column] == nil {
				continue
			}
			if err := json.Unmarshal(r[column], to); err != nil {
				return nil, fmt.Errorf("row %d, column %s: %w", i, column, err)
			}
		}
		if _, ok := r[metric+"/value"]; !ok {
			return nil, fmt.Errorf("row %d has no column %s/value: -metric names one of the frame's metrics", i, metric)
		}
		if c.key == "" || first == nil || last == nil || *last < *first {
			return nil, fmt.Errorf("row %d has no %skey, %sstart_index and %send_index", i, about, about, about)
		}
		c.rows = *last - *first + 1
	}
	return chunks, nil
}

// furthest is the feature with the greatest value among those that were judged by the method.
func furthest(row map[string]json.RawMessage, s settings) (string, error) {
	values, methods := map[string]float64{}, map[string]bool{}
	for column, text := range row {
		name, ok := strings.CutSuffix(column, "/value")
		slash := strings.LastIndexByte(name, '/')
		if !ok || slash < 0 {
			continue
		}
		feature, method := name[:slash], name[slash+1:]
		methods[method] = true
		var value *float64
		if err := json.Unmarshal(text, &value); err != nil {
			return "", fmt.Errorf("column %s: %w", column, err)
		}
		if method == s.metric && value != nil {
			values[feature] = *value
		}
	}
	if _, most := greatest(only(values, s.feature)); most != "" {
		return most, nil
	}
	return "", fmt.Errorf("no feature %swith a value by %s; methods in it: %s", feature(s), s.metric, strings.Join(slices.Sorted(maps.Keys(methods)), ", "))
}
