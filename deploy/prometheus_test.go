package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// prometheus starts a Prometheus with the folder that its container has, where instances are asked for by name; here there are no names.
func (w *world) prometheus(t *testing.T, port int, dir string) (address string) {
	const names = "dns_sd_configs: # every instance, also where there are more than one\n  - {names: [retrainer], type: A, port: 9280, refresh_interval: 5s}\n"
	config := text(t, "deploy/prometheus/prometheus.yml")
	if !strings.Contains(config, names) {
		t.Fatalf("prometheus.yml does not have\n%s", names)
	}
	folder := filepath.Join(dir, "prometheus")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"rules.yaml":     text(t, "deploy/prometheus/rules.yaml"),
		"prometheus.yml": strings.Replace(config, names, "static_configs: [{targets: ['"+w.http+"']}]\n", 1),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address = fmt.Sprintf("127.0.0.1:%d", port)
	program := strings.TrimSpace((&process{args: []string{"tools/deploy/program", "prometheus", "prometheus"}, dir: top}).ends(t))
	(&process{args: []string{program, "--config.file", filepath.Join(folder, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(folder, "data"),
		"--web.listen-address", address}}).lasts(t)
	return address
}

// counted says what is missing: the instance is asked, its one event is counted as folded, no alert fires, and every rule could be evaluated.
func counted(prometheus string) error {
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, State, LastError string }
			}
		}
	}
	if err := fetch("http://"+prometheus+"/api/v1/rules", &rules); err != nil {
		return err
	}
	n := 0
	for _, g := range rules.Data.Groups {
		for _, r := range g.Rules {
			if n++; r.Health != "ok" || r.State != "inactive" {
				return fmt.Errorf("%s: %s, %s %s", r.Name, r.Health, r.State, r.LastError)
			}
		}
	}
	if n == 0 {
		return fmt.Errorf("there are no rules")
	}
	for query, want := range map[string]string{
		`up{job="retrainer"}`: "1", "retrainer_ready": "1", `sum(retrainer_events_total{outcome="folded"})`: "1", `sum(retrainer_results_total{state="succeeded"})`: "1",
	} {
		var answer struct {
			Data struct{ Result []struct{ Value [2]any } }
		}
		if err := fetch("http://"+prometheus+"/api/v1/query?query="+strings.NewReplacer("{", "%7B", "}", "%7D", `"`, "%22", "=", "%3D").Replace(query), &answer); err != nil {
			return err
		}
		if len(answer.Data.Result) != 1 || fmt.Sprint(answer.Data.Result[0].Value[1]) != want {
			return fmt.Errorf("%s is %v, not %s", query, answer.Data.Result, want)
		}
	}
	return nil
}
