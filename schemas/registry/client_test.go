package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/visutility/retrainer/schemas"
)

const plain = `{"type":"record","name":"D","fields":[{"name":"timestamp","type":"long"}]}`

// answers is a registry that answers as Confluent's API and Apicurio's do, by path.
type answers struct {
	asked atomic.Int32
	by    map[string]string // path: status, a space, body
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.asked.Add(1)
	answer, ok := a.by[r.Method+" "+r.URL.Path]
	switch {
	case strings.Contains(r.URL.Path, "/groups/") && strings.Contains(r.Header.Get("Accept"), "schemaregistry"):
		w.WriteHeader(http.StatusNotAcceptable) // as Apicurio does
		return
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var status int
	_, _ = fmt.Sscan(answer, &status)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer[4:])
}

func escaped(schema string) string {
	b, _ := json.Marshal(schema)
	return string(b)
}

func registryOf(t *testing.T, by map[string]string, path string, ids IDs) (*Client, *answers) {
	t.Helper()
	a := &answers{by: by}
	server := httptest.NewServer(a)
	c, err := New(Config{URL: server.URL + path, User: "ann", Password: "s3cret", IDs: ids})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	return c, a
}

func id(n uint32) schemas.Ref { return schemas.Ref{Kind: schemas.RefID, ID: n} }

var guid = schemas.Ref{Kind: schemas.RefGUID, GUID: [16]byte{0x0f, 15: 0x0e}}

func TestSchemasAreAskedForOnceByIdAndByGUID(t *testing.T) {
	c, a := registryOf(t, map[string]string{
		"GET /schemas/ids/7": `200 {"schema":` + escaped(plain) + `}`,
		"GET /schemas/guids/0f000000-0000-0000-0000-00000000000e": `200 {"guid":"x","schemaType":"AVRO","schema":` + escaped(plain) + `}`,
	}, "", Content)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for _, ref := range []schemas.Ref{id(7), guid} {
				if s, err := c.Schema(context.Background(), ref); err != nil || s.Text() != plain {
					t.Errorf("%v: %v, %v", ref, s, err)
				}
			}
		})
	}
	all.Wait()
	if n := a.asked.Load(); n != 2 {
		t.Errorf("%d questions for two schemas", n)
	}
}

func TestGlobalIdsAreApicuriosOwn(t *testing.T) {
	c, _ := registryOf(t, map[string]string{
		"GET /apis/registry/v3/ids/globalIds/8":                                          `200 ` + plain,
		"GET /apis/registry/v3/ids/globalIds/9":                                          `404 {"detail":"VersionNotFoundException: No version with global ID '9' found.","title":"No version with global ID '9' found.","status":404}`,
		"POST /apis/ccompat/v7/subjects/retrain.commands-value/versions":                 `200 {"id":1}`,
		"GET /apis/registry/v3/groups/default/artifacts/retrain.commands-value/versions": `200 {"count":2,"versions":[{"globalId":9,"contentId":4},{"globalId":8,"contentId":1}]}`,
	}, "/apis/ccompat/v7", Global)
	if s, err := c.Schema(context.Background(), id(8)); err != nil || s.Text() != plain {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := c.Schema(context.Background(), id(9)); !errors.As(err, new(*MissingError)) {
		t.Errorf("%v", err)
	}
	command, _ := schemas.ByName("Command")
	if n, err := c.Register(context.Background(), "retrain.commands", command); n != 8 || err != nil {
		t.Errorf("registered as %d, %v; the content id is 1, the global id 8", n, err)
	}
	if _, err := New(Config{URL: "http://127.0.0.1:1", IDs: Global}); err == nil || !strings.Contains(err.Error(), "/apis/ccompat/v7") {
		t.Errorf("%v", err)
	}
}

func TestRegisterGivesTheIdAndSaysWhyARegistryRefuses(t *testing.T) {
	c, _ := registryOf(t, map[string]string{
		"POST /subjects/a-value/versions": `200 {"id":3}`,
		"POST /subjects/b-value/versions": `409 {"error_code":409,"message":"Schema being registered is incompatible with an earlier schema"}`,
		"POST /subjects/c-value/versions": `422 {"error_code":42201,"message":"Invalid schema"}`,
	}, "", Content)
	s, _ := schemas.ByName("Command")
	if n, err := c.Register(context.Background(), "a", s); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for topic, says := range map[string][]string{"b": {"b-value", "409", "incompatible", "compatibility"}, "c": {"c-value", "422", "Invalid schema"}} {
		_, err := c.Register(context.Background(), topic, s)
		for _, text := range says {
			if !errors.As(err, new(*SetupError)) || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v does not say %q", topic, err, text)
			}
		}
	}
}

