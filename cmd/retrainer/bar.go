package main

import (
	"fmt"
	"io"
	"sync"

	"github.com/schollz/progressbar/v3"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/retrain"
)

// bar shows on a terminal how far something is, below what else is written there, which is written through it. On anything else it
// shows nothing.
type bar struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	text     string                   // what is trained
	shown    *progressbar.ProgressBar // nil: none
	counted  string                   // a line of its own, in place of a bar; "": none
}

func newBar(out io.Writer) *bar {
	_, shows := asTerminal(out)
	return &bar{out: out, terminal: shows}
}

// Write writes a line of the log above the bar.
func (b *bar) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.shown != nil:
		_ = b.shown.Clear() // what is drawn on a terminal need not be there
	case b.counted != "":
		_, _ = io.WriteString(b.out, wiped)
	}
	n, err := b.out.Write(line)
	switch {
	case b.shown != nil:
		_ = b.shown.RenderBlank()
	case b.counted != "":
		_, _ = io.WriteString(b.out, b.counted)
	}
	return n, err
}

// wiped begins a terminal's line anew.
const wiped = "\r\x1b[K"

// begin is told which training the reports to come are of.
func (b *bar) begin(c *retrain.Command) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = fmt.Sprintf("%s retrain of %s", c.Action, phrases.Visible(c.Model))
}

// show draws what a trainer reported, if it said how many steps there are.
func (b *bar) show(r retrain.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.terminal || r.Step == nil || r.Total == nil || *r.Total < 1 {
		return
	}
	text := b.text
	if len(r.Metrics) > 0 {
		text += ", " + phrases.Visible(phrases.Figures(r.Metrics))
	}
	b.render(text, min(max(*r.Step, 0), *r.Total-1), *r.Total, progressbar.OptionShowCount()) // the end is the program's, not its last step's
}

// draw draws how much of a whole is done.
func (b *bar) draw(text string, done, whole int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terminal && whole > 0 {
		b.render(text, min(max(done, 0), whole-1), whole)
	}
}

func (b *bar) render(text string, done, whole int64, opts ...progressbar.Option) {
	if b.shown == nil || b.shown.GetMax64() != whole {
		b.clear()
		b.shown = progressbar.NewOptions64(whole, append(opts, progressbar.OptionSetWriter(b.out), progressbar.OptionSetWidth(20),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true))...)
	}
	b.shown.Describe(text)
	_ = b.shown.Set64(done)
}

// count shows a line on what has no end that is known.
func (b *bar) count(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terminal {
		b.clear()
		b.counted = line
		_, _ = io.WriteString(b.out, wiped+line)
	}
}

// end takes the bar away.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *bar) clear() {
	if b.shown != nil {
		_ = b.shown.Clear()
		b.shown = nil
	}
	if b.counted != "" {
		_, _ = io.WriteString(b.out, wiped)
		b.counted = ""
	}
}
