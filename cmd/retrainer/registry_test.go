package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/schemas"
)

// scriptRegistry answers as Confluent's API does, and under /apis/registry/v3 as Apicurio's own: its global ids are 100 more.
type scriptRegistry struct {
	mu       sync.Mutex
	away     bool
	texts    map[int]string
	subjects map[string]int // by subject: the id that was registered
}

// register answers POST /subjects/SUBJECT, which looks for a schema, and /subjects/SUBJECT/versions, which takes it.
func (s *scriptRegistry) register(r *http.Request) (status int, body any) {
	var asked struct{ Schema string }
	_ = json.NewDecoder(r.Body).Decode(&asked)
	subject, register := strings.CutSuffix(r.URL.Path[strings.Index(r.URL.Path, "/subjects/")+len("/subjects/"):], "/versions")
	id := s.subjects[subject]
	switch {
	case id == 0 && !register:
		return http.StatusNotFound, map[string]any{"error_code": 40401, "message": "Subject not found."}
	case id == 0:
		id = 500 + len(s.subjects)
		s.subjects[subject], s.texts[id] = id, asked.Schema
	}
	return http.StatusOK, map[string]any{"id": id}
}

func (s *scriptRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	last := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	id, _ := strconv.Atoi(last)
	answer := func(status int, body any) { w.WriteHeader(status); _ = json.NewEncoder(w).Encode(body) }
	switch {
	case s.away:
		answer(http.StatusServiceUnavailable, map[string]any{"message": "starting"})
	case user != "ann" || password != "open-sesame":
		answer(http.StatusUnauthorized, map[string]any{"error_code": 40101})
	case r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/subjects/"):
		answer(s.register(r))
	case strings.HasSuffix(r.URL.Path, "/apis/ccompat/v7/schemas/types"):
		answer(http.StatusOK, []string{"AVRO"})
	case strings.Contains(r.URL.Path, "/apis/ccompat/v7/schemas/ids/") && s.texts[id] != "":
		answer(http.StatusOK, map[string]any{"schema": s.texts[id]})
	case strings.HasSuffix(r.URL.Path, "/versions") && strings.Contains(r.URL.Path, "/apis/registry/v3/groups/default/artifacts/"):
		subject := strings.Split(r.URL.Path, "/")[7]
		answer(http.StatusOK, map[string]any{"versions": []any{map[string]any{"globalId": s.subjects[subject] + 100, "contentId": s.subjects[subject]}}})
	case strings.Contains(r.URL.Path, "/apis/registry/v3/ids/globalIds/") && s.texts[id-100] != "":
		_, _ = w.Write([]byte(s.texts[id-100]))
	case strings.Contains(r.URL.Path, "/schemas/ids/"):
		answer(http.StatusNotFound, map[string]any{"error_code": 40403, "message": "Schema " + last + " not found."})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

type registryKey struct{}

// registry ID FILE: the registry at $REGISTRY has the schema of FILE by this id. registry away|back: it is not able to answer; it is
// again. User and password are ann and open-sesame, in the variables of the program.
func registryCommand(ts *testscript.TestScript, _ bool, args []string) {
	s, ok := ts.Value(registryKey{}).(**scriptRegistry)
	if !ok {
		ts.Fatalf("this script has no registry")
	}
	if *s == nil {
		*s = &scriptRegistry{texts: map[int]string{}, subjects: map[string]int{}}
		server := httptest.NewServer(*s)
		ts.Defer(server.Close)
		ts.Setenv("REGISTRY", server.URL+"/apis/ccompat/v7")
		ts.Setenv(registryUser, "ann")
		ts.Setenv(registryPassword, "open-sesame")
	}
	(*s).mu.Lock()
	defer (*s).mu.Unlock()
	switch args[0] {
	case "away", "back":
		(*s).away = args[0] == "away"
	default:
		id, err := strconv.Atoi(args[0])
		ts.Check(err)
		(*s).texts[id] = ts.ReadFile(args[1])
	}
}

// framed TOPIC FRAMING SCHEMA JSON...: writes records by the schema of a file. FRAMING is bare, an id, header:ID or
// header-base64:BYTES.
func framedCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := client(ts)
	defer c.Close()
	s, err := schemas.Parse(ts.ReadFile(args[2]))
	ts.Check(err)
	for _, line := range args[3:] {
		r := &kgo.Record{Topic: args[0]}
		kind, named, _ := strings.Cut(args[1], ":")
		switch id, _ := strconv.ParseUint(kind+named, 10, 32); kind {
		case "bare":
		case "header":
			id, _ = strconv.ParseUint(named, 10, 32)
			r.Headers = []kgo.RecordHeader{{Key: schemas.SchemaIDHeader, Value: schemas.AppendConfluentHeader(nil, uint32(id))}}
		case "header-base64":
			b, err := base64.StdEncoding.DecodeString(named)
			ts.Check(err)
			r.Headers = []kgo.RecordHeader{{Key: schemas.SchemaIDHeader, Value: b}}
		default:
			r.Value = schemas.AppendConfluentHeader(nil, uint32(id))
		}
		r.Value, err = s.FromJSON(r.Value, []byte(line))
		ts.Check(err)
		ts.Check(c.ProduceSync(within(ts), r).FirstErr())
	}
}
