package worker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// stream is what a program writes to standard output or standard error: kept in a file up to a limit, cut into lines. It is read as fast
// as it comes, in bounded memory, whatever becomes of it, so that the program never waits for us.
type stream struct {
	name string
	from *os.File
	kept *kept
	log  *chatter
	lines
}

func (s *stream) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := s.from.Read(buf)
		if n > 0 {
			s.kept.write(buf[:n], s.log.log)
			s.write(buf[:n])
		}
		if err != nil { // the end, or nobody waits for it any more
			break
		}
	}
	s.end()
	s.log.settle()
	_ = s.from.Close()
	_ = s.kept.file.Close()
}

// kept is a log file with a limit.
type kept struct {
	file *os.File
	left int64
}

func keep(path string, most int64) (*kept, error) {
	if err := os.Rename(path, path+".1"); err != nil && !missing(err) {
		return nil, err
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &kept{f, most}, nil
}

func (k *kept) write(p []byte, log zerolog.Logger) {
	if k.left <= 0 {
		return
	}
	n := min(int64(len(p)), k.left)
	k.left -= n
	_, err := k.file.Write(p[:n])
	if k.left == 0 && err == nil {
		_, err = io.WriteString(k.file, "\n[the log ends here: it has reached its limit]\n")
	}
	if err != nil {
		k.left = 0
		log.Warn().Err(err).Msg("what the program writes is not kept any more; the training goes on")
	}
}

// chatter passes lines of a program on to the log, some of them in a second.
type chatter struct {
	log    zerolog.Logger
	name   string
	second time.Time
	said   int
	left   int64
}

const (
	linesInSecond = 50
	mostChat      = 1000 // bytes of a line
)

// may says whether one more line has room in this second.
func (c *chatter) may() bool {
	if now := time.Now(); now.Sub(c.second) >= time.Second {
		c.settle()
		c.second, c.said = now, 0
	}
	if c.said++; c.said > linesInSecond {
		c.left++
		return false
	}
	return true
}

func (c *chatter) line(text []byte) {
	if c.may() {
		c.log.Info().Str("stream", c.name).Msg(shorten(string(text), mostChat))
	}
}

func (c *chatter) problem(what string, line []byte) {
	if c.may() {
		c.log.Warn().Str("stream", c.name).Str("line", shorten(string(line), beginning)).Msg(what)
	}
}

func (c *chatter) settle() {
	if c.left > 0 {
		c.log.Info().Str("stream", c.name).Int64("lines", c.left).Msgf("more lines than are shown in a second: the rest is in %s.log of the command's directory", c.name)
	}
	c.left = 0
}

// output is what a program says: by its last object, the result; by the end of its standard error, what went wrong.
type output struct {
	stdout, stderr *stream
	last           *object
	unread         string // why the last line that was meant as an object cannot be read; then last is nil
	unreadLine     string
	tail           tail
	report         func(retrain.Report)
}

func (o *output) open(d directory, c *Config, log zerolog.Logger) (outEnd, errEnd *os.File, err error) {
	open := func(name string, take func([]byte, int64)) (*stream, *os.File) {
		kept, fault := keep(d.file(name+".log"), c.LogBytes)
		if fault != nil {
			err = errors.Join(err, fault)
			return nil, nil
		}
		from, to, fault := os.Pipe()
		if fault != nil {
			_ = kept.file.Close()
			err = errors.Join(err, fault)
			return nil, nil
		}
		return &stream{name, from, kept, &chatter{log: log, name: name}, lines{most: c.LineBytes, take: take}}, to
	}
	o.stdout, outEnd = open("stdout", o.takeOut)
	o.stderr, errEnd = open("stderr", o.takeErr)
	if err != nil {
		o.close()
		closeAll(outEnd, errEnd)
		return nil, nil, d.ioError("does not take the program's logs", err)
	}
	return outEnd, errEnd, nil
}

// close gives back what read would have closed.
func (o *output) close() {
	for _, s := range []*stream{o.stdout, o.stderr} {
		if s != nil {
			closeAll(s.from, s.kept.file)
		}
	}
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

func (o *output) takeErr(line []byte, length int64) {
	if length > int64(len(line)) {
		line = fmt.Appendf(nil, "%s... (%d bytes)", line, length)
	}
	o.tail.add(line)
	o.stderr.log.line(line)
}

func (o *output) takeOut(line []byte, length int64) {
	chat := o.stdout.log
	x, problem, mine := o.parse(line, length)
	switch {
	case !mine && problem != "":
		chat.problem(problem, line)
		return
	case !mine:
		chat.line(line)
		return
	case problem != "":
		chat.problem("a line that looks like a JSON object cannot be read: "+problem, line)
		o.last, o.unread, o.unreadLine = nil, problem, string(line)
		return
	}
	for _, w := range x.wrong {
		chat.problem("a field of the program's output is left out: "+w, line)
	}
	if o.last != nil && o.last.held() && !x.result() {
		chat.problem("progress follows a line with a result, and the last line counts: that result is left out, write it last", line)
	}
	o.last, o.unread = x, ""
	if !x.held() && x.progress() {
		o.report(retrain.Report{Step: x.step, Total: x.total, Metrics: x.metrics})
	}
}

func (o *output) parse(line []byte, length int64) (x *object, problem string, mine bool) {
	if length > int64(len(line)) {
		return nil, fmt.Sprintf("it has %d bytes, and at most %d are read: report the aggregates and store the rest beside the model", length, o.stdout.most), looksLikeObject(line)
	}
	return parse(line)
}
