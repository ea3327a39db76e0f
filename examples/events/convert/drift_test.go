package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

const (
	drifts = `{"metrics":[{"id":"1","config":{"type":"evidently:metric_v2:DriftedColumnsCount"},"value":{"count":2,"share":0.5}},
 {"id":"2","config":{"type":"evidently:metric_v2:ValueDrift","column":"a","method":"K-S p_value"},"value":0.01},
 {"id":"3","config":{"type":"evidently:metric_v2:ValueDrift","column":"b","method":"ks"},"value":0.4},
 {"id":"4","config":{"type":"evidently:metric_v2:ValueDrift","column":"c","method":"Wasserstein distance (normed)"},"value":0.7},
 {"id":"5","config":{"type":"evidently:metric_v2:ValueDrift","column":"d","method":"wasserstein"},"value":0.2}],
 "tests":[{"name":"Share of Drifted Columns: Less 0.500","metric_config":{"metric_id":"1"},"status":"FAIL"}]}`
	univariate = `[{"chunk/chunk/key":"a","chunk/chunk/period":"reference","chunk/chunk/start_index":0,"chunk/chunk/end_index":9,"x/js/value":0.1,"y/js/value":0.2,"y/ks/value":9},
 {"chunk/chunk/key":"b","chunk/chunk/period":"analysis","chunk/chunk/start_index":0,"chunk/chunk/end_index":9,"x/js/value":0.5,"x/js/alert":true,"y/js/value":0.3,"y/ks/value":9}]`
	several = `{"data":{"is_drift":1,"p_val":[0.02,0.01,0.9],"distance":[0.3,0.4,0.1],"threshold":0.0167},"meta":{"name":"KSDrift","version":"1"}}`
	single  = `{"data":{"is_drift":0,"p_val":0.7,"distance":0.001,"threshold":0.05},"meta":{"name":"MMDDrift","version":"1"}}`
	tabular = `{"data":{"is_drift":0,"p_val":[0.7,1],"distance":[0.1,55]},"meta":{"name":"TabularDrift","version":"1"}}`
	kswin   = `{"n":3,"events":[{"index":1,"state":{"class":"river.drift.kswin.KSWIN","drift_detected":true,"p_value":0.0001}}]}`
)

func TestADriftReportBecomesOneNumberAStream(t *testing.T) {
	none := math.NaN()
	for _, c := range []struct {
		name, args, report string
		p, value           float64
		method, label      string // label: name=value
	}{
		{"tests in two spellings are one p-value, distances are not in it", "evidently -stream s", drifts, 0.02, 0.5, "DriftedColumnsCount", "least=a"},
		{"distances in two spellings are one distance", "evidently -stream s -metric wasserstein", drifts, 0.02, 0.7, "wasserstein", "greatest=c"},
		{"one column is not corrected", "evidently -stream s -feature b", drifts, 0.4, none, "ks", "tested=1"},
		{"one column with a distance", "evidently -stream s -feature d", drifts, none, 0.2, "wasserstein", "greatest=d"},
		{"the feature that is furthest, by one method", "nannyml -stream s -metric js", univariate, none, 0.5, "js", "baseline=0.2"},
		{"one feature", "nannyml -stream s -metric js -feature y", univariate, none, 0.3, "js", "greatest=y"},
		{"the least of several p-values, corrected", "alibi -stream s", several, 0.03, 0.4, "KSDrift", "least=f1"},
		{"one of several p-values", "alibi -stream s -feature f2", several, 0.9, 0.1, "KSDrift", "tested=1"},
		{"a detector that looks at all features together", "alibi -stream s", single, 0.7, 0.001, "MMDDrift", "is_drift=0"},
		{"p is 1 at most, and distances of two units are none", "alibi -stream s", tabular, 1, none, "TabularDrift", "least=f0"},
		{"yes is 1", "river -stream s", kswin, none, 1, "KSWIN.drift_detected", "index=1"},
		{"a p-value of river", "river -stream s -metric p_value", kswin, 0.0001, 0.0001, "KSWIN.p_value", "index=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, log bytes.Buffer
			if err := run(append(strings.Fields(c.args), "-end", "2026-01-03T00:00:00Z"), strings.NewReader(c.report), &out, &log); err != nil {
				t.Fatal(err)
			}
			var e struct {
				Stream string   `json:"stream_id"`
				P      *float64 `json:"p_value"`
				Value  *float64
				Method string
				Labels map[string]string
			}
			if err := json.Unmarshal(out.Bytes(), &e); err != nil {
				t.Fatalf("%v in %q", err, out.String())
			}
			is := func(got *float64, want float64) bool {
				return got == nil && math.IsNaN(want) || got != nil && math.Abs(*got-want) < 1e-12
			}
			name, label, _ := strings.Cut(c.label, "=")
			if e.Stream != "s" || !is(e.P, c.p) || !is(e.Value, c.value) || e.Method != c.method || e.Labels[name] != label {
				t.Errorf("made %s\nwant p %v, value %v by %s, label %s", out.String(), c.p, c.value, c.method, c.label)
			}
		})
	}
}

func TestABadDriftReportIsAClearError(t *testing.T) {
	for _, c := range []struct{ args, report, want string }{
		{"alibi -model m", several, "-stream is missing: alibi tests data"},
		{"alibi -stream s -feature f9", several, "no feature f9 in it; it has f0 to f2"},
		{"alibi -stream s", `{"data":{}}`, "return_p_val=True"},
		{"evidently -stream s", snapshotText, "no ValueDrift in it"},
		{"evidently -stream s -metric psi", drifts, "no column with psi in it; methods in it: ks, wasserstein"},
		{"evidently -stream s -feature z", drifts, "no column z with"},
		{"nannyml -stream s -metric psi", univariate, "by psi; methods in it: js, ks"},
		{"river -stream s -metric width", kswin, "no figure width in it; it has class, drift_detected, p_value"},
		{"river -stream s", `{"n":1,"events":[{"index":1,"state":{"class":"X"}}]}`, "an index that is not below n"},
	} {
		var out, log bytes.Buffer
		err := run(strings.Fields(c.args), strings.NewReader(c.report), &out, &log)
		if err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%s: error %v, wrote %q; want an error with %q and nothing written", c.args, err, out.String(), c.want)
		}
	}
}
