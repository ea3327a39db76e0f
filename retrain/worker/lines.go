package worker

import "bytes"

// lines cuts a stream at line ends (\n, and the \r of progress bars) and hands over those that are not empty. A line beyond most bytes is
// not kept: its beginning is handed over, with its whole length.
type lines struct {
	most int
	take func(line []byte, length int64) // length > len(line): only the beginning; line is not kept

	buf    []byte
	length int64
}

// beginning is how much of a line too long is kept.
const beginning = 200

func (l *lines) write(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexAny(p, "\r\n")
		part := p
		if i >= 0 {
			part = p[:i]
		}
		l.length += int64(len(part))
		if l.length <= int64(l.most) {
			l.buf = append(l.buf, part...)
		} else if len(l.buf) < beginning {
			l.buf = append(l.buf, part[:min(len(part), beginning-len(l.buf))]...)
		}
		if i < 0 {
			return
		}
		l.end()
		p = p[i+1:]
	}
}

// end hands over what there is, as at the end of the stream: the last line needs no line end.
func (l *lines) end() {
	if l.length > int64(len(l.buf)) || l.length > int64(l.most) {
		l.buf = l.buf[:min(len(l.buf), beginning)]
	}
	if l.length > 0 {
		l.take(l.buf, l.length)
	}
	if cap(l.buf) > 64<<10 { // a long line is rare, its room is given back
		l.buf = nil
	}
	l.buf, l.length = l.buf[:0], 0
}
