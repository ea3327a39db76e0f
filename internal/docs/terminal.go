package docs

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// Terminal is a bash, where a test types what documents say, statement by statement: exported and other variables live on, and each
// statement must end well. What keeps on is left in the background once it is ready, as in a terminal of its own; ^C ends it.
type Terminal struct {
	// Dir is where it works.
	Dir string

	t       testing.TB
	in      io.WriteCloser
	answers chan string
	files   string // what is typed and printed, by number
	typed   int
	said    []exchange
	services
	replace map[string]string
	before  map[string]func()
	done    map[string]bool // blocks
}

// exchange is a statement with what it printed.
type exchange struct {
	statement, out string
	took           time.Duration
}

// Open starts a terminal in a folder with more in its environment, of which nothing begins with VTY_ that is not given here. It ends
// with the test, which has failed if a block of its own has not been done by then.
func Open(t testing.TB, dir string, env ...string) *Terminal {
	t.Helper()
	w := &Terminal{Dir: dir, t: t, files: t.TempDir(), answers: make(chan string), replace: map[string]string{}, before: map[string]func(){}, done: map[string]bool{}}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "--noprofile", "--norc")
	cmd.Dir, cmd.ExtraFiles = dir, []*os.File{write}
	// Without the folder's path in it, what is built is the same in every folder, and built once.
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "VTY_") }), append([]string{"GOFLAGS=-trimpath", "USER=ada"}, env...)...)
	if w.in, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	_ = write.Close() // bash has its own
	if err != nil {
		t.Fatal(err)
	}
	go w.listen(read)
	w.tell("set -m -o pipefail")
	t.Cleanup(func() {
		w.close()
		w.in.Close()
		stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // in a statement that does not end
		defer stuck.Stop()
		_ = cmd.Wait() // what was typed has been judged
	})
	return w
}

// patience is for one command: as long as the test may last, for others may use the machine too, but for the time to say what did not end.
func (w *Terminal) patience() time.Duration {
	if t, ok := w.t.(interface{ Deadline() (time.Time, bool) }); ok {
		if at, limited := t.Deadline(); limited {
			return max(time.Until(at)-90*time.Second, 5*time.Second)
		}
	}
	return 20 * time.Minute
}

// listen hands on what bash answers, until it ends.
func (w *Terminal) listen(from io.ReadCloser) {
	defer from.Close()
	for lines := bufio.NewScanner(from); lines.Scan(); {
		w.answers <- lines.Text()
	}
	close(w.answers)
}

func (w *Terminal) tell(line string) {
	w.t.Helper()
	if _, err := io.WriteString(w.in, line+"\n"); err != nil {
		w.t.Fatalf("bash is gone: %v", err)
	}
}

// ask has bash do a line that answers with a number.
func (w *Terminal) ask(line string) (number int, ok bool) {
	w.t.Helper()
	w.tell(line)
	select {
	case answer, alive := <-w.answers:
		n, err := strconv.Atoi(answer)
		if !alive || err != nil {
			w.t.Fatalf("bash has ended, or answers %q", answer)
		}
		return n, true
	case <-time.After(w.patience()):
		return 0, false
	}
}

// Replace has a text of the documents stand for another one from here on: an address, a folder.
func (w *Terminal) Replace(text, by string) { w.replace[text] = by }

// Before has something done before each statement that contains a text.
func (w *Terminal) Before(text string, do func()) { w.before[text] = do }

