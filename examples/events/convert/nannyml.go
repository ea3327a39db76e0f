package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// NannyML writes its numbers with ten decimals.
const nannymlDigits = 10

// chunk is one row of the frame: a window of the data, of the reference period or of the one under analysis.
type chunk struct {
	key      string
	period   string
	rows     int64
	value    *float64 // null where the targets are not known yet
	start    *string  // null unless the data had a timestamp column
	end      *string
	alert    *bool
	sampling *float64
}

// nannyml makes one event of each chunk under analysis. The baseline is the mean of the metric over the chunks of the
// reference period, weighted by their rows: the frame holds no other.
func nannyml(in io.Reader, s settings) ([]event, error) {
	chunks, err := readChunks(in, s.metric)
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
		start := end.Add(-s.window)
		if c.start != nil && c.end != nil {
			if start, end, err = c.window(); err != nil {
				return nil, err
			}
		}
		labels := map[string]string{"tool": "NannyML", "baseline": text(before, nannymlDigits)}
		if c.alert != nil {
			labels["alert"] = fmt.Sprint(*c.alert) // true on either side of the thresholds: no word about worse
		}
		if c.sampling != nil {
			labels["sampling_error"] = text(*c.sampling, nannymlDigits)
		}
		events = append(events, event{
			ModelID: s.model, Change: s.change(*c.value, before, nannymlDigits), Timestamp: stamp(end),
			EventID: fmt.Sprintf("nannyml %s %s %s", s.model, s.metric, c.key), // the same frame, sent again, is the same events
			Method:  s.metric, Value: *c.value, SampleSize: &c.rows, WindowStart: stamp(start), WindowEnd: stamp(end), Labels: labels,
		})
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

func (c chunk) window() (start, end time.Time, err error) {
	for _, x := range []struct {
		text string
		to   *time.Time
	}{{*c.start, &start}, {*c.end, &end}} {
		if *x.to, err = time.Parse("2006-01-02T15:04:05.999999999", x.text); err != nil {
			if *x.to, err = time.Parse(time.RFC3339, x.text); err != nil {
				return start, end, fmt.Errorf("chunk %s: its date is no ISO 8601 time: %w", c.key, err)
			}
		}
	}
	return start, end, nil
}

func readChunks(in io.Reader, metric string) ([]chunk, error) {
	var rows []map[string]json.RawMessage
	if err := json.NewDecoder(in).Decode(&rows); err != nil {
		return nil, fmt.Errorf("not a list of rows: %w", err)
	}
	chunks := make([]chunk, len(rows))
	for i, r := range rows {
		var first, last *int64
		c := &chunks[i]
		for column, to := range map[string]any{
			"chunk/key": &c.key, "chunk/period": &c.period, "chunk/start_index": &first, "chunk/end_index": &last,
			"chunk/start_date": &c.start, "chunk/end_date": &c.end,
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
			return nil, fmt.Errorf("row %d has no chunk/key, chunk/start_index and chunk/end_index", i)
		}
		c.rows = *last - *first + 1
	}
	return chunks, nil
}
