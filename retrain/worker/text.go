package worker

import (
	"bytes"
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

// tail keeps the last lines of a stream, as they came.
type tail []byte

const mostTail = 2 << 10

func (t *tail) add(line []byte) {
	*t = append(append(*t, line[max(0, len(line)-mostTail):]...), '\n')
	if len(*t) > 8*mostTail {
		*t = append((*t)[:0], (*t)[len(*t)-mostTail:]...)
	}
}

// String leaves out the beginning of a line that is not there whole.
func (t tail) String() string {
	cut := t[max(0, len(t)-mostTail):]
	if _, rest, found := bytes.Cut(cut, []byte("\n")); found && len(cut) < len(t) && len(rest) > 0 {
		cut = rest
	}
	return clean(string(cut))
}
