package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/retrain"
)

// page writes what people read. What came from outside may hold control characters: none reaches the terminal. The first
// error of writing stays in err, and nothing is written after it.
type page struct {
	out io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	p.write(phrases.Visible(fmt.Sprintf(format, args...)) + "\n")
}

// heading begins a section.
func (p *page) heading(format string, args ...any) {
	p.write("\n")
	p.line(format, args...)
}

func (p *page) write(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.out, text)
	}
}

// widest is how many characters of a cell are shown; the last cell of a row is shown whole.
const widest = 48

// table writes rows in columns. A row without cells is left out.
func (p *page) table(indent string, rows ...[]string) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if len(row) == 0 {
			continue
		}
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = phrases.Visible(cell); i < len(row)-1 {
				cells[i] = cut(cells[i])
			}
		}
		fmt.Fprintln(w, indent+strings.Join(cells, "\t"))
	}
	_ = w.Flush() // a strings.Builder takes everything
	p.write(text.String())
}

// list writes a table of at most so many rows below its head, and how many more there are.
func (p *page) list(head []string, rows [][]string, most int, whole string) {
	more := len(rows) - most
	if more > 0 {
		rows = rows[:most]
	}
	p.table("  ", append([][]string{head}, rows...)...)
	if more > 0 {
		p.line("  and %s more%s", retrain.Thousands(more), whole)
	}
}

// cut takes out the middle: texts that begin alike often end differently.
func cut(cell string) string {
	all := []rune(cell)
	if len(all) <= widest {
		return cell
	}
	return string(all[:widest/2]) + "…" + string(all[len(all)-widest/2+1:])
}