func (w *Terminal) replaced(text string) string {
	var pairs []string
	for _, from := range slices.Sorted(maps.Keys(w.replace)) {
		pairs = append(pairs, from, w.replace[from])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Do does the blocks of a document that are this test's, in order: a file is written, commands are typed. With a section only its blocks.
func (w *Terminal) Do(document, section string) {
	w.t.Helper()
	n := 0
	for _, b := range mine(w.t) {
		if b.Document == document && (section == "" || b.Section == section) {
			n++
			w.block(b)
		}
	}
	if n == 0 {
		w.t.Fatalf("%s has no block in section %q that is %s's; homes.go says which are", document, section, w.t.Name())
	}
}

// Sections are those of a document that have blocks of this test's, in order.
func Sections(t testing.TB, document string) (all []string) {
	t.Helper()
	for _, b := range mine(t) {
		if b.Document == document && !slices.Contains(all, b.Section) {
			all = append(all, b.Section)
		}
	}
	return all
}

func (w *Terminal) block(b Block) {
	w.t.Helper()
	w.done[b.String()] = true
	if b.File == "" && b.Language == "yaml" {
		b.File = "policy.yaml"
	}
	if b.File != "" {
		if err := os.WriteFile(filepath.Join(w.Dir, b.File), []byte(w.replaced(b.Text)), 0o644); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	all, err := statements(b.Text)
	if err != nil {
		w.t.Fatalf("%s: %v", b, err)
	}
	for _, s := range all {
		w.statement(b, s)
	}
}

// statements takes a block apart, each with the comment behind it.
func statements(text string) (all []string, err error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, err
	}
	for i, s := range file.Stmts {
		end := len(text)
		if i+1 < len(file.Stmts) {
			end = int(file.Stmts[i+1].Pos().Offset()) //nolint:gosec // of a text
		}
		all = append(all, text[s.Pos().Offset():end])
	}
	return all, nil
}

// keepsOn finds what ends only when it is told to.
var keepsOn = regexp.MustCompile(`^(\w+=\S* )*((\./)?retrainer|go run \./cmd/retrainer) +(serve|dev|worker)\b|^python examples/python/consumer\.py`)

func (w *Terminal) statement(b Block, text string) {
	w.t.Helper()
	if l := leftAlone(text); l != nil {
		return
	}
	for _, part := range slices.Sorted(maps.Keys(w.before)) {
		if strings.Contains(text, part) {
			w.before[part]()
		}
	}
	if text = w.replaced(text); keepsOn.MatchString(text) {
		w.Start(text)
		return
	}
	code, out := w.Type(text)
	if !slices.Contains(answers(text), code) {
		w.t.Fatalf("%s: exit status %d of\n%s\n%s", b, code, text, out)
	}
}

// Type types a statement and waits for its end; its exit status, and what it printed.
func (w *Terminal) Type(text string) (code int, out string) {
	w.t.Helper()
	file, printed := w.page(text)
	began := time.Now()
	code, ended := w.ask(fmt.Sprintf("source %s > %s 2>&1 < /dev/null; echo $? >&3", file, printed))
	said, err := os.ReadFile(printed)
	if err != nil {
		w.t.Fatal(err)
	}
	if !ended {
		w.t.Fatalf("no end within %s of\n%s\n%s", time.Since(began), text, said)
	}
	w.said = append(w.said, exchange{text, string(said), time.Since(began)})
	return code, string(said)
}

// page is a file with what is typed, and one for what it prints.
func (w *Terminal) page(text string) (file, printed string) {
	w.t.Helper()
	w.typed++
	file = filepath.Join(w.files, fmt.Sprintf("%d.sh", w.typed))
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file, file + ".out"
}

// Said is what the last statement printed that contains a text.
func (w *Terminal) Said(text string) string {
	w.t.Helper()
	for _, x := range slices.Backward(w.said) {
		if strings.Contains(x.statement, text) {
			return x.out
		}
	}
	w.t.Errorf("no statement was typed that contains %q", text)
	return ""
}

// Says wants a text in what the last such statement printed.
func (w *Terminal) Says(statement, text string) {
	w.t.Helper()
	if out := w.Said(statement); !strings.Contains(out, text) {
		w.t.Errorf("%s does not say %q but\n%s", statement, text, out)
	}
}

// close ends what keeps on, and looks whether all was done.
func (w *Terminal) close() {
	w.t.Helper()
	for len(w.services.all) > 0 {
		w.Stop("")
	}
	var all bytes.Buffer
	for _, x := range w.said {
		fmt.Fprintf(&all, "$ %s   # %.1f s\n%s", strings.TrimSpace(x.statement), x.took.Seconds(), x.out)
	}
	w.t.Logf("%s", all.Bytes())
	if w.t.Failed() {
		return
	}
	for _, b := range mine(w.t) {
		if !w.done[b.String()] {
			w.t.Errorf("%s has not done %s", w.t.Name(), b)
		}
	}
}
