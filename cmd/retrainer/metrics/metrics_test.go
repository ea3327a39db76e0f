package metrics

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/visutility/retrainer/consumer"
)

// at is what the metrics of these tests are asked for.
func at(st consumer.Status) *Metrics {
	return New(Config{
		Events: []string{"drift", "performance"}, Forward: []string{"retrain.progress", "retrain.requests"}, Ledger: "retrain.ledger",
		Commands: "retrain.commands", Decisions: "retrain.decisions", Results: "retrain.results", DeadLetters: "retrain.dlq",
		Status: func() consumer.Status { return st }, Now: func() time.Time { return time.UnixMilli(100_000) },
		Version: map[string]string{"version": "1", "revision": "r", "goversion": "go"},
	})
}

// busy is a status in which every metric has something to say.
var busy = consumer.Status{Member: "a", Generation: 3, Joined: true, Tasks: []consumer.TaskStatus{
	{Topic: "drift", Partition: 0, State: "running", Position: 7, Lag: 0, Time: 1000},
	{Topic: "drift", Partition: 1, State: "running", Position: 7, Lag: 5, Time: 40_000},
	{Topic: "drift", Partition: 2, State: "loading", Position: 7, Lag: -1, Time: 40_000},
	{Topic: "retrain.ledger", Partition: 0, State: "running", Position: 9, Lag: 2},
}}

func whole(t *testing.T) (*Metrics, []*dto.MetricFamily) {
	t.Helper()
	m := at(busy)
	m.Revision(4)
	m.Revision(3) // read later, and less
	m.Loaded("retrain.ledger", 0, 0, []int64{0, 0, 0, 0, 0, 0, 0, 6})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return m, families
}

func TestNamesAndTextsAreByPrometheusConventions(t *testing.T) {
	m, _ := whole(t)
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	bad := prometheus.NewRegistry()
	bad.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "retrainer_commits"}))
	if problems, err = testutil.GatherAndLint(bad); err != nil || len(problems) == 0 {
		t.Errorf("nothing wrong is found with a counter without _total and help: %v", err)
	}
}

// row is a metric as docs/metrics.md has it.
func row(f *dto.MetricFamily) string {
	labels := map[string]bool{}
	for _, x := range f.Metric {
		for _, l := range x.Label {
			labels[l.GetName()] = true
		}
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |", f.GetName(), strings.ToLower(f.GetType().String()),
		cmp.Or(strings.Join(slices.Sorted(maps.Keys(labels)), ", "), "-"), f.GetHelp())
}

func TestEveryMetricStandsInTheDocumentation(t *testing.T) {
	m, families := whole(t)
	var want []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), namespace+"_") {
			want = append(want, row(f))
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "| `") {
			got = append(got, line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the table of docs/metrics.md must be\n%s\nand is\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
	described := make(chan *prometheus.Desc, 1000)
	m.registry.Describe(described)
	close(described)
	for d := range described {
		if s := d.String(); strings.Contains(s, `"`+namespace+"_") && !slices.ContainsFunc(families, func(f *dto.MetricFamily) bool { return strings.Contains(s, `"`+f.GetName()+`"`) }) {
			t.Errorf("never seen, so nothing is checked: %s", s)
		}
	}
}

// value is what a metric says of these labels (name, value ...); ok is false where it says nothing.
func value(families []*dto.MetricFamily, name string, labels ...string) (v float64, ok bool) {
	for _, f := range families {
		if f.GetName() != namespace+"_"+name {
			continue
		}
		for _, x := range f.Metric {
			has := map[string]string{}
			for _, l := range x.Label {
				has[l.GetName()] = l.GetValue()
			}
			same := true
			for i := 0; i < len(labels); i += 2 {
				same = same && has[labels[i]] == labels[i+1]
			}
			if same {
				return x.GetGauge().GetValue() + x.GetCounter().GetValue(), true
			}
		}
	}
	return 0, false
}

func TestTasksAreShownAsTheyAre(t *testing.T) {
	_, families := whole(t)
	for _, x := range []struct {
		name   string
		labels []string
		want   float64
		known  bool
	}{
		{"ready", nil, 0, true},
		{"group_generation", nil, 3, true},
		{"policy_revision", nil, 4, true},
		{"tasks", []string{"topic", "drift", "state", "running"}, 2, true},
		{"tasks", []string{"topic", "drift", "state", "loading"}, 1, true},
		{"tasks", []string{"topic", "performance", "state", "running"}, 0, true},
		{"lag_records", []string{"topic", "drift", "partition", "0"}, 0, true},
		{"lag_records", []string{"topic", "drift", "partition", "1"}, 5, true},
		{"lag_records", []string{"topic", "drift", "partition", "2"}, 0, false},
		{"lag_seconds", []string{"topic", "drift", "partition", "0"}, 0, true},
		{"lag_seconds", []string{"topic", "drift", "partition", "1"}, 60, true},
		{"lag_seconds", []string{"topic", "drift", "partition", "2"}, 0, false},
		{"lag_seconds", []string{"topic", "retrain.ledger", "partition", "0"}, 0, false}, // nothing was folded yet
		{"commands_open", nil, 6, true},
	} {
		if got, ok := value(families, x.name, x.labels...); got != x.want || ok != x.known {
			t.Errorf("%s %v is %v, %v; want %v, %v", x.name, x.labels, got, ok, x.want, x.known)
		}
	}
}

// Before there is a consumer, and while the cluster is away, all that is known beforehand is there.
func TestMetricsAreThereBeforeAnythingIs(t *testing.T) {
	families, err := at(consumer.Status{}).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for name, labels := range map[string][]string{
		"ready":                  nil,
		"events_total":           {"topic", "performance", "outcome", "dead_letter"},
		"dead_letters_total":     {"topic", "retrain.requests", "reason", "unknown_kind"},
		"alerts_total":           {"state", "resolved", "on", "concept_drift", "action", "full"},
		"decisions_total":        {"action", "none", "reason", "unknown_model"},
		"results_total":          {"action", "full", "state", "superseded"},
		"transactions_total":     {"topic", "retrain.ledger", "outcome", "unknown"},
		"recoveries_total":       {"cause", "INVALID_PRODUCER_EPOCH"},
		"replayed_records_total": {"topic", "drift"},
		"tasks":                  {"topic", "retrain.ledger", "state", "running"},
	} {
		if v, ok := value(families, name, labels...); v != 0 || !ok {
			t.Errorf("%s %v is %v, %v", name, labels, v, ok)
		}
	}
	for _, name := range []string{"commands_open", "group_generation", "policy_revision"} {
		if v, ok := value(families, name); ok {
			t.Errorf("%s is %v, and nobody knows it", name, v)
		}
	}
}
