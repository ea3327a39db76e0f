package metrics

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	dto "github.com/prometheus/client_model/go"
)

// folder has what Prometheus reads.
var folder = filepath.Join("..", "..", "..", "deploy", "prometheus")

// alertRule is what a rule says; its labels and annotations are for whom it wakes.
type alertRule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alertRules(t *testing.T) (rules []alertRule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []alertRule
		}
	}
	readYAML(t, "rules.yaml", &file)
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	if len(rules) < 5 {
		t.Fatalf("%d rules in %s", len(rules), folder)
	}
	return rules
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err == nil {
		err = yaml.UnmarshalWithOptions(text, into, yaml.Strict())
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

var (
	selector = regexp.MustCompile(`(\w+\()?(retrainer_\w+)(?:\{([^}]*)\})?(\[\w+\])?`)
	matcher  = regexp.MustCompile(`^\s*(\w+)=~?"([^"]*)"\s*$`)
	grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// wrong says what of an expression no metric has: a name, a label, a value of a label that is known beforehand; and whether what
// only goes up is asked for how far it did, and nothing else is.
func wrong(expr string, families []*dto.MetricFamily) (found []string) {
	all := selector.FindAllStringSubmatch(expr, -1)
	if len(all) == 0 {
		return []string{"no metric"}
	}
	for _, m := range all {
		function, name, window := m[1], m[2], m[4]
		i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
		if i < 0 {
			found = append(found, "no metric "+name)
			continue
		}
		labels := map[string][]string{}
		for _, x := range families[i].Metric {
			for _, l := range x.Label {
				labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
			}
		}
		for _, text := range strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' }) {
			if l := matcher.FindStringSubmatch(text); l == nil || !slices.ContainsFunc(labels[l[1]], regexp.MustCompile("^("+l[2]+")$").MatchString) {
				found = append(found, name+" never has "+text)
			}
		}
		for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
			for _, label := range strings.Split(by[1], ",") {
				if labels[strings.TrimSpace(label)] == nil {
					found = append(found, name+" has no label "+label)
				}
			}
		}
		if counts := families[i].GetType() == dto.MetricType_COUNTER; counts != (function == "increase(" && window != "") {
			found = append(found, name+" is asked by "+function+window)
		}
	}
	return found
}

// gone is the one rule about no metric of ours: whether Prometheus got an answer.
const gone = `up{job="retrainer"} == 0`

// What the alert rules ask for is there: a rule about a metric that is not never fires, and nobody notices.
func TestTheAlertRulesAskForWhatIsThere(t *testing.T) {
	_, families := whole(t)
	for _, r := range alertRules(t) {
		for _, w := range wrong(r.Expr, families) {
			if r.Expr != gone {
				t.Errorf("%s: %s: %s", r.Alert, r.Expr, w)
			}
		}
		if _, err := time.ParseDuration(r.For); r.For != "" && err != nil {
			t.Errorf("%s: for: %v", r.Alert, err)
		}
		if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s does not say how bad it is, what it is and what to do: %v %v", r.Alert, r.Labels, r.Annotations)
		}
	}
	for _, expr := range []string{"up == 0", "retrainer_commits_total > 1", `sum(retrainer_tasks{topic="retrain.ledger", state="asleep"}) < 1`,
		`sum(retrainer_tasks{topic=~".+[.]ledgers"}) < 1`, `sum by (model) (increase(retrainer_commands_total[1h])) > 0`,
		"retrainer_commands_total > 0", "increase(retrainer_ready[1h]) > 0"} {
		if len(wrong(expr, families)) == 0 {
			t.Errorf("nothing is found wrong with %s", expr)
		}
	}
}

// promtool tests what is written down for it, and does not ask whether that is every rule.
func TestEveryAlertRuleIsSeenToFireAndToBeSilent(t *testing.T) {
	type expected struct {
		EvalTime  string `yaml:"eval_time"`
		Alertname string
		ExpAlerts []any `yaml:"exp_alerts"`
	}
	var file struct {
		RuleFiles          []string `yaml:"rule_files"`
		EvaluationInterval string   `yaml:"evaluation_interval"`
		Tests              []struct {
			Name, Interval string
			InputSeries    []struct{ Series, Values string } `yaml:"input_series"`
			AlertRuleTest  []expected                        `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, "tests.yaml", &file)
	_, families := whole(t)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, s := range test.InputSeries {
			name, _, _ := strings.Cut(s.Series, "{")
			if name != "up" && !slices.ContainsFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name }) {
				t.Errorf("%s: there is no metric %s", test.Name, name)
			}
		}
		for _, e := range test.AlertRuleTest {
			if len(e.ExpAlerts) > 0 {
				fires[e.Alertname] = true
			} else {
				silent[e.Alertname] = true
			}
		}
	}
	for _, r := range alertRules(t) {
		if !fires[r.Alert] || !silent[r.Alert] {
			t.Errorf("%s: fires in a test: %v; is silent in one: %v", r.Alert, fires[r.Alert], silent[r.Alert])
		}
	}
}
