package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is one Chromium for all tests of a service.
func browser(t *testing.T) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience)) // no sandbox: as root there is none
	if program := os.Getenv("RETRAINER_CHROMIUM"); program != "" {
		opts = append(opts, chromedp.ExecPath(program))
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

// tab is one of its tabs, with all that it complained of and asked for.
type tab struct {
	t    *testing.T
	ctx  context.Context
	page string

	mu       sync.Mutex
	problems []string
	asked    []string
}

func open(t *testing.T, browser context.Context, page string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, page: page}
	b.must(chromedp.Listen(ctx, b.hear))
	b.must(chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, log.Enable, cdp.Empty{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return err
	})))
	return b
}

func (b *tab) hear(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *log.EventEntryAdded:
		if strings.Contains(e.Entry.Text, "status of 503") { // answered sees to it
			return
		}
		b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprintf("console.%s", e.Type))
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	}
}

// clean wants no complaint, and no request to anywhere but the page's own address.
func (b *tab) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("the console says: %s", p)
	}
	for _, a := range b.asked {
		if !strings.HasPrefix(a, b.page) {
			b.t.Errorf("it asks for %s", a)
		}
	}
	if len(b.asked) == 0 {
		b.t.Error("no request was seen")
	}
}

func (b *tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// goTo loads an address beside the page's.
func (b *tab) goTo(path string) {
	b.t.Helper()
	until(b.t, func() error {
		b.must(chromedp.Do(b.ctx, chromedp.Navigate(b.page+path)))
		return b.answered()
	})
}

// answered says whether the page is there. Where the cluster does not answer in time, as on a busy machine, it says so, and is to be
// loaded again.
func (b *tab) answered() error {
	b.t.Helper()
	if eval[int](b, `(performance.getEntriesByType("navigation")[0] || {}).responseStatus || 0`) == http.StatusServiceUnavailable {
		return fmt.Errorf("%s is not there yet:\n%s", eval[string](b, "location.href"), b.text())
	}
	return nil
}

// at waits until the page of a heading is there, as after a click.
func (b *tab) at(heading string) {
	b.t.Helper()
	until(b.t, func() error {
		if err := b.answered(); err != nil {
			b.must(chromedp.Do(b.ctx, chromedp.Navigate(eval[string](b, "location.href"))))
			return err
		}
		got := eval[string](b, `document.readyState === "complete" && document.querySelector("h1") ? document.querySelector("h1").textContent : ""`)
		if got != heading {
			return fmt.Errorf("the heading is %q, not %q, of %s", got, heading, eval[string](b, "location.href"))
		}
		return nil
	})
}

// has waits until an address has a text, loading it again.
func (b *tab) has(path, text string) {
	b.t.Helper()
	until(b.t, func() error {
		b.goTo(path)
		if body := b.text(); !strings.Contains(body, text) {
			return fmt.Errorf("%s has no %q:\n%s", path, text, body)
		}
		return nil
	})
}

func (b *tab) text() string { return eval[string](b, `document.body ? document.body.innerText : ""`) }

// click clicks the first link of a text, as soon as there is one.
func (b *tab) click(text string) {
	b.t.Helper()
	until(b.t, func() error {
		if !b.follow(fmt.Sprintf(`[...document.links].filter(a => a.textContent.trim().includes(%s))`, quoted(text)), 0) {
			return fmt.Errorf("no link says %q:\n%s", text, b.text())
		}
		return nil
	})
}

// follow clicks the nth of some links, and says whether there is one.
func (b *tab) follow(links string, n int) bool {
	b.t.Helper()
	if eval[int](b, links+".length") <= n {
		return false
	}
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(%s[%d].click(), true)`, links, n)))
	if err != nil && !strings.Contains(err.Error(), "navigated") { // as it should have
		b.t.Fatal(err)
	}
	return true
}

// quoted is a text in a script.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text has no error
	}
	return string(b)
}

// press presses keys.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(keys)))
}

// like makes the tab a phone, or a screen of a desk, in the light or in the dark.
func (b *tab) like(width, height int64, phone bool, scheme string) {
	b.t.Helper()
	opts := []chromedp.EmulateViewportOption{}
	if phone {
		opts = append(opts, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.must(chromedp.Do(b.ctx, chromedp.EmulateViewport(width, height, opts...), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})))
}

// picture keeps what the tab looks like, where $RETRAINER_PICTURES says.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("RETRAINER_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}

// eval is the value of an expression in the page. While one page goes and the next comes there is none to ask: it asks again.
func eval[T any](b *tab, expression string) (v T) {
	b.t.Helper()
	until(b.t, func() (err error) {
		v, err = chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
		if err != nil && !strings.Contains(err.Error(), "navigated") && !strings.Contains(err.Error(), "context") {
			b.t.Fatal(err)
		}
		return err
	})
	return v
}

func query(page string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return page + "?" + v.Encode()
}
