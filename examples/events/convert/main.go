// Command convert turns the native report of a monitoring tool into events, one JSON line each, ready for `retrainer produce
// monitoring.drift` or `monitoring.performance`. It knows the reports of Evidently, NannyML, alibi-detect and what river's
// detectors show, and nothing of the retrainer.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

const usage = `usage: convert TOOL -model NAME/VERSION [flags] < report.json > events.jsonl      performance (river: concept drift)
       convert TOOL -stream NAME [flags] < report.json > events.jsonl             data drift

TOOL       the report
evidently  Snapshot.json() of a ClassificationPreset or RegressionPreset with include_tests=True; of a DataDriftPreset
nannyml    result.filter(...).to_df() of a PerformanceCalculator or UnivariateDriftCalculator, columns joined by "/", as JSON rows
alibi      what predict(x, return_p_val=True, return_distance=True) of a detector gave; data drift only
river      a log of a detector: {"n": samples, "events": [{"index", "state": {"class", its public attributes}}]}

`

// settings are what a report does not say of itself.
type settings struct {
	model    string        // name/version
	stream   string        // "": not data drift
	metric   string        // as the tool calls it
	feature  string        // one column alone; "": all of them
	end      time.Time     // end of the last window; no report carries it
	window   time.Duration // length of one window; for river of one sample
	worseUp  bool          // the metric grows when the model gets worse (errors, losses)
	baseline *float64      // what the metric was before, where the report does not say
	samples  int64         // samples in the window, where the report does not say; 0: unknown
	warn     func(format string, args ...any)
}

// conversion is of one tool to one kind of event.
type conversion struct {
	metric  string // the default
	convert func(io.Reader, settings) ([]event, error)
}

// tools by name: what they say of a model alone, and of a stream.
var tools = map[string]struct{ ofModel, ofStream conversion }{
	"evidently": {conversion{"F1Score", evidently}, conversion{driftedShare, evidentlyDrift}},
	"nannyml":   {conversion{"f1", nannyml}, conversion{"jensen_shannon", nannyml}},
	"alibi":     {ofStream: conversion{"", alibi}},
	"river":     {conversion{"drift_detected", river}, conversion{"drift_detected", river}},
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out, log io.Writer) error {
	names := strings.Join(slices.Sorted(maps.Keys(tools)), ", ")
	if len(args) == 0 {
		return fmt.Errorf("name the tool that wrote the report: %s", names)
	}
	tool, ok := tools[args[0]]
	if !ok {
		return fmt.Errorf("no such tool: %q; there are %s", args[0], names)
	}
	s, err := flags(args, log)
	if err != nil {
		return err
	}
	c := tool.ofModel
	if s.stream != "" {
		c = tool.ofStream
	}
	if c.convert == nil {
		return fmt.Errorf("-stream is missing: %s tests data, not a model", args[0])
	}
	if s.metric == "" {
		s.metric = c.metric
	}
	events, err := c.convert(in, s)
	if err != nil {
		return fmt.Errorf("%s report: %w", args[0], err)
	}
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	return w.Flush()
}

func flags(args []string, log io.Writer) (settings, error) {
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	f.SetOutput(log)
	f.Usage = func() {
		fmt.Fprint(log, usage)
		f.PrintDefaults()
	}
	s := settings{warn: func(format string, args ...any) { fmt.Fprintf(log, "convert: "+format+"\n", args...) }}
	f.StringVar(&s.model, "model", "", "the model as name/version, for example employment/v2.1")
	f.StringVar(&s.stream, "stream", "", "the stream whose data drifted; -model beside it names the model that it feeds")
	f.StringVar(&s.metric, "metric", "", "the metric, method or attribute, as the tool calls it (default F1Score, f1; of drift DriftedColumnsCount, jensen_shannon, drift_detected)")
	f.StringVar(&s.feature, "feature", "", "one column alone (f0, f1 ... of alibi; default all of them)")
	f.DurationVar(&s.window, "window", 24*time.Hour, "length of one window; of one sample for river")
	f.BoolVar(&s.worseUp, "worse-up", false, "the metric grows when the model gets worse (FPR, RMSE ...)")
	f.Int64Var(&s.samples, "samples", 0, "samples in the window, where the report does not say")
	f.Func("end", "end of the last window, RFC 3339 (default now)", func(v string) (err error) {
		s.end, err = time.Parse(time.RFC3339, v)
		return err
	})
	f.Func("baseline", "what the metric was before, where the report does not say", func(v string) error {
		var b float64
		if _, err := fmt.Sscanf(v, "%g", &b); err != nil {
			return err
		}
		s.baseline = &b
		return nil
	})
	if err := f.Parse(args[1:]); err != nil {
		return s, err
	}
	if s.end.IsZero() {
		s.end = time.Now()
	}
	switch {
	case f.NArg() > 0:
		return s, fmt.Errorf("%q is too much: the report comes by standard input", f.Arg(0))
	case s.model == "" && s.stream == "":
		return s, errors.New("-model is missing (or -stream, for data drift): no report says what it is about")
	case s.window <= 0:
		return s, errors.New("-window must be above 0")
	}
	return s, nil
}
