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
	text     string                   // what is trained
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

// begin is told which training the reports to come are of.
func (b *bar) begin(c *retrain.Command) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = fmt.Sprintf("%s retrain of %s", c.Action, visible(c.Model))
}

// show draws what a trainer reported, if it said how many steps there are.
func (b *bar) show(r retrain.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.terminal || r.Step == nil || r.Total == nil || *r.Total < 1 {
		return
	}
	if b.shown == nil || b.shown.GetMax64() != *r.Total {
		b.clear()
		b.shown = progressbar.NewOptions64(*r.Total, progressbar.OptionSetWriter(b.out), progressbar.OptionSetWidth(20),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true))
	}
	text := b.text
	if len(r.Metrics) > 0 {
		text += ", " + visible(figures(r.Metrics))
	}
	b.shown.Describe(text)
	_ = b.shown.Set64(min(max(*r.Step, 0), *r.Total-1)) // the end is the program's, not its last step's
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
}