// What a registry, a proxy or another server may answer, and whose turn it is then. No answer shows user or password.
func TestAnErrorTellsWhoseTurnItIs(t *testing.T) {
	const page = "<html><body>ann:s3cret</body></html>"
	for name, x := range map[string]struct {
		answer, kind, says string
	}{
		"not there":             {`404 {"error_code":40403,"message":"Schema 7 not found."}`, "missing", "Schema 7 not found"},
		"no such path":          {`404 {"detail":"RESTEASY003210"}`, "setup", "/apis/ccompat/v7"},
		"a page":                {`200 ` + page, "setup", "no registry's API"},
		"a page not found":      {`404 ` + page, "setup", "no such path"},
		"who are you":           {`401 {"error_code":40101,"message":"ann:s3cret is wrong"}`, "setup", "VTY_SCHEMA_REGISTRY_USER"},
		"no rights":             {`403 {"error_code":40301,"message":"denied"}`, "setup", "403"},
		"elsewhere":             {`302 `, "setup", "redirects"},
		"busy":                  {`429 {"message":"slow down"}`, "away", "429"},
		"broken":                {`500 {"error_code":50001,"message":"Error in the backend"}`, "away", "500: Error in the backend"},
		"a proxy's page":        {`503 ` + page, "away", "503: Service Unavailable, in a page"},
		"endless":               {`200 {"schema":"` + strings.Repeat("x", mostBytes) + `"}`, "away", "more than"},
		"not Avro":              {`200 {"schemaType":"PROTOBUF","schema":"syntax"}`, "unreadable", "PROTOBUF"},
		"no record":             {`200 {"schema":"\"string\""}`, "unreadable", "a record is needed"},
		"no schema":             {`200 {"schema":"{"}`, "unreadable", "not JSON"},
		"too large":             {`200 {"schema":"` + strings.Repeat("x", 1<<20+1) + `"}`, "unreadable", "at most 1048576"},
		"with references":       {`200 {"schema":` + escaped(plain) + `,"references":[{"name":"x","subject":"y","version":1}]}`, "unreadable", "refers to"},
		"a list in place of it": {`200 []`, "setup", "no registry's API"},
	} {
		t.Run(name, func(t *testing.T) {
			by := map[string]string{"GET /schemas/ids/7": x.answer}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(x.answer, "302") {
					w.Header().Set("Location", "/login")
				}
				(&answers{by: by}).ServeHTTP(w, r)
			}))
			defer server.Close()
			c, err := New(Config{URL: server.URL, User: "ann", Password: "s3cret"})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.Schema(context.Background(), id(7))
			if kind := kindOf(err); kind != x.kind || !strings.Contains(err.Error(), x.says) {
				t.Errorf("%s: %v; expected %s, ...%s", kind, err, x.kind, x.says)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("shown: %v", err)
			}
		})
	}
}

func kindOf(err error) string {
	switch {
	case err == nil:
		return "none"
	case errors.As(err, new(*MissingError)):
		return "missing"
	case errors.As(err, new(*UnreadableError)):
		return "unreadable"
	case errors.As(err, new(*SetupError)):
		return "setup"
	}
	return "away"
}

func TestARegistryThatIsNotThereIsAway(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	c, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(context.Background()); kindOf(err) != "setup" {
		t.Errorf("a server without the API: %v", err)
	}
	server.Close()
	for range 2 { // a failure is not kept
		if _, err := c.Schema(context.Background(), id(7)); kindOf(err) != "away" || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("%v", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Schema(ctx, id(7)); err == nil {
		t.Error("asked after the end")
	}
}

func TestAWrongURLIsRefused(t *testing.T) {
	for _, url := range []string{"", "registry:8081", "ftp://registry", "http://", "http://registry/?a=b", "http://ann:s3cret@registry"} {
		_, err := New(Config{URL: url})
		if !errors.As(err, new(*SetupError)) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestWhatSpeaksNoHTTPIsSaidToBeThat(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1<<12))
			conn.Close()
		}
	}()
	c, err := New(Config{URL: "http://" + l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Check(context.Background()); kindOf(err) != "away" || !strings.Contains(err.Error(), "hung up without a word") {
		t.Errorf("%v", err)
	}
}
