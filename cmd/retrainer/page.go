package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/visutility/retrainer/retrain"
)

// page writes what people read. What came from outside may hold control characters: none reaches the terminal. The first
// error of writing stays in err, and nothing is written after it.
type page struct {
	out io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	p.write(visible(fmt.Sprintf(format, args...)) + "\n")
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
			if cells[i] = visible(cell); i < len(row)-1 {
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

// visible is a text with everything escaped that would not be seen: control characters, marks that turn the direction of
// writing, bytes that are not UTF-8.
func visible(text string) string {
	clean := true
	for _, r := range text {
		clean = clean && r != utf8.RuneError && strconv.IsPrint(r)
	}
	if clean {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// fact is a row of a table, or none.
func fact[T any](name string, value *T, say func(T) string) []string {
	if value == nil {
		return nil
	}
	return []string{name, say(*value)}
}

func same(text string) string { return text }
