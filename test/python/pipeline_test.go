//go:build python

package python

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/visutility/retrainer/internal/free"
)

// pipeline is a folder that looks like the repository with the program built in it, and `dev` running there at a port of its own.
type pipeline struct {
	t      *testing.T
	dir    string
	broker string
	http   string
	env    []string
	dev    *process
}

// newPipeline makes the folder. Every command finds `python` with the packages of requirements.txt, and the flags of `dev` in its
// environment.
func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	python := os.Getenv("RETRAINER_PYTHON")
	if python == "" {
		t.Fatal("RETRAINER_PYTHON is not set: make test-python runs these tests")
	}
	p := &pipeline{t: t, dir: t.TempDir(), broker: free.Address(t), http: free.Address(t)}
	for _, name := range []string{"examples", "schemas"} {
		if err := os.Symlink(filepath.Join(top(t), name), filepath.Join(p.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(p.dir, "retrainer"), "./cmd/retrainer")
	build.Dir = top(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	p.env = append(os.Environ(), "PATH="+filepath.Dir(python)+":"+os.Getenv("PATH"), "USER=ada", "PYTHONDONTWRITEBYTECODE=1",
		"VTY_BROKERS="+p.broker, "VTY_LISTEN="+p.broker, "VTY_HTTP="+p.http, "PYTHONPATH="+p.holding(), "HOLD="+p.hold())
	p.dev = p.process("dev", devLine)
	return p
}

// process is a long-running command of the pipeline; it is not started yet.
func (p *pipeline) process(name, line string) *process {
	return &process{t: p.t, name: name, line: line, dir: p.dir, env: p.env, log: filepath.Join(p.dir, name+".log")}
}

const devLine = "./retrainer dev --policy examples/python/policy.yaml"

// run starts `dev`, again after a kill, and waits until it is ready.
func (p *pipeline) run() {
	p.t.Helper()
	p.dev.start()
	client := http.Client{Timeout: 2 * time.Second}
	wait(p.t, "dev is ready", func() bool {
		res, err := client.Get("http://" + p.http + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// sh runs a line to its end, which must be good; what it printed.
func (p *pipeline) sh(line string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience) // dev may be gone, which would be waited for
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", line)
	cmd.WaitDelay = patience
	var out, log bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, &out, &log
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%s: %v\n%s%s", line, err, out.String(), log.String())
	}
	return out.String()
}

// value is that of a record, of the fields that the tests look at.
type value struct {
	CommandID   string `json:"command_id"`
	Kind        string
	Model       string
	Action      string
	Reason      string
	State       string
	Worker      string
	BaseVersion string `json:"base_version"`
	NewVersion  string `json:"new_version"`
	Dataset     string
	Metrics     map[string]float64
	BestParams  map[string]string `json:"best_params"`
	Trials      []struct {
		Number int
		Values map[string]string
	}
	ErrorCode string `json:"error_code"`

	Latest   string
	Phase    string
	Versions []version
}

type version struct {
	Version, Parent, Dataset string
	CommandID                string `json:"command_id"`
	Metrics                  map[string]float64
	BestParams               map[string]string `json:"best_params"`
}

// records are all values of a topic.
func (p *pipeline) records(topic string) (values []value) {
	p.t.Helper()
	for line := range strings.Lines(p.sh("./retrainer tail " + topic + " --from start --until end")) {
		var r struct{ Value value }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			p.t.Fatalf("%s: %v in %s", topic, err, line)
		}
		values = append(values, r.Value)
	}
	return values
}

// await waits until a topic has so many records, and no more; they are returned.
func (p *pipeline) await(topic string, n int) (values []value) {
	p.t.Helper()
	p.sh(fmt.Sprintf("./retrainer tail %s --from start --count %d --timeout %s", topic, n, patience))
	if values = p.records(topic); len(values) != n {
		p.t.Fatalf("%s has %d records, not %d: %+v", topic, len(values), n, values)
	}
	return values
}

// of are the records of a model, in their order: between models, which have partitions of their own, there is none.
func of(model string, values []value) []value {
	return slices.DeleteFunc(values, func(v value) bool { return v.Model != model })
}

// reported are the words of trainers on a command, of one kind.
func (p *pipeline) reported(command, kind string) (n int) {
	p.t.Helper()
	for _, v := range p.records("retrain.progress") {
		if v.CommandID == command && v.Kind == kind {
			n++
		}
	}
	return n
}

// event is a line for `produce`, of this moment.
func event(fields string) string {
	return fmt.Sprintf(`{%s,"timestamp":%q}`, fields, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
}

func (p *pipeline) produce(topic string, lines ...string) {
	p.t.Helper()
	p.sh(fmt.Sprintf("./retrainer produce %s <<'END'\n%s\nEND", topic, strings.Join(lines, "\n")))
}
