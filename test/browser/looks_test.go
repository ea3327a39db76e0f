package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// looks sees all pages on a desk and on a phone, in the light and in the dark.
func looks(t *testing.T, b *tab) {
	pages := map[string]string{"models": "", "filtered": "?phase=training&by=until", "model": "model?name=scanner", "hostile": query("model", "name", longest),
		"decision": "decision?offset=0", "nothing": "?q=zzz"}
	for name, path := range pages {
		for _, scheme := range []string{"light", "dark"} {
			for _, phone := range []bool{false, true} {
				width, device := int64(1280), "desk"
				if phone {
					width, device = 390, "phone"
				}
				b.like(width, 844, phone, scheme)
				b.goTo(path)
				look := fmt.Sprintf("%s, %s, %s", name, device, scheme)
				b.audited(look, phone)
				ink := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
				if dark := ink != "rgb(255, 255, 255)"; dark != (scheme == "dark") {
					t.Errorf("%s: the background is %s", look, ink)
				}
				b.picture(strings.ReplaceAll(look, ", ", "-"))
			}
		}
	}
	b.clean()
}

// focused is what has the keyboard, and whether that is seen.
const focused = `(e => { const s = getComputedStyle(e), r = e.getBoundingClientRect()
	return {name: e.tagName + " " + (e.labels && e.labels[0] ? e.labels[0].textContent : e.textContent.trim()), ring: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2,
		in: r.left >= 0 && r.top >= 0 && r.width > 0 && r.bottom <= innerHeight + 1} })(document.activeElement)`

// place is where the keyboard is.
type place struct {
	Name     string
	Ring, In bool
}

// keyboard does without a mouse.
func keyboard(b *tab) {
	b.like(1280, 844, false, "light")
	b.goTo("")
	b.press(kb.Tab)
	if p := eval[place](b, focused); p.Name != "A To the content" || !p.Ring || !p.In {
		b.t.Errorf("the first stop is %+v", p)
	}
	b.press(kb.Enter)
	until(b.t, func() error {
		if got := eval[string](b, "document.activeElement.id + location.hash"); got != "content#content" {
			return fmt.Errorf("the way past the head leads to %s", got)
		}
		return nil
	})
	for _, path := range []string{"", "model?name=scanner", "decision?offset=0"} {
		b.goTo(path)
		stops := eval[[]string](b, `[...document.querySelectorAll("a, input:not([type=hidden]), select, button, summary")].map(e => e.tagName + " " + (e.labels && e.labels[0] ? e.labels[0].textContent : e.textContent.trim()))`)
		for i, want := range stops {
			b.press(kb.Tab)
			if p := eval[place](b, focused); p.Name != want || !p.Ring || !p.In {
				b.t.Fatalf("%s: stop %d is %+v, not %q in sight", path, i+1, p, want)
			}
		}
		if len(stops) < 8 {
			b.t.Errorf("%s has %d stops", path, len(stops))
		}
	}
	// A search, the model, the values behind its drawing: by keys alone.
	b.goTo("")
	b.reach("INPUT Name has")
	b.press("SCANN" + kb.Enter)
	until(b.t, func() error {
		if got := eval[string](b, `document.querySelector("caption") ? document.querySelector("caption").textContent + location.search : ""`); got != "1 model?q=SCANN&by=" {
			return fmt.Errorf("the search shows %s", got)
		}
		return nil
	})
	b.reach("A scanner")
	b.press(kb.Enter)
	b.at("scanner")
	b.reach("SUMMARY 12 values of p_value")
	b.press(kb.Enter)
	until(b.t, func() error {
		if n := eval[int](b, `document.querySelectorAll("details[open] tbody tr").length`); n != 12 {
			return fmt.Errorf("%d values are shown", n)
		}
		return nil
	})
	b.clean()
}

// reach presses Tab until what has the keyboard begins so.
func (b *tab) reach(name string) {
	b.t.Helper()
	for range 300 {
		b.press(kb.Tab)
		if strings.HasPrefix(eval[place](b, focused).Name, name) {
			return
		}
	}
	b.t.Fatalf("no key leads to %s", name)
}
