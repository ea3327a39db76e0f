package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const top = "../../.." // of the repository, where the commands of the README are run

func TestEveryCommittedEventIsMadeByTheCommandBesideIt(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^go run \./examples/events/convert (.+) < (\S+) > (\S+)$`).FindAllStringSubmatch(string(readme), -1) {
		report, err := os.Open(filepath.Join(top, m[2]))
		if err != nil {
			t.Fatal(err)
		}
		var out, log bytes.Buffer
		if err := run(strings.Fields(m[1]), report, &out, &log); err != nil {
			t.Fatalf("%s: %v", m[0], err)
		}
		want, err := os.ReadFile(filepath.Join(top, m[3]))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s holds\n%s\nits command makes\n%s", m[3], want, out.String())
		}
		made[filepath.Base(m[3])] = true
		_ = report.Close()
	}
	files, err := filepath.Glob("../*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	for _, f := range files {
		if !made[filepath.Base(f)] {
			t.Errorf("the README has no command that makes %s", filepath.Base(f))
		}
	}
}

const frame = `[
 {"chunk/key":"a","chunk/period":"reference","chunk/start_index":0,"chunk/end_index":9,"rmse/value":1.0},
 {"chunk/key":"b","chunk/period":"reference","chunk/start_index":10,"chunk/end_index":39,"rmse/value":2.0},
 {"chunk/key":"c","chunk/period":"analysis","chunk/start_index":0,"chunk/end_index":9,"chunk/start_date":"2026-01-02T00:00:00","chunk/end_date":"2026-01-03T00:00:00","rmse/value":1.25},
 {"chunk/key":"d","chunk/period":"analysis","chunk/start_index":10,"chunk/end_index":19,"rmse/value":null}
]`

const snapshotText = `{"metrics":[{"id":"1","config":{"type":"evidently:metric_v2:RMSE"},"value":2.5},
 {"id":"2","config":{"type":"evidently:metric_v2:F1ByLabel"},"value":{"0":1}}],
 "tests":[{"name":"RMSE: Equal 2.250 ± 0.45","metric_config":{"metric_id":"1"},"status":"SUCCESS"}]}`

func TestAReportBecomesEvents(t *testing.T) {
	for _, c := range []struct {
		name, args, report string
		change             float64
		stamp, log         string
	}{
		{"a mean weighted by rows, dates of the frame, a chunk without value", "nannyml -model m/v1 -metric rmse", frame, -0.5, "2026-01-03T00:00:00.000Z", "chunk d has no rmse"},
		{"a metric that grows when the model gets worse", "nannyml -model m/v1 -metric rmse -worse-up", frame, 0.5, "2026-01-03T00:00:00.000Z", "chunk d"},
		{"a baseline from outside", "nannyml -model m/v1 -metric rmse -baseline 1", frame, 0.25, "2026-01-03T00:00:00.000Z", "chunk d"},
		{"a baseline in the name of a test", "evidently -model m/v1 -metric RMSE -worse-up -end 2026-01-03T01:00:00+01:00", snapshotText, -0.25, "2026-01-03T00:00:00.000Z", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, log bytes.Buffer
			if err := run(strings.Fields(c.args), strings.NewReader(c.report), &out, &log); err != nil {
				t.Fatal(err)
			}
			var e struct {
				Change    float64 `json:"mAP_change"`
				Timestamp string  `json:"timestamp"`
			}
			if err := json.Unmarshal(out.Bytes(), &e); err != nil {
				t.Fatalf("%v in %q", err, out.String())
			}
			if math.Abs(e.Change-c.change) > 1e-12 || e.Timestamp != c.stamp {
				t.Errorf("change %v at %s; want %v at %s", e.Change, e.Timestamp, c.change, c.stamp)
			}
			if !strings.Contains(log.String(), c.log) {
				t.Errorf("logged %q; want %q", log.String(), c.log)
			}
		})
	}
}

func TestABadReportIsAClearError(t *testing.T) {
	for _, c := range []struct{ args, report, want string }{
		{"", "", "name the tool"},
		{"prose -model m", "", "no such tool"},
		{"nannyml", frame, "-model is missing"},
		{"nannyml -model m -metric f1", frame, "row 0 has no column f1/value"},
		{"nannyml -model m -metric rmse", "{}", "not a list of rows"},
		{"nannyml -model m -metric rmse", `[{"rmse/value":1}]`, "no chunk/key"},
		{"nannyml -model m -metric rmse", `[{"chunk/key":"a","chunk/start_index":0,"chunk/end_index":1,"chunk/period":"analysis","rmse/value":1}]`, "give -baseline"},
		{"evidently -model m", snapshotText, "no metric F1Score in it; it has RMSE"},
		{"evidently -model m -metric F1ByLabel", snapshotText, "no metric F1ByLabel"},
		{"evidently -model m -metric RMSE", `{"metrics":[{"id":"1","config":{"type":"RMSE"},"value":2.5}]}`, "give -baseline"},
		{"evidently -model m -window 0s", snapshotText, "-window must be above 0"},
		{"evidently -model m -end yesterday", snapshotText, "-end"},
	} {
		var out, log bytes.Buffer
		err := run(strings.Fields(c.args), strings.NewReader(c.report), &out, &log)
		if err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%s: error %v, wrote %q; want an error with %q and nothing written", c.args, err, out.String(), c.want)
		}
	}
}
