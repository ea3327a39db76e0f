package deploy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// world is docker-compose.yml on this machine: the commands and variables of its services as they stand there, with the addresses and
// folders that are free here in the place of those that containers have.
type world struct {
	project *types.Project
	program string
	here    *strings.Replacer
	http    string
}

func newWorld(t *testing.T) (w *world, port int, dir string) {
	port, dir = freePorts(t), t.TempDir()
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	at := func(n int) string { return fmt.Sprintf("127.0.0.1:%d", port+n) }
	w = &world{project: compose(t), program: program(t), http: at(4)}
	w.here = strings.NewReplacer(
		"INSIDE://:9092", "INSIDE://"+at(0), "OUTSIDE://:19092", "OUTSIDE://"+at(1), "CONTROLLER://:9093", "CONTROLLER://"+at(1000),
		"kafka:9092", at(0), "localhost:19092", at(1), "kafka:9093", at(1000), "/var/lib/kafka/data", filepath.Join(dir, "kafka", "1", "data"),
		"registry:8080", at(2), "0.0.0.0:9280", at(4), "/retrainer", w.program, "/work", work)
	return w, port, dir
}

// service is a command of a service: its own, or others in its place, as `docker compose run` has it.
func (w *world) service(name string, command ...string) *process {
	s := w.project.Services[name]
	if len(command) == 0 {
		command = s.Command
	}
	p := &process{args: []string{w.program}, env: w.environment(name)}
	for _, a := range command {
		p.args = append(p.args, w.here.Replace(a))
	}
	return p
}

func (w *world) environment(name string) map[string]string {
	env := environment(w.project.Services[name])
	for k, v := range env { // order: each for itself
		env[k] = w.here.Replace(v)
	}
	return env
}

// kafka starts a broker by what the image of Apache Kafka makes of its variables: KAFKA_A_B is a.b.
func (w *world) kafka(t *testing.T, port int, dir string) {
	var properties []string
	for k, v := range w.environment("kafka") { // order: sorted below
		name, ok := strings.CutPrefix(k, "KAFKA_")
		if !ok {
			t.Errorf("%s is no property of Kafka", k)
		}
		properties = append(properties, strings.ToLower(strings.ReplaceAll(name, "_", "."))+"="+v)
	}
	slices.Sort(properties)
	extra := filepath.Join(dir, "extra.properties")
	if err := os.WriteFile(extra, []byte(strings.Join(properties, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	local := func(what string) *process {
		return &process{args: []string{"tools/kafka/kafka-local", what}, dir: top, env: map[string]string{
			"KAFKA_DIR": filepath.Join(dir, "kafka"), "KAFKA_PORT": fmt.Sprint(port), "KAFKA_NODES": "1", "KAFKA_EXTRA": extra}}
	}
	t.Cleanup(func() { local("clean").ends(t) })
	local("start").ends(t)
}

func (w *world) registry(t *testing.T, port int, dir string) {
	env := w.environment("registry")
	env["REGISTRY_KAFKA"], env["REGISTRY_DIR"], env["REGISTRY_PORT"] = "environment", filepath.Join(dir, "registry"), fmt.Sprint(port)
	local := func(what string) *process {
		return &process{args: []string{"tools/registry/registry-local", what}, dir: top, env: env}
	}
	t.Cleanup(func() { local("clean").ends(t) })
	local("start").ends(t)
}

// fetch reads the JSON that an address answers.
func fetch(url string, into any) error {
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func TestWhatComposeStartsDecidesTrainsAndIsWatched(t *testing.T) {
	w, port, dir := newWorld(t)
	w.kafka(t, port, dir)
	w.registry(t, port+2, dir)
	w.service("topics").ends(t)
	w.service("topics").ends(t) // also where they are there
	w.service("retrainer").lasts(t)
	w.service("worker").lasts(t)
	if check := w.project.Services["retrainer"].HealthCheck.Test; check[0] != "CMD" || check[1] != "/retrainer" {
		t.Errorf("the image has nothing but /retrainer, and the health check is %q", check)
	} else {
		until(t, "the health check of retrainer", func() error {
			out, err := w.service("retrainer", check[2:]...).command(t.Context()).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
	}
	prometheus := w.prometheus(t, port+5, dir)

	event := w.service("client", "produce", "monitoring.performance")
	event.stdin = `{"model_id":"tumours/v1.3","mAP_change":-0.12,"timestamp":"` + time.Now().UTC().Format(time.RFC3339) + `"}`
	event.ends(t)
	if out := w.service("client", "tail", "retrain.results", "--from", "start", "--count", "1", "--timeout", patience.String()).ends(t); !strings.Contains(out, `"state":"succeeded"`) {
		t.Errorf("the training ended as %s", out)
	}
	w.service("client", "verify").ends(t)
	if out := w.service("client").ends(t); !strings.Contains(out, "tumours") {
		t.Errorf("the client shows %s", out)
	}
	var subjects []string
	if err := fetch(w.here.Replace("http://registry:8080/apis/ccompat/v7/subjects"), &subjects); err != nil || !slices.Contains(subjects, "retrain.commands-value") {
		t.Errorf("the registry has %q, %v", subjects, err)
	}
	if _, err := os.Stat(filepath.Join(w.environment("kafka")["KAFKA_LOG_DIRS"], "kafkasql-journal-0")); err != nil {
		t.Errorf("the registry does not keep its schemas in Kafka: %v", err)
	}
	until(t, "Prometheus counts the event", func() error { return counted(prometheus) })
}
