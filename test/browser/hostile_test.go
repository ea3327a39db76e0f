package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// longest is as long as an id may be.
var longest = strings.Repeat("x<b>", 128)

// hostile are names that a page must show as what they are, and how.
var hostile = map[string]string{
	`<script>window.hit=1</script>`:              "",
	`"><img src=x onerror=window.hit=1>`:         "",
	`'/><svg onload=window.hit=1>`:               "",
	`javascript:window.hit=1`:                    "",
	`</title></h1><script>window.hit=1</script>`: "",
	`{{.}} ${x} #{y}`:                            "",
	`a&amp;b=c&d%20%zz+e#f?g;h`:                  "",
	`../../etc/passwd`:                           "",
	`//evil.example/x`:                           "",
	`.`:                                          "",
	`-`:                                          "",
	`🦊 émoji 模型`:                                 "",
	"right\u202eto\u2066left":                    `right\u202eto\u2066left`,
	"no\u200bwidth\ufeff":                        `no\u200bwidth\ufeff`,
	longest:                                      "",
}

// hostileNames come in by events as any other.
func hostileNames(t *testing.T, s *service, b *tab) {
	var events []event
	for name := range hostile {
		events = append(events, event{"model_id": name, "mAP_change": -0.5, "event_id": name, "data_ref": name, "model_version": name, "timestamp": ago(time.Second)})
	}
	refused := event{"model_id": "two\nlines", "mAP_change": -0.5, "timestamp": ago(time.Second)} // by the program: a dead letter
	s.produce("monitoring.performance", append(events, refused)...)
	b.has("", fmt.Sprintf("%d models", len(hostile)+2)) // and those of the story
	b.goTo("?q=lines")
	if text := b.text(); !strings.Contains(text, "No model is like that.") {
		t.Errorf("a name of two lines is a model:\n%s", text)
	}
	for name, shown := range hostile {
		if shown == "" {
			shown = name
		}
		b.goTo(query("", "q", name))
		if !b.follow(fmt.Sprintf(`[...document.querySelectorAll("tbody th a")].filter(a => a.textContent === %s)`, quoted(shown)), 0) {
			t.Errorf("no link says %q", shown)
			continue
		}
		b.at(shown)
		b.audited(shown, false)
		for _, next := range []string{`[...document.links].filter(a => a.search.startsWith("?offset="))`, `[...document.links].filter(a => a.search.includes("partition="))`} {
			b.goTo(eval[string](b, next+`[0].href`)[len(b.page):])
			b.audited(shown, false)
		}
		if text := b.text(); !strings.Contains(text, `"mAP_change": -0.5`) {
			t.Errorf("the event of %q is not shown:\n%s", name, text)
		}
		if eval[bool](b, "'hit' in window") {
			t.Fatalf("a script of %q was run", name)
		}
	}
	b.clean()
}

// contentPolicy tries what a script in a page would: nothing of it runs, loads or shows.
func contentPolicy(t *testing.T, b *tab) {
	b.goTo("model?name=scanner")
	got := eval[map[string]any](b, `(() => { const said = []
		document.addEventListener("securitypolicyviolation", e => said.push(e.effectiveDirective))
		const add = (tag, set) => { const e = document.createElement(tag); set(e); document.body.append(e); return e }
		add("script", e => e.textContent = "window.hit = 1")
		add("div", e => e.innerHTML = "<img src=x onerror='window.hit = 1'>")
		add("p", e => e.setAttribute("style", "position: fixed; color: rgb(1, 2, 3)")).id = "painted"
		add("style", e => e.textContent = "body { display: none }")
		add("iframe", e => e.src = "http://127.0.0.1:9/")
		return {hit: "hit" in window, colour: getComputedStyle(document.getElementById("painted")).color, display: getComputedStyle(document.body).display}
	})()`)
	if got["hit"] == true || got["colour"] == "rgb(1, 2, 3)" || got["display"] == "none" {
		t.Errorf("the page took %v", got)
	}
	until(t, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		blocked := 0
		for _, p := range b.problems {
			if strings.Contains(p, "Content Security Policy") {
				blocked++
			}
		}
		if blocked < 4 {
			return fmt.Errorf("the console tells of %d refusals: %q", blocked, b.problems)
		}
		return nil
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.asked {
		if !strings.HasPrefix(a, b.page) && !strings.HasPrefix(a, "http://127.0.0.1:9/") {
			t.Errorf("it asks for %s", a)
		}
	}
}
