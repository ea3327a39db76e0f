package board

import (
	"bytes"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
)

// hostile are names that a page must show as what they are.
var hostile = []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `a&b=c#d?e/../f`, "right\u202eto\u2066left", "no\u200bwidth", "\xff\xfe", `{{.}}`, `'; DROP TABLE models; --`, strings.Repeat("long", 128)}

func at(url string) *asked {
	a := askedOf(httptest.NewRequest(http.MethodGet, url, nil))
	return &a
}

func rendered(t *testing.T, name string, title string, page any) string {
	t.Helper()
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, shown{App: title, Title: title, Notes: []string{"x"}, Read: "x", Refresh: at("/model?"+url.Values{"name": {title}}.Encode()).here("refresh", "10"), Page: page}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// hostilePages are all pages with a name wherever one may stand.
func hostilePages(t *testing.T, name string) map[string]string {
	evidence := retrain.Evidence{Stream: &name, Model: &name, ModelVersion: &name, Field: "p_value", Rule: name, Topic: name, Action: retrain.FullRetrain}
	alert := alertShown{About: about(&evidence), Says: "x", Place: standsAt(&evidence), Link: eventLink(&evidence), Plot: newPlot([]point{{time: 1, value: 0.5}, {time: 2, value: 1e-9}}, &evidence)}
	d := &retrain.Decision{DecisionID: name, Model: name, ModelVersion: &name, Explanation: name, CommandID: &name, BlockedBy: &name, RequestID: &name}
	e := &entry{name: name, known: true, latest: name, phase: retrain.PhaseQuiet}
	model := &modelPage{Name: name, Phase: retrain.PhaseQuiet, Explanation: name, Now: name, Latest: name, Alerts: []alertShown{alert},
		Commands: []commandRow{{name, name, name, name, 1, retrain.SoftRetrain}}, Versions: []retrain.Version{{Version: name, Parent: &name, Metrics: map[string]float64{name: 1}}}}
	row := evidenceRow{About: about(&evidence), Value: name, Limit: "x", Place: standsAt(&evidence), Link: eventLink(&evidence), Rule: name}
	return map[string]string{
		"models":   rendered(t, "models.html", name, &modelsPage{Query: name, Phase: retrain.Phase(name), Again: "10", Rows: []modelRow{e.row()}, All: tally{Link: link("./", "q", name)}}),
		"model":    rendered(t, "model.html", name, model),
		"decision": rendered(t, "decision.html", name, &decisionPage{D: d, Link: modelLink(name), End: name, Command: [][]string{{"x", name}, nil}, Evidence: []evidenceRow{row}, Alerts: []alertShown{alert}}),
		"event":    rendered(t, "event.html", name, &eventPage{Topic: name, Lines: []string{name}}),
		"problem":  rendered(t, "problem.html", name, &problem{What: name}),
	}
}

func TestHostileNamesAreShownAsTheyAre(t *testing.T) {
	for _, name := range hostile {
		for page, text := range hostilePages(t, name) {
			for _, bad := range []string{"<script", "<img", `href="javascript:`, "\u202e", "\u2066", "\u200b", "\xff"} {
				if strings.Contains(text, bad) {
					t.Errorf("the page %s of %q holds %q", page, name, bad)
				}
			}
		}
	}
}

func TestALinkLeadsToTheModelOfItsName(t *testing.T) {
	for _, name := range hostile {
		e := &entry{name: name}
		if got := parameter(t, e.row().Link, "name"); got != name {
			t.Errorf("the link of %q asks for %q", name, got)
		}
	}
}

func TestALinkToTheSamePageKeepsWhatWasAsked(t *testing.T) {
	if got, want := at("/prefix/model?name=a%26b&decisions=50").here("decisions", "75"), "model?decisions=75&name=a%26b"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := at("/").here("q", ""), "./"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// valueIn is what the service reads of a drift event, and its time.
func valueIn(t *testing.T, text string, e *retrain.Evidence) (value float64, at int64, ok bool) {
	t.Helper()
	schema, avro := written(t, "DriftEvent", text)
	event := (&signals{cfg: Config{MaxEventBytes: 2000}}).reader(schema, retrain.OnDrift).Read(&record.Record{Value: avro})
	if event == nil {
		return 0, 0, false
	}
	value, ok = valueOf(event, e)
	return value, event.Timestamp, ok
}

func TestASignalIsThatOfItsSourceAlone(t *testing.T) {
	e := &retrain.Evidence{Stream: new("cam-7"), Model: new("detector"), ModelVersion: new("v5.4"), Field: "p_value"}
	for text, want := range map[string]bool{
		`{"stream_id":"cam-7","model_id":"detector/v5.4","p_value":0.5,"timestamp":"2026-11-24T12:00:00.000Z"}`:                   true,
		`{"stream_id":"cam-7","model_id":"detector","model_version":"v5.4","p_value":0.5,"timestamp":"2026-11-24T12:00:00.000Z"}`: true,
		`{"stream_id":"cam-7","model_id":"detector","p_value":0.5,"timestamp":"2026-11-24T12:00:00.000Z"}`:                        true, // no version: that heard last
		`{"stream_id":"cam-7","model_id":"detector/v5.5","p_value":0.5,"timestamp":"2026-11-24T12:00:00.000Z"}`:                   false,
		`{"stream_id":"cam-8","model_id":"detector/v5.4","p_value":0.5,"timestamp":"2026-11-24T12:00:00.000Z"}`:                   false,
		`{"model_id":"detector/v5.4","p_value":0.5,"timestamp":"2026-11-24T12:00:00.000Z"}`:                                       false,
		`{"stream_id":"cam-7","model_id":"detector/v5.4","kl_divergence":0.5,"timestamp":"2026-11-24T12:00:00.000Z"}`:             false,
	} {
		if v, at, ok := valueIn(t, text, e); ok != want || ok && (v != 0.5 || at != 1795521600000) {
			t.Errorf("%s: %v at %d, %v", text, v, at, ok)
		}
	}
}

func TestWhatIsNotTakenAsAnEventIsNotDrawn(t *testing.T) {
	e := &retrain.Evidence{Stream: new("cam-7"), Field: "p_value"}
	for name, text := range map[string]string{
		"a clock that was never set": `{"stream_id":"cam-7","p_value":0.5,"timestamp":946684799999}`,
		"no probability":             `{"stream_id":"cam-7","p_value":1.5,"timestamp":946684800000}`,
		"another value is no number": `{"stream_id":"cam-7","p_value":0.5,"kl_divergence":"NaN","timestamp":946684800000}`,
		"an id that is empty":        `{"stream_id":"cam-7","event_id":"","p_value":0.5,"timestamp":946684800000}`,
		"an id that is too long":     `{"stream_id":"cam-7","event_id":"` + strings.Repeat("x", 513) + `","p_value":0.5,"timestamp":946684800000}`,
		"an id of no text":           `{"stream_id":"cam-7","event_id":"\u0007","p_value":0.5,"timestamp":946684800000}`,
		"one that is too large":      `{"stream_id":"cam-7","data_ref":"` + strings.Repeat("x", 2000) + `","p_value":0.5,"timestamp":946684800000}`,
	} {
		if v, _, ok := valueIn(t, text, e); ok {
			t.Errorf("%s is drawn: %v", name, v)
		}
	}
	if v, _, ok := valueIn(t, `{"stream_id":"cam-7","p_value":0.5,"timestamp":946684800000}`, e); !ok || v != 0.5 {
		t.Error("what is taken is not drawn")
	}
}

func TestThePointsAroundAnAlertAreInOrderAndAmongThemTheOneThatFired(t *testing.T) {
	var all []point
	for i := range int64(5000) {
		all = append(all, point{time: i ^ 1, offset: i})
	}
	for _, offset := range []int64{0, 100, 2500, 4999} {
		got := around(append([]point{}, all...), offset)
		found := false
		for i, p := range got {
			found = found || p.offset == offset
			if i > 0 && p.time < got[i-1].time {
				t.Fatalf("point %d is older than the one before it", i)
			}
		}
		if len(got) != mostPoints || !found {
			t.Errorf("%d points around %d, among them: %v", len(got), offset, found)
		}
	}
}

func TestEverythingThatIsDrawnIsInTheDrawing(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		e      retrain.Evidence
	}{
		{"values that are the limit", []float64{0.5, 0.5}, retrain.Evidence{Field: "p_value", Value: new(0.5), Level: new(0.5)}},
		{"p-values, 0 among them", []float64{1, 0, 1e-300, 0.3}, retrain.Evidence{Field: "p_value", Level: new(0.01)}},
		{"the same value again", []float64{2, 2, 2}, retrain.Evidence{Field: "kl_divergence", Level: new(2.0)}},
		{"a limit beyond all values", []float64{-0.01, 0.02}, retrain.Evidence{Field: "mAP_change", Value: new(0.02), Level: new(-0.05), Since: new(int64(1))}},
		{"below the limit", []float64{-0.2, 0.02}, retrain.Evidence{Field: "mAP_change", Value: new(-0.2), Level: new(-0.05)}},
		{"the greatest numbers", []float64{-math.MaxFloat64, math.MaxFloat64}, retrain.Evidence{Field: "value"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var points []point
			for i, v := range c.values {
				points = append(points, point{time: int64(i), value: v, offset: int64(i)})
			}
			p := newPlot(points, &c.e)
			in := func(what string, v, from, to float64) {
				if !(v >= from && v <= to) {
					t.Errorf("%s at %v, not from %v to %v", what, v, from, to)
				}
			}
			for _, d := range p.Dots {
				in("x", d.X, 0, width)
				in("y", d.Y, 0, height)
			}
			for _, m := range p.Ticks {
				in("tick", m.At, 0, height)
			}
			if p.Level != nil {
				in("level", p.Level.At, 0, height)
			}
			if p.Beyond != nil {
				in("beyond", p.Beyond.From, 0, height)
				in("beyond", p.Beyond.Height, 0, height-p.Beyond.From)
			}
		})
	}
	for _, times := range [][]int64{{math.MinInt64, 0, math.MaxInt64}, {math.MaxInt64 - 1, math.MaxInt64}} {
		var points []point
		for _, at := range times {
			points = append(points, point{time: at})
		}
		for _, d := range newPlot(points, &retrain.Evidence{}).Dots {
			if !(d.X >= left && d.X <= width-right) {
				t.Errorf("times %v: x at %v", times, d.X)
			}
		}
	}
	if newPlot([]point{{time: 1}}, &retrain.Evidence{}) != nil {
		t.Error("one value is drawn")
	}
}
