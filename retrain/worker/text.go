package worker

import (
	"strings"
	"unicode"
)

// clean makes foreign bytes fit for people's eyes: UTF-8, without control characters but line ends.
func clean(text string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case c == '\t':
			return ' '
		case c != '\n' && unicode.IsControl(c):
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "\ufffd")))
}

// shorten cuts a text at most bytes, and says so by an ellipsis.
func shorten(text string, most int) string {
	if text = clean(text); len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// tail keeps the last lines of a stream.
type tail struct {
	lines []string
	bytes int
}

const mostTail = 2 << 10

func (t *tail) add(line string) {
	if len(line) > mostTail {
		line = "..." + strings.ToValidUTF8(line[len(line)-mostTail:], "")
	}
	t.lines, t.bytes = append(t.lines, line), t.bytes+len(line)
	for t.bytes > mostTail && len(t.lines) > 1 {
		t.bytes -= len(t.lines[0])
		t.lines = t.lines[1:]
	}
}

func (t *tail) String() string { return strings.Join(t.lines, "\n") }
