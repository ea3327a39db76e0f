package board

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// served is a board over a broker in this process.
type served struct {
	*Board
	t      *testing.T
	stop   func() // its broker
	client *kgo.Client
	opened int          // how often it connected
	events atomic.Int64 // how many were asked for
}

func serve(t *testing.T) *served {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "models", "decisions", "results"), kfake.SeedTopics(8, "commands", "events"))
	if err != nil {
		t.Fatal(err)
	}
	stop, addresses := sync.OnceFunc(cluster.Close), cluster.ListenAddrs()
	t.Cleanup(stop)
	client, err := kgo.NewClient(kgo.SeedBrokers(addresses...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s := &served{t: t, stop: stop, client: client}
	s.Board = New(Config{App: "retrain", Topics: testTopics, Log: zerolog.Nop(),
		Connect: func() (*consumer.Client, error) {
			s.opened++
			return consumer.Connect(consumer.ClientConfig{Brokers: addresses, ClientID: "board", Log: zerolog.Nop()})
		},
		Written: func(_ context.Context, r *record.Record) (*schemas.Schema, []byte, error) {
			s.events.Add(1)
			schema, avro, err := schemas.Identify(r.Value)
			if err != nil {
				return nil, nil, nil
			}
			return schema, avro, nil
		}})
	t.Cleanup(s.Close)
	return s
}

// written is an event of one of our schemas, and its Avro bytes.
func written(t testing.TB, name, text string) (*schemas.Schema, []byte) {
	t.Helper()
	schema, _ := schemas.ByName(name)
	avro, err := schema.FromJSON(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema, avro
}

func (s *served) write(topic string, partition int32, value []byte) {
	s.t.Helper()
	if err := s.client.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Partition: partition, Key: []byte("m0"), Value: value}).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// begun is when the story begins.
const begun = 1_795_521_600_000

// story writes a model with a command in training, its decision and the events behind it.
func (s *served) story() {
	for i := range 5 {
		schema, avro := written(s.t, "PerformanceEvent", fmt.Sprintf(`{"model_id":"m0/v1","mAP_change":%v,"timestamp":%d}`, -0.01*float64(i*i), begun+i*1000))
		s.write("events", 2, append(schemas.AppendHeader(nil, schema.Fingerprint()), avro...))
	}
	evidence := []retrain.Evidence{{AlertID: "a", Model: new("m0"), ModelVersion: new("v1"), On: retrain.OnPerformance, Action: retrain.SoftRetrain, Field: "mAP_change",
		Value: new(-0.16), Level: new(-0.05), EventID: "events/2/4", EventTime: begun + 4000, Topic: "events", Partition: 2, Offset: 4}}
	s.write("models", 0, value(s.t, handlers.ModelCodec, &retrain.Model{Name: "m0", Phase: retrain.PhaseTraining, Action: retrain.SoftRetrain, Reason: retrain.ReasonAlert,
		Until: new(int64(9_000_000)), CommandID: new("c0"), Worker: new("worker-7"), Latest: new("v1"), Alerts: evidence, Versions: []retrain.Version{{Version: "v1", RegisteredAt: 1}}}))
	s.write("decisions", 0, value(s.t, handlers.DecisionCodec, &retrain.Decision{DecisionID: "d0", Model: "m0", Action: retrain.SoftRetrain, Reason: retrain.ReasonAlert,
		CommandID: new("c0"), Explanation: "m0 lost 0.16 mAP", DecidedAt: 1_005_000, DecisionNumber: 1, Evidence: evidence}))
	s.write("commands", 5, value(s.t, handlers.CommandCodec, &retrain.Command{CommandID: "c0", DecisionID: "d0", Model: "m0", Kind: retrain.KindTrain, Claim: retrain.ClaimNone,
		Action: retrain.SoftRetrain, IssuedAt: 1_005_000, StartBy: 2_000_000, MaxRuntimeMs: 60_000, Tuner: "grid", BaseVersion: new("v1"), Evidence: evidence}))
}

// shows wants texts in a page.
func (s *served) shows(url string, status int, texts ...string) {
	s.t.Helper()
	got, body := s.get(s.t, url)
	for _, text := range texts {
		if got != status || !strings.Contains(body, text) {
			s.t.Errorf("%s: %d without %q:\n%s", url, got, text, body)
		}
	}
}

func TestAModelIsFollowedFromTheListToTheEventBehindItsDecision(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.shows("/", 200, "No models yet")
	s.story()
	s.kept.state.ended = time.Time{} // what was read holds for a second
	s.shows("/", 200, "1 model<", `href="model?name=m0"`, ">training<", "soft retrain: an alert counts (alert)", "1970-01-01 02:30:00 UTC")
	s.shows("/model?name=m0", 200, "m0 lost 0.16 mAP", "soft retrain is being trained by worker-7", "1 alert counts for it now.", "limit: below -0.05",
		`href="event?offset=4&amp;partition=2&amp;topic=events"`, "5 values of mAP_change", `class="beyond"`, `href="decision?offset=0"`, "open")
	s.shows("/decision?offset=0", 200, "Decision 1 on m0", "m0 lost 0.16 mAP", "<dt>End</dt><dd>open</dd>", "<dt>trials</dt>", ">events/2/4</a>", `href="model?name=m0"`)
	s.shows("/event?topic=events&partition=2&offset=4", 200, "Event events/2/4", "&#34;mAP_change&#34;: -0.16")
	s.write("results", 0, value(t, handlers.ResultCodec, &retrain.Result{CommandID: "c0", Model: "m0", Action: retrain.SoftRetrain, State: retrain.ResultSucceeded, NewVersion: new("v1.1")}))
	s.kept.state.ended = time.Time{}
	s.shows("/decision?offset=0", 200, "trained version v1.1")
	if s.opened != 1 {
		t.Errorf("it connected %d times", s.opened)
	}
}

func TestWhatIsNotThereIsSaidAndNothingElseIsShown(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.story()
	s.write("events", 0, []byte("poison"))
	for url, want := range map[string]int{
		"/model?name=nobody": 404, "/model": 404, "/decision": 400, "/decision?offset=-1": 400, "/decision?offset=x": 400, "/decision?offset=77": 404,
		"/decision?offset=9223372036854775807": 404, "/event?topic=events&partition=0&offset=9": 404, "/event?topic=events&partition=99&offset=0": 404,
		"/event?topic=events&partition=4294967298&offset=0": 404, "/event?topic=decisions&partition=0&offset=0": 404, "/event": 404, "/nothing": 404,
		"/event?topic=events&partition=0&offset=0": 200, // a dead letter
	} {
		if got, body := s.get(t, url); got != want || strings.Contains(body, "m0 lost") {
			t.Errorf("%s: %d, not %d", url, got, want)
		}
	}
	s.shows("/event?topic=events&partition=0&offset=0", 200, "it is a dead letter")
	mux := http.NewServeMux()
	s.Routes(mux)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		for _, url := range []string{"/", "/model?name=m0", "/decision?offset=0", "/event", "/style.css"} {
			w := httptest.NewRecorder()
			if mux.ServeHTTP(w, httptest.NewRequest(method, url, strings.NewReader("q=x"))); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, url, w.Code)
			}
		}
	}
}

func TestManyViewersAtOnceReadOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.story()
	var viewers sync.WaitGroup
	for i := range 50 {
		viewers.Go(func() {
			if status, body := s.get(t, []string{"/", "/model?name=m0"}[i%2]); status != http.StatusOK || !strings.Contains(body, "m0") {
				t.Errorf("viewer %d: %d", i, status)
			}
		})
	}
	viewers.Wait()
	if n := s.events.Load(); n < 5 || n > 10 { // once more, should this take so long that they are read again
		t.Errorf("%d events were read, of 5", n)
	}
}

func TestAClusterThatIsAwayIsSaidAndWhatWasReadIsStillShown(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.story()
	s.shows("/", 200, "1 model<")
	s.stop()
	s.kept.state.ended = time.Time{}
	s.shows("/", 503, "The cluster does not answer", "This is what stood there at", "1 model<", `href="model?name=m0"`)
	s.kept.state.ended = time.Now().Add(time.Minute) // the next do not wait again
	s.shows("/model?name=m0", 503, "The cluster does not answer", "soft retrain: an alert counts (alert)", `href="decision?offset=0"`)
	s.shows("/decision?offset=0", 503, "has not answered in time")
	s.shows("/event?topic=events&partition=2&offset=4", 503, "has not answered in time")
	never := serve(t)
	never.stop()
	never.shows("/", 503, "has not answered in time", "readyz")
}

func TestTopicsThatWereMadeAnewAreReadFromTheirStart(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.story()
	s.shows("/", 200, "1 model<")
	s.kept.next["decisions"][0] = 1000 // as after more records than there are now
	s.kept.models["gone"] = &entry{name: "gone", known: true}
	s.kept.state.ended = time.Time{}
	s.shows("/", 200, "1 model<")
	s.shows("/model?name=gone", 404, "Nothing is known")
}
