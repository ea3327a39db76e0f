package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
)

// display shows on a terminal how far something is that a person waits for: not in its first two seconds, for most is done by then,
// and not after its end, so that what is printed stands alone.
type display struct {
	bar *bar
	now func() time.Time

	mu    sync.Mutex
	text  string
	whole int64 // 0: it is not known, and records are counted
	seen  int
	began time.Time
	drawn time.Time
}

const (
	displayAfter = 2 * time.Second
	displayEvery = 100 * time.Millisecond
)

func newDisplay(errs io.Writer) *display { return &display{bar: newBar(errs), now: time.Now} }

// begin says what is done from here on, and how much there is of it; before, nothing is shown.
func (p *display) begin(text string, whole int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.whole, p.seen, p.began = text, whole, 0, p.now()
}

// to shows how much of the whole is done.
func (p *display) to(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.whole > 0 && p.due() {
		p.bar.draw(p.text, done, p.whole)
	}
}

// saw counts records of a whole that is not known.
func (p *display) saw(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen += n; p.whole == 0 && p.due() {
		p.bar.count(fmt.Sprintf("%s: %s", p.text, phrases.Count(p.seen, "record")))
	}
}

func (p *display) due() bool {
	if !p.bar.terminal || p.text == "" {
		return false
	}
	now := p.now()
	if now.Sub(p.began) < displayAfter || now.Sub(p.drawn) < displayEvery {
		return false
	}
	p.drawn = now
	return true
}

// end takes it away.
func (p *display) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = ""
	p.bar.end()
}

// above is a writer of results: what they say takes the place of the progress towards them.
type above struct {
	io.Writer
	display *display
}

func (a above) Write(text []byte) (int, error) {
	a.display.end()
	return a.Writer.Write(text)
}
