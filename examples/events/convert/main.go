// Command convert turns the native report of a monitoring tool into performance events, one JSON line each, ready for
// `retrainer produce monitoring.performance`. It knows the reports of NannyML and Evidently, and nothing of the retrainer.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

const usage = `usage: convert nannyml|evidently -model NAME/VERSION [flags] < report.json > events.jsonl

nannyml    result.filter(...).to_df() of a PerformanceCalculator, columns joined by "/", written as JSON rows
evidently  Snapshot.json() of a ClassificationPreset or RegressionPreset with include_tests=True

`

// settings are what a report does not say of itself.
type settings struct {
	model    string        // name/version
	metric   string        // as the tool calls it
	end      time.Time     // end of the last window; neither report carries it
	window   time.Duration // length of one window
	worseUp  bool          // the metric grows when the model gets worse (errors, losses)
	baseline *float64      // what the metric was before, where the report does not say
	samples  int64         // samples in the window, where the report does not say; 0: unknown
	warn     func(format string, args ...any)
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out, log io.Writer) error {
	tools := map[string]struct {
		metric  string // the default
		convert func(io.Reader, settings) ([]event, error)
	}{"nannyml": {"f1", nannyml}, "evidently": {"F1Score", evidently}}
	if len(args) == 0 {
		return errors.New("name the tool that wrote the report: nannyml or evidently")
	}
	tool, ok := tools[args[0]]
	if !ok {
		return fmt.Errorf("no such tool: %q; nannyml or evidently", args[0])
	}
	s, err := flags(args, tool.metric, log)
	if err != nil {
		return err
	}
	events, err := tool.convert(in, s)
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

func flags(args []string, metric string, log io.Writer) (settings, error) {
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	f.SetOutput(log)
	f.Usage = func() {
		fmt.Fprint(log, usage)
		f.PrintDefaults()
	}
	s := settings{warn: func(format string, args ...any) { fmt.Fprintf(log, "convert: "+format+"\n", args...) }}
	f.StringVar(&s.model, "model", "", "the model as name/version, for example employment/v2.1 (required)")
	f.StringVar(&s.metric, "metric", metric, "the metric, as the tool calls it")
	f.DurationVar(&s.window, "window", 24*time.Hour, "length of one window")
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
	case s.model == "":
		return s, errors.New("-model is missing: neither report says whose quality it measured")
	case s.window <= 0:
		return s, errors.New("-window must be above 0")
	}
	return s, nil
}
