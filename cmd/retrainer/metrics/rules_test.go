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

// alertRules are those of docs/metrics.md.
func alertRules(t *testing.T) (rules []struct{ Alert, Expr, For string }) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	block, _, _ := strings.Cut(rest, "```")
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct{ Alert, Expr, For string }
		}
	}
	if err := yaml.UnmarshalWithOptions([]byte(block), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	if len(rules) < 5 {
		t.Fatalf("%d rules in docs/metrics.md", len(rules))
	}
	return rules
}

var (
	selector = regexp.MustCompile(`(\w+\()?(retrainer_\w+)(?:\{([^}]*)\})?(\[\w+\])?`)
	matcher  = regexp.MustCompile(`^\s*(\w+)="([^"]*)"\s*$`)
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
			if l := matcher.FindStringSubmatch(text); l == nil || !slices.Contains(labels[l[1]], l[2]) {
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

// What the alert rules of the documentation ask for is there: a rule about a metric that is not never fires, and nobody notices.
func TestTheAlertRulesOfTheDocumentationAskForWhatIsThere(t *testing.T) {
	_, families := whole(t)
	for _, r := range alertRules(t) {
		for _, w := range wrong(r.Expr, families) {
			t.Errorf("%s: %s: %s", r.Alert, r.Expr, w)
		}
		if _, err := time.ParseDuration(r.For); r.For != "" && err != nil {
			t.Errorf("%s: for: %v", r.Alert, err)
		}
	}
	for _, expr := range []string{"up == 0", "retrainer_commits_total > 1", `sum(retrainer_tasks{topic="retrain.ledger", state="asleep"}) < 1`,
		`sum by (model) (increase(retrainer_commands_total[1h])) > 0`, "retrainer_commands_total > 0", "increase(retrainer_ready[1h]) > 0"} {
		if len(wrong(expr, families)) == 0 {
			t.Errorf("nothing is found wrong with %s", expr)
		}
	}
}
