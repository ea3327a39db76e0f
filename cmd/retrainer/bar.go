package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/visutility/retrainer/retrain"
)

// bar shows on a terminal how far a training is, below the log, which is written through it. On anything else it shows nothing.
type bar struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	text     string                   // of the training that is shown; "": none
	shown    *progressbar.ProgressBar // nil: none
}

func newBar(out io.Writer) *bar {
	f, ok := out.(*os.File)
	return &bar{out: out, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// Write writes a line of the log above the bar.
func (b *bar) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown == nil {
		return b.out.Write(line)
	}
	_ = b.shown.Clear() // what is drawn on a terminal need not be there
	n, err := b.out.Write(line)
	_ = b.shown.RenderBlank()
	return n, err
}

// begin shows a training of which nothing is known yet.
func (b *bar) begin(c *retrain.Command) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terminal {
		b.text = fmt.Sprintf("%s retrain of %s", c.Action, visible(c.Model))
		b.draw(-1)
	}
}

// show draws what a trainer reported.
func (b *bar) show(r retrain.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.terminal || b.shown == nil {
		return
	}
	if r.Total != nil && r.Step != nil && *r.Total > 0 {
		if b.shown.GetMax64() != *r.Total {
			_ = b.shown.Clear()
			b.draw(*r.Total)
		}
		_ = b.shown.Set64(min(max(*r.Step, 0), *r.Total-1)) // the end is the program's, not its last step's
	}
	if len(r.Metrics) > 0 {
		b.shown.Describe(b.text + ", " + metrics(r.Metrics))
	}
}

// draw begins the bar of a training of so many steps; -1: it is not known how many.
func (b *bar) draw(total int64) {
	b.shown = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.out), progressbar.OptionSetDescription(b.text),
		progressbar.OptionSetWidth(20), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(total > 0),
		progressbar.OptionSetElapsedTime(true), progressbar.OptionSetRenderBlankState(true), progressbar.OptionFullWidth())
}

// end takes the bar away.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown != nil {
		_ = b.shown.Clear()
		_ = b.shown.Exit()
		b.shown = nil
	}
}
