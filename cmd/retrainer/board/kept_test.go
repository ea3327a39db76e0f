package board

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

func value[T any](t testing.TB, codec *schemas.Codec[T], v *T) []byte {
	t.Helper()
	b, err := codec.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var testTopics = Topics{Models: "models", Decisions: "decisions", Commands: "commands", Results: "results", Events: []string{"events"}}

// offline is a board that has read all, of a cluster that nobody needs.
func offline() *Board {
	b := New(Config{App: "retrain", Topics: testTopics, Log: zerolog.Nop(), Connect: func() (*consumer.Client, error) { panic("nobody connects") }})
	b.kept.state = state{read: 1, ended: time.Now().Add(time.Hour)} // nobody reads again
	return b
}

func (b *Board) get(t testing.TB, url string) (status int, body string) {
	t.Helper()
	mux := http.NewServeMux()
	b.Routes(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	return w.Code, w.Body.String()
}

// takeModels takes n models of all phases: m0, m1 ...
func takeModels(t testing.TB, k *kept, n int) {
	phases := []retrain.Phase{retrain.PhaseQuiet, retrain.PhaseTraining, retrain.PhaseCooling, retrain.PhaseQuiet}
	for i := range n {
		m := &retrain.Model{Name: fmt.Sprintf("m%d", i), Phase: phases[i%4], Action: retrain.NoAction, Reason: retrain.ReasonQuiet, Latest: new("v1")}
		if i%4 == 2 {
			m.Until = new(int64(1_000_000 - i))
		}
		k.take(&record.Record{Topic: "models", Key: []byte(m.Name), Offset: int64(i), Value: value(t, handlers.ModelCodec, m)})
	}
}

func TestAHundredThousandModelsAreSearchedFilteredSortedAndPaged(t *testing.T) {
	b := offline()
	takeModels(t, b.kept, mostModels+1)
	if len(b.kept.models) != mostModels || !b.kept.left {
		t.Fatalf("%d models are kept", len(b.kept.models))
	}
	for url, want := range map[string]string{
		"/":                                "1 to 100 of 100,000 models",
		"/?from=100":                       "101 to 200 of 100,000 models",
		"/?from=99999999999":               "99,901 to 100,000 of 100,000 models",
		"/?from=-5":                        "1 to 100 of 100,000 models",
		"/?from=x":                         "1 to 100 of 100,000 models",
		"/?q=M77":                          "1 to 100 of 1,111 models", // without regard to case; m77, m770 ... m779, m7700 ...
		"/?q=m99999":                       "1 model",
		"/?q=nothing":                      "No model is like that.",
		"/?phase=training":                 "1 to 100 of 25,000 models",
		"/?phase=cooling&q=m99998":         "1 model",
		"/?phase=cooling&q=m99999":         "No model is like that.",
		"/?phase=%3Cscript%3E":             "No model is like that.",
		"/?by=until&phase=cooling":         `href="model?name=m99998"`, // the soonest
		"/?by=nonsense&from=200":           "201 to 300 of 100,000 models",
		"/model?name=m4711":                "m4711</h1>",
		"/?q=" + strings.Repeat("x", 4000): "No model is like that.",
	} {
		b.kept.state.away = strings.HasPrefix(url, "/model") // its record cannot be read here
		status, body := b.get(t, url)
		if status != http.StatusOK && !b.kept.state.away || !strings.Contains(body, want) {
			t.Errorf("%.40s: %d, without %q", url, status, want)
		}
		if n := strings.Count(body, "<tr>"); n > rowsOnAPage+1 {
			t.Errorf("%s: %d rows", url, n)
		}
	}
	_, body := b.get(t, "/?by=until&from=100")
	if !strings.Contains(body, `rel="prev" href="./?by=until"`) || !strings.Contains(body, `rel="next" href="./?by=until&amp;from=200"`) {
		t.Error("the links to the pages beside it do not keep the order")
	}
}

func TestANameIsFoundAsItIsAndAsItIsShown(t *testing.T) {
	b := offline()
	b.kept.take(&record.Record{Topic: "models", Key: []byte("Right\u202eto"), Value: value(t, handlers.ModelCodec, &retrain.Model{Name: "Right\u202eto", Phase: retrain.PhaseQuiet, Action: retrain.NoAction, Reason: retrain.ReasonQuiet})})
	for _, query := range []string{"right", "right\u202eTO", `t\u202eto`} {
		if _, body := b.get(t, link("/", "q", query)); !strings.Contains(body, "1 model<") {
			t.Errorf("%q finds nothing", query)
		}
	}
}

func TestDecisionsThatAreKeptAreBoundAndTheNewestAreTheLast(t *testing.T) {
	b := offline()
	k := b.kept
	k.decisions, k.commands = bound{most: 1000, each: 400}, bound{most: 100, each: 50}
	const models, rounds = 20, 300
	for i := range int64(models * rounds) {
		name := fmt.Sprintf("m%d", i%models)
		d := &retrain.Decision{Model: name, Action: retrain.NoAction, Reason: retrain.ReasonQuiet, DecidedAt: i}
		k.take(&record.Record{Topic: "decisions", Offset: i, Value: value(t, handlers.DecisionCodec, d)})
		id := fmt.Sprintf("command-%d", i)
		c := &retrain.Command{CommandID: id, Model: name, Kind: retrain.KindTrain, Claim: retrain.ClaimNone, Action: retrain.SoftRetrain, IssuedAt: i}
		k.take(&record.Record{Topic: "commands", Partition: 3, Offset: i, Value: value(t, handlers.CommandCodec, c)})
		r := &retrain.Result{CommandID: id, Model: name, Action: retrain.SoftRetrain, State: retrain.ResultFailed, ErrorMessage: new(strings.Repeat("e", 5000))}
		k.take(&record.Record{Topic: "results", Offset: i, Value: value(t, handlers.ResultCodec, r)})
	}
	decisions, commands := 0, 0
	for name, e := range k.models {
		decisions, commands = decisions+len(e.decisions), commands+len(e.commands)
		if !e.olderDecisions || !e.olderCommands || e.decided() < models*(rounds-1) || len(e.commands[len(e.commands)-1].end) > mostError+10 {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if decisions != k.decisions.all || commands != k.commands.all || decisions > 1000 || commands > 100 || decisions < 250 || k.foreign > 0 {
		t.Errorf("%d decisions (%d counted) and %d commands (%d counted) are kept; %d unreadable", decisions, k.decisions.all, commands, k.commands.all, k.foreign)
	}
}

func TestThousandsOfDecisionsOfAModelArePaged(t *testing.T) {
	b := offline()
	takeModels(t, b.kept, 1)
	for i := range int64(3000) {
		d := &retrain.Decision{Model: "m0", Action: retrain.NoAction, Reason: retrain.ReasonQuiet, DecidedAt: i}
		b.kept.take(&record.Record{Topic: "decisions", Offset: i, Value: value(t, handlers.DecisionCodec, d)})
	}
	b.kept.state.away = true // nothing is read again
	b.kept.first["decisions"] = map[int32]int64{0: 500}
	for url, want := range map[string]string{
		"/model?name=m0":                 "1 to 25 of 2,500",
		"/model?name=m0&decisions=25":    "26 to 50 of 2,500",
		"/model?name=m0&decisions=2490":  "2,476 to 2,500 of 2,500",
		"/model?name=m0&decisions=99999": "2,476 to 2,500 of 2,500",
	} {
		if status, body := b.get(t, url); status != http.StatusServiceUnavailable || !strings.Contains(body, want) || strings.Count(body, `href="decision?`) != decisionsOnAPage {
			t.Errorf("%s: %d, %d decisions", url, status, strings.Count(body, `href="decision?`))
		}
	}
	if _, body := b.get(t, "/model?name=m0"); !strings.Contains(body, `href="decision?offset=2999"`) || strings.Contains(body, `"prev"`) || !strings.Contains(body, `href="model?decisions=25&amp;name=m0"`) {
		t.Error("the first page has not the newest")
	}
}

func TestARecordThatCannotBeReadIsLeftOutAndCounted(t *testing.T) {
	b := offline()
	takeModels(t, b.kept, 2)
	for _, topic := range []string{"models", "decisions", "commands", "results"} {
		b.kept.take(&record.Record{Topic: topic, Value: []byte("another build's")})
	}
	b.kept.state.foreign = b.kept.foreign
	if status, body := b.get(t, "/"); status != http.StatusOK || !strings.Contains(body, "4 records cannot be read") || !strings.Contains(body, "2 models") {
		t.Errorf("%d: %s", status, body)
	}
}

func TestTextsThatNoProgramOfThisAppWritesAreNotKept(t *testing.T) {
	long, k := strings.Repeat("x", mostID+1), offline().kept
	model := func(key string, m retrain.Model) {
		m.Phase, m.Action, m.Reason = retrain.PhaseQuiet, retrain.NoAction, retrain.ReasonQuiet
		k.take(&record.Record{Topic: "models", Key: []byte(key), Value: value(t, handlers.ModelCodec, &m)})
	}
	model(long, retrain.Model{Name: long})
	model("m", retrain.Model{Name: "m", Latest: &long})
	model("m", retrain.Model{Name: "another"}) // nothing would ever take it back
	k.take(&record.Record{Topic: "decisions", Value: value(t, handlers.DecisionCodec, &retrain.Decision{Model: long, Action: retrain.NoAction, Reason: retrain.ReasonQuiet})})
	for _, c := range []retrain.Command{{Model: long}, {Model: "m", CommandID: long}, {Model: "m", BaseVersion: &long}} {
		c.Kind, c.Claim, c.Action = retrain.KindTrain, retrain.ClaimNone, retrain.SoftRetrain
		k.take(&record.Record{Topic: "commands", Value: value(t, handlers.CommandCodec, &c)})
	}
	for _, r := range []retrain.Result{{Model: long}, {Model: "m", CommandID: long}, {Model: "m", BaseVersion: &long}, {Model: "m", NewVersion: &long}} {
		r.Action, r.State = retrain.SoftRetrain, retrain.ResultFailed
		k.take(&record.Record{Topic: "results", Value: value(t, handlers.ResultCodec, &r)})
	}
	if len(k.models) > 0 || k.foreign != 11 {
		t.Errorf("%d models are kept; %d of 11 records are counted", len(k.models), k.foreign)
	}
}

func TestWhatIsKeptOfAModelThatIsTakenBackCountsNoMore(t *testing.T) {
	k := offline().kept
	takeModels(t, k, 2)
	for _, name := range []string{"m0", "m0", "m1"} {
		d := &retrain.Decision{Model: name, Action: retrain.NoAction, Reason: retrain.ReasonQuiet}
		k.take(&record.Record{Topic: "decisions", Value: value(t, handlers.DecisionCodec, d)})
		c := &retrain.Command{CommandID: "c", Model: name, Kind: retrain.KindTrain, Claim: retrain.ClaimNone, Action: retrain.SoftRetrain}
		k.take(&record.Record{Topic: "commands", Value: value(t, handlers.CommandCodec, c)})
	}
	for range 2 { // and nothing is taken back twice
		k.take(&record.Record{Topic: "models", Key: []byte("m0")})
	}
	if k.models["m0"] != nil || k.models["m1"] == nil || k.decisions.all != 1 || k.commands.all != 1 || k.foreign > 0 {
		t.Errorf("%d models, %d decisions and %d commands count", len(k.models), k.decisions.all, k.commands.all)
	}
}
