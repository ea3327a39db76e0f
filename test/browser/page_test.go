package browser

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

//go:embed audit.js
var audit string

// TestThePage is one service and one browser for all.
func TestThePage(t *testing.T) {
	s, chrome := start(t), browser(t)
	t.Run("empty", func(t *testing.T) {
		b := open(t, chrome, s.page)
		b.has("", "No models yet: a model exists from the first alert that concerns it.")
		b.audited("empty", false)
		b.clean()
	})
	t.Run("story", func(t *testing.T) { story(t, s, open(t, chrome, s.page)) })
	t.Run("hostile", func(t *testing.T) { hostileNames(t, s, open(t, chrome, s.page)) })
	t.Run("looks", func(t *testing.T) { looks(t, open(t, chrome, s.page)) })
	t.Run("keyboard", func(t *testing.T) { keyboard(open(t, chrome, s.page)) })
	t.Run("policy of its content", func(t *testing.T) { contentPolicy(t, open(t, chrome, s.page)) })
	t.Run("again", func(t *testing.T) { again(open(t, chrome, s.page)) })
	t.Run("behind a prefix", func(t *testing.T) {
		at, err := url.Parse(s.page)
		if err != nil {
			t.Fatal(err)
		}
		proxy := httptest.NewServer(http.StripPrefix("/team/retrainer", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}))
		defer proxy.Close()
		b := open(t, chrome, proxy.URL+"/team/retrainer/")
		b.goTo("")
		b.walk()
		b.clean()
	})
}

// audited wants a page without a finding.
func (b *tab) audited(name string, phone bool) {
	b.t.Helper()
	for _, finding := range eval[[]string](b, fmt.Sprintf("%s(%v)", strings.TrimSpace(audit), phone)) {
		b.t.Errorf("%s: %s", name, finding)
	}
}

// story is a camera whose stream drifts, a full retrain of it by a worker, and a model that gets worse and waits for a trainer.
func story(t *testing.T, s *service, b *tab) {
	var events []event
	for i, p := range []float64{0.4, 0.7, 0.2, 0.9, 0.5, 0.3, 0.6, 0.008, 0.5, 0.004, 0.0001, 0.00002} {
		events = append(events, event{"stream_id": "ward-3", "model_id": "scanner/v2.1", "p_value": p, "data_ref": "s3://ward-3/x?day=" + strconv.Itoa(i), "timestamp": ago(time.Duration(20-i) * time.Minute)})
	}
	s.produce("monitoring.drift", events...)
	b.has("", "full retrain: an alert counts (alert)")
	b.click("scanner")
	b.at("scanner")
	text := b.text()
	for _, want := range []string{"training", "full retrain waits for a trainer", "1 alert counts for it now.", "limit: below 0.01", "12 values of p_value", "open"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q:\n%s", want, text)
		}
	}
	// The drawing: a dot an event, the one that fired below the line of its limit, as its value is.
	drawn := eval[map[string]float64](b, `(s => ({dots: s.querySelectorAll("circle").length, fires: s.querySelectorAll("circle.fires").length,
		dot: s.querySelector("circle.fires").getBoundingClientRect().y, line: s.querySelector("line.level").getBoundingClientRect().y,
		first: s.querySelector("circle").getBoundingClientRect().y, beyond: s.querySelectorAll("rect.beyond").length}))(document.querySelector("svg.plot"))`)
	if drawn["dots"] != 12 || drawn["fires"] != 1 || drawn["beyond"] != 1 || drawn["dot"] < drawn["line"] || drawn["first"] > drawn["line"] {
		t.Errorf("the drawing is %v", drawn)
	}
	s.background("worker", "--exec", `echo '{"new_version":"v3.0","metrics":{"mAP":0.91}}'`)
	b.has("model?name=scanner", "trained version v3.0: mAP 0.91")
	s.produce("monitoring.performance", event{"model_id": "pricing/v1.0", "mAP_change": -0.2, "timestamp": ago(time.Second)})
	b.has("", "pricing")
	b.goTo("")
	b.walk()
	if text := b.text(); !strings.Contains(text, `"data_ref": "s3://ward-3/x?day=10"`) {
		t.Errorf("the event is not shown:\n%s", text)
	}
	var ready struct{ Ready bool }
	b.click("readyz")
	until(t, func() error {
		if b.answered() != nil { // it says for what it waits
			b.goTo("readyz")
		}
		return json.Unmarshal([]byte(b.text()), &ready)
	})
	if !ready.Ready {
		t.Error("the service is not ready")
	}
	b.clean()
}

// walk goes from the list to the event behind a decision, by what is on the pages.
func (b *tab) walk() {
	b.t.Helper()
	b.click("scanner")
	b.at("scanner")
	if !eval[bool](b, `[...document.styleSheets].every(s => s.cssRules.length > 30) && document.styleSheets.length === 1`) {
		b.t.Error("the page has no style")
	}
	first := eval[string](b, `[...document.links].filter(a => a.search.startsWith("?offset=")).at(-1).textContent`) // the oldest
	b.click(first)
	b.at("Decision 1 on scanner")
	for _, want := range []string{"full retrain: an alert counts (alert)", "low-p", "monitoring.drift/", "Start by", "trials", "trained version v3.0"} {
		if text := b.text(); !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
			b.t.Errorf("the decision says no %q:\n%s", want, text)
		}
	}
	place := eval[string](b, `[...document.links].find(a => a.search.includes("partition=")).textContent`)
	b.click(place)
	b.at("Event " + place)
}

// again is a page that loads itself, for whoever asks for that.
func again(b *tab) {
	b.goTo("")
	b.click("Load it every 10 s")
	until(b.t, func() error {
		if n := eval[int](b, `document.querySelectorAll("meta[http-equiv=refresh][content='10']").length`); n != 1 {
			return fmt.Errorf("%d times", n)
		}
		return nil
	})
	b.click("quiet") // and another list of it still does
	until(b.t, func() error {
		if got := eval[string](b, "location.search"); got != "?phase=quiet&refresh=10" {
			return fmt.Errorf("it is at %s", got)
		}
		return nil
	})
	b.click("Stop loading it every 10 s")
	until(b.t, func() error {
		if n := eval[int](b, `document.querySelectorAll("meta[http-equiv=refresh]").length`); n != 0 {
			return fmt.Errorf("%d times", n)
		}
		return nil
	})
	b.clean()
}
