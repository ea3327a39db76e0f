package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/jedib0t/go-pretty/v6/text"
)

// teller prints the story.
type teller struct {
	ctx      context.Context // of the story: when it is done nothing is told any more
	fail     func(error)     // ends the story, where nobody can be told
	out      io.Writer
	pace     float64
	width    int // of the terminal, in columns; 0: lines are not broken
	began    time.Time
	chapters int

	strong, dim, green, yellow func(format string, a ...any) string
}

// lineLasts is how long a line is left to its reader at pace 1.
const lineLasts = 900 * time.Millisecond

func newTeller(ctx context.Context, fail func(error), cfg *Config) *teller {
	t := &teller{ctx: ctx, fail: fail, out: cfg.Out, pace: cfg.Pace, width: cfg.Width, began: time.Now()}
	if cfg.Each != nil {
		t.out = io.Discard
	}
	style := func(a ...color.Attribute) func(string, ...any) string {
		c := color.New(a...)
		c.DisableColor()
		if cfg.Colour {
			c.EnableColor()
		}
		return c.SprintfFunc()
	}
	t.strong, t.dim, t.green, t.yellow = style(color.Bold), style(color.Faint), style(color.FgGreen), style(color.FgYellow)
	return t
}

func (t *teller) title(format string, a ...any) {
	t.print(t.strong("%s", fmt.Sprintf(format, a...)))
}

// chapter begins one.
func (t *teller) chapter(name string) {
	t.chapters++
	t.print("\n" + t.strong("%d. %s", t.chapters, name))
}

func (t *teller) say(format string, a ...any)  { t.line(fmt.Sprintf(format, a...)) }
func (t *teller) good(format string, a ...any) { t.line(t.green("%s", fmt.Sprintf(format, a...))) }
func (t *teller) bad(format string, a ...any)  { t.line(t.yellow("%s", fmt.Sprintf(format, a...))) }

// line prints a line with the time since the beginning.
func (t *teller) line(text string) {
	t.print(t.dim("%6.1f s  ", time.Since(t.began).Seconds()) + t.broken(text))
	t.pause(lineLasts)
}

// why prints the explanation that stands in a record, below the line before.
func (t *teller) why(explanation string) {
	t.print(strings.Repeat(" ", margin) + t.broken(t.dim("why: %s", explanation)))
	t.pause(lineLasts)
}

// margin is how many columns stand before the text of a line.
const margin = 10

// broken breaks a text between words where the terminal ends, and lets it go on below its beginning.
func (t *teller) broken(words string) string {
	if t.width < 4*margin {
		return words
	}
	return strings.ReplaceAll(text.WrapSoft(words, t.width-margin), "\n", "\n"+strings.Repeat(" ", margin))
}

func (t *teller) print(text string) {
	if t.ctx.Err() != nil {
		return
	}
	if _, err := fmt.Fprintln(t.out, text); err != nil {
		t.fail(fmt.Errorf("standard output: %w", err))
	}
}

// pause waits so long at pace 1.
func (t *teller) pause(d time.Duration) {
	select {
	case <-time.After(time.Duration(float64(d) * t.pace)):
	case <-t.ctx.Done():
	}
}
