package docs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// services are the programs that keep on.
type services struct{ all []*service }

type service struct {
	line, log string
	pid       int // of its process group too
}

// Start leaves a statement in the background, as in a terminal of its own, and waits until it says that it is ready.
func (w *Terminal) Start(text string) {
	w.t.Helper()
	file, log := w.page(text)
	pid, ok := w.ask(fmt.Sprintf("source %s > %s 2>&1 < /dev/null & echo $! >&3", file, log))
	if !ok {
		w.t.Fatalf("bash does not answer: %s", text)
	}
	s := &service{line: strings.TrimSpace(text), log: log, pid: pid}
	w.services.all = append(w.services.all, s)
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	began, patience := time.Now(), w.patience()
	for ; !w.ready(s); <-tick.C {
		if gone := syscall.Kill(pid, 0); gone != nil || time.Since(began) > patience {
			w.t.Fatalf("not ready within %s, or gone (%v): %s\n%s", time.Since(began), gone, s.line, end(s.said()))
		}
	}
	w.said = append(w.said, exchange{text, "(it is ready)\n", time.Since(began)})
}

// said is what it has printed: nothing before bash has opened the file for it.
func (s *service) said() string {
	text, err := os.ReadFile(s.log)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	return string(text)
}

// awaits is what trainers say when they have begun: ^C is a way to end them from there on.
const awaits = "waiting for commands"

// ready says whether a service is: one that serves HTTP answers /readyz with 200, a trainer waits for commands. What else a program of
// Python says, its libraries may say while they are loaded.
func (w *Terminal) ready(s *service) bool {
	if strings.HasPrefix(s.line, "python ") {
		return strings.Contains(s.said(), awaits)
	}
	for line := range strings.Lines(s.said()) {
		var x struct{ Message, HTTP string }
		if json.Unmarshal([]byte(line), &x) != nil {
			continue
		}
		if x.Message == awaits {
			return true
		}
		if x.HTTP != "" && x.Message == "listening" {
			w.Replace("127.0.0.1:9280", x.HTTP)
			client := http.Client{Timeout: 2 * time.Second}
			res, err := client.Get("http://" + x.HTTP + "/readyz")
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK
		}
	}
	return false
}

// Stop is ^C in the terminals of what keeps on and contains a text, the youngest first; each must end well.
func (w *Terminal) Stop(text string) {
	w.t.Helper()
	var kept []*service
	for len(w.services.all) > 0 {
		last := len(w.services.all) - 1
		s := w.services.all[last]
		w.services.all = w.services.all[:last]
		if !strings.Contains(s.line, text) {
			kept = append([]*service{s}, kept...)
			continue
		}
		_ = syscall.Kill(-s.pid, syscall.SIGINT) // if it is gone, its status says so
		code, ended := w.ask(fmt.Sprintf("wait %d; echo $? >&3", s.pid))
		if !ended {
			_ = syscall.Kill(-s.pid, syscall.SIGKILL)
		}
		if strings.HasPrefix(s.line, "go run ") && code == 1 { // go's own status, whatever the program's was
			code = 0
		}
		if !ended || code != 0 {
			w.t.Errorf("%s after ^C: exit status %d, ended: %v\n%s", s.line, code, ended, end(s.said()))
		}
	}
	w.services.all = kept
}

// end is what a failure shows of a log.
func end(log string) string { return log[max(0, len(log)-3000):] }
