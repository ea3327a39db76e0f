//go:build kafka

package kafka

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	"sync"
	"testing"
	"time"
)

// startRegistry starts Apicurio Registry, which keeps its schemas in memory; the URLs of its Confluent API and of its own.
func startRegistry(t testing.TB, dir string) (confluent, own string) {
	t.Helper()
	env := append(os.Environ(), "REGISTRY_DIR="+filepath.Join(dir, "registry"), "REGISTRY_PORT="+strconv.Itoa(30_000+10*rand.IntN(200)), "REGISTRY_KAFKA=")
	script := func(args ...string) ([]byte, error) {
		cmd := exec.Command(filepath.Join(top, "tools/registry/registry-local"), args...)
		cmd.Env = env
		return cmd.CombinedOutput()
	}
	began := time.Now()
	t.Cleanup(func() { _, _ = script("clean") })
	out, err := script("start")
	urls := regexp.MustCompile(`REGISTRY_URL=(\S+)\s+APICURIO_URL=(\S+)`).FindStringSubmatch(string(out))
	if err != nil || urls == nil {
		t.Errorf("registry-local start: %v\n%s", err, out)
		return "", ""
	}
	t.Logf("the registry at %s after %.1f s", urls[1], time.Since(began).Seconds())
	return urls[1], urls[2]
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

func TestEveryEventOfProducersInPythonAndJavaIsFoldedOnce(test *testing.T) {
	t := tell(test)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	a := &app{t: t, dir: t.TempDir()}
	var confluent, own string
	var starting sync.WaitGroup
	starting.Go(func() { confluent, own = startRegistry(t, a.dir) })
	a.c = startCluster(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)))
	a.program = build(t, a.dir, "./cmd/retrainer")
	classes, py := java(t), python(t)
	if starting.Wait(); confluent == "" {
		t.FailNow()
	}
	registry := withGUIDs(t, confluent)
	schema, err := filepath.Abs(filepath.Join(top, "examples/python/drift_check.avsc"))
	if err != nil {
		t.Fatal(err)
	}
	script := func(args ...string) []string { return append([]string{"examples/python/produce.py", "TOPIC"}, args...) }
	read := []*feeding{
		{name: "single", events: 100_000, program: "java", args: classes("Events", "TOPIC", "snappy")},
		{name: "prefix", events: 100_000, program: py, args: script("--registry", registry, "--compression", "zstd")},
		{name: "header", events: 100_000, program: py, args: script("--registry", registry, "--framing", "header", "--compression", "gzip")},
		{name: "content", events: 10_000, program: "java", args: classes("Events", "TOPIC", "none"), env: []string{"APICURIO_URL=" + own}},
	}
	bare := []*feeding{{name: "bare", events: 100_000, program: py, args: script("--framing", "bare", "--compression", "lz4")}}
	// The same schema under a second subject: its contentId is the same, its globalId another one.
	global := []*feeding{{name: "global", events: 1000, program: "java", args: classes("Events", "TOPIC", "none"), env: []string{"APICURIO_URL=" + own, "APICURIO_USE_ID=globalId"}}}

	instances := []*instance{
		a.serve("retrain", read, "--schema-registry", registry),
		a.serve("bare", bare, "--performance-topic", "", "--events-wire", "bare:"+schema),
		a.serve("global", global, "--schema-registry", confluent, "--registry-id", "global"),
	}
	a.write(read, bare, global)
	a.eachStreamIsCommandedOnce("bare", bare)
	a.areReadByJava(ctx, "bare", classes, feedStreams)
	t.Setenv("VTY_SCHEMA_REGISTRY", registry)
	a.eachStreamIsCommandedOnce("retrain", read)
	a.areReadByJava(ctx, "retrain", classes, len(read)*feedStreams, "APICURIO_URL="+own)
	a.areReadByPython(py)
	t.Setenv("VTY_SCHEMA_REGISTRY", confluent)
	t.Setenv("VTY_REGISTRY_ID", "global")
	a.eachStreamIsCommandedOnce("global", global)
	for _, i := range instances {
		i.stop()
	}
}

// areReadByPython: consumer.py knows the commands in Confluent's framing, and that nobody waits for them any more.
func (a *app) areReadByPython(python string) {
	a.t.Helper()
	cmd := exec.Command(python, "examples/python/consumer.py")
	cmd.Dir, cmd.Env = top, append(os.Environ(), "VTY_BROKERS="+a.c.brokers)
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		a.t.Fatal(err)
	}
	var log bytes.Buffer
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(log.String(), "left alone: it had to be started before") {
		log.WriteString(lines.Text() + "\n")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // killed
	if !strings.Contains(log.String(), "left alone: it had to be started before") {
		a.t.Errorf("consumer.py said only\n%s", log.String())
	}
}
