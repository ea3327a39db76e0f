//go:build kafka

package kafka

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// schemaRegistry is a running Apicurio Registry.
type schemaRegistry struct {
	t              testing.TB
	env            []string
	confluent, own string // URLs of its Confluent API and of its own
}

// startRegistry starts one, which keeps its schemas in memory, or as the further options of its program say. Without URLs it did not
// start.
func startRegistry(t testing.TB, dir string, extra ...string) *schemaRegistry {
	t.Helper()
	r := &schemaRegistry{t: t}
	began := time.Now()
	t.Cleanup(func() { _, _ = r.script("clean") })
	out, err := drawn(func() (string, error) {
		r.env = append(os.Environ(), "REGISTRY_DIR="+filepath.Join(dir, "registry"), "REGISTRY_PORT="+strconv.Itoa(30_000+10*rand.IntN(200)),
			"REGISTRY_KAFKA=", "REGISTRY_EXTRA="+strings.Join(extra, " "))
		out, err := r.script("start")
		return string(out), err
	})
	urls := regexp.MustCompile(`REGISTRY_URL=(\S+)\s+APICURIO_URL=(\S+)`).FindStringSubmatch(out)
	if err != nil || urls == nil {
		t.Errorf("registry-local start: %v\n%s", err, out)
		return r
	}
	r.confluent, r.own = urls[1], urls[2]
	t.Logf("the registry at %s after %.1f s", r.confluent, time.Since(began).Seconds())
	return r
}

// keeping has a registry keep its schemas in a file, written with each change, so that it has them after a kill too.
func keeping(dir string) string {
	return "-Dapicurio.datasource.url=jdbc:h2:file:" + filepath.Join(dir, "schemas") + ";WRITE_DELAY=0"
}

func (r *schemaRegistry) script(args ...string) ([]byte, error) {
	cmd := exec.Command(filepath.Join(top, "tools/registry/registry-local"), args...)
	cmd.Env = r.env
	return cmd.CombinedOutput()
}

// do is script for what must go well.
func (r *schemaRegistry) do(what string) {
	r.t.Helper()
	if out, err := r.script(what); err != nil {
		r.t.Errorf("registry-local %s: %v\n%s", what, err, out)
	}
}

// register gives the id of a schema under a subject; kind is AVRO, JSON or PROTOBUF.
func (r *schemaRegistry) register(subject, kind, schema string) uint32 {
	r.t.Helper()
	return r.ask(http.MethodPost, "/subjects/"+subject+"/versions", map[string]string{"schema": schema, "schemaType": kind}).ID
}

// latest gives the id of a subject's newest schema.
func (r *schemaRegistry) latest(subject string) uint32 {
	r.t.Helper()
	return r.ask(http.MethodGet, "/subjects/"+subject+"/versions/latest", nil).ID
}

type registryAnswer struct{ ID uint32 }

func (r *schemaRegistry) ask(method, path string, body any) (answer registryAnswer) {
	r.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequest(method, r.confluent+path, bytes.NewReader(text))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(said, &answer) != nil {
		r.t.Fatalf("%s %s %s: %s, %v: %s", method, path, text, res.Status, err, said)
	}
	return answer
}

// refusesAnotherSchema: where a subject shall stay compatible, a schema of ours that is not is refused, with what to do about it.
func (r *schemaRegistry) refusesAnotherSchema(program, brokers string) {
	r.t.Helper()
	const subject = "retrain.progress-value"
	r.register(subject, "AVRO", `{"type":"record","name":"Mine","fields":[{"name":"mine","type":"int"}]}`)
	r.ask(http.MethodPut, "/config/"+subject, map[string]string{"compatibility": "BACKWARD"})
	cmd := exec.Command(program, "produce", "retrain.progress", "--brokers", brokers, "--schema-registry", r.confluent)
	cmd.Stdin = strings.NewReader(`{"command_id":"c","kind":"started","at":"2026-01-01T00:00:00Z"}` + "\n")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), subject) || !strings.Contains(string(out), "409") {
		r.t.Errorf("a schema that is not compatible: %v, %s", err, out)
	}
}

// withGUIDs is a registry that has GUIDs, which Confluent's header form wants: no registry that has them can be had here. It is the
// real one, whose answers get a guid beside each id, and whose schemas can be asked for by it.
func withGUIDs(t testing.TB, registry string) string {
	t.Helper()
	to, err := url.Parse(registry)
	if err != nil {
		t.Fatal(err)
	}
	const guid = "%08x-0000-4000-8000-000000000000"
	proxy := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // a registry that is away is one of the tests
		Rewrite: func(r *httputil.ProxyRequest) {
			var id int
			if _, err := fmt.Sscanf(r.In.URL.Path, "/schemas/guids/"+guid, &id); err == nil {
				r.Out.URL.Path = fmt.Sprintf("/schemas/ids/%d", id)
			}
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(res *http.Response) error {
			body, err := io.ReadAll(res.Body)
			var answer map[string]any
			if err == nil && json.Unmarshal(body, &answer) == nil {
				if id, ok := answer["id"].(float64); ok {
					answer["guid"] = fmt.Sprintf(guid, int(id))
					body, err = json.Marshal(answer)
				}
			}
			res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			res.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return err
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}
