//go:build linux || darwin

package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// programs are what a training program may be like.
var programs = map[string]func(){
	"ok": func() {
		_ = os.WriteFile("seen", begin(), 0o644)
		fmt.Println("loading the data")
		fmt.Fprintln(os.Stderr, "a warning of some library")
		fmt.Println(`{"step":1,"total":3,"metrics":{"loss":0.5}}`)
		awaitReport()
		fmt.Println(`{"step":3,"total":3,"metrics":{"loss":0.25}}`)
		fmt.Print(`{"new_version":"v5.5","metrics":{"auc":0.93},"best_params":{"lr":0.00001,"batch":16.0,"augment":true},"improved":true}`)
	},
	"silent":       func() { begin() },
	"ignorant":     func() {}, // it does not read what it is given
	"again":        func() { begin(); fail(75, "the GPU is taken") },
	"status3":      func() { begin(); fail(3, "Traceback:", "ValueError: the data\x1b[31m is gone\xff") },
	"status3quiet": func() { begin(); os.Exit(3) },
	"status3told": func() {
		begin()
		fmt.Println(`{"error":{"code":"no_data","message":"the bucket is empty"}}`)
		os.Exit(3)
	},
	"toldtext":   func() { begin(); fmt.Println(`{"error":"the bucket is empty"}`); os.Exit(75) },
	"told0":      func() { begin(); fmt.Println(`{"new_version":"v6","error":"one of three folds failed"}`) },
	"killed":     func() { begin(); shell("kill -9 $$") },
	"terminated": func() { begin(); shell("kill -TERM $$") },
	"faulty":     func() { begin(); shell("kill -SEGV $$") },
	"shell137":   func() { begin(); os.Exit(137) },
	"garbage": func() {
		begin()
		noise := make([]byte, 1<<16)
		for i := range noise {
			noise[i] = byte(i * 7)
		}
		_, _ = os.Stdout.Write(noise)
		_, _ = os.Stderr.Write(noise)
		fmt.Println("\n{1: 2} is no object, nor is\n[1]\n\"text\"\nnull\n{}\n{\"level\":\"info\"}")
		fmt.Print("{\"new_version\":\"v6\"}\r\n")
	},
	"flood": func() { begin(); flood(); fmt.Println("\n" + `{"new_version":"v6"}`) },
	"longresult": func() {
		begin()
		fmt.Printf("{\"new_version\":\"v6\",\"metrics\":{\"%s\":1}}\n", strings.Repeat("x", 2<<20))
	},
	"nan": func() {
		begin()
		fmt.Println(`{"step":1,"metrics":{"auc":0.5}}`)
		fmt.Println(`{"new_version":"v6","metrics":{"auc":NaN}}`)
	},
	"indented":     func() { begin(); fmt.Println("{\n  \"new_version\": \"v6\"\n}") },
	"wrongversion": func() { begin(); fmt.Println(`{"new_version":6,"metrics":{"auc":0.5}}`) },
	"wrongmetric":  func() { begin(); fmt.Println(`{"metrics":{"auc":"high"}}`) },
	"wrongstep":    func() { begin(); fmt.Println(`{"step":"1/3","new_version":"v6"}`) },
	"badversion":   func() { begin(); fmt.Println(`{"new_version":"v6\u0000"}`) },
	"notlast":      func() { begin(); fmt.Println(`{"new_version":"v6"}`); fmt.Println(`{"step":3,"total":3}`) },
	"metricsonly":  func() { begin(); fmt.Println(`{"step":3,"metrics":{"auc":0.5}}`); fmt.Println("bye") },

	"deaf": func() { // to SIGTERM, its child too
		signal.Ignore(syscall.SIGTERM)
		begin()
		alive("deaf")
		child("deafchild", nil)
		ready()
		forever()
	},
	"deafchild": func() { signal.Ignore(syscall.SIGTERM); alive("deafchild"); forever() },
	"polite": func() { // at SIGTERM it keeps what it has and goes with success, but it has not finished
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		begin()
		fmt.Println(`{"step":1,"total":3,"metrics":{"loss":0.5}}`)
		ready()
		<-term
		fmt.Println("a checkpoint is written")
	},
	"justdone": func() { // when SIGTERM came
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		begin()
		ready()
		<-term
		fmt.Println(`{"new_version":"v6"}`)
	},
	"children": func() { // goes, and leaves some behind: in its group, in a session of its own, and out of reach with its pipes
		begin()
		fmt.Println(`{"new_version":"v6"}`)
		child("left", func(c *exec.Cmd) { c.Stdout, c.Stderr = os.Stdout, os.Stderr })
		child("daemon", func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} })
		child("outofreach", func(c *exec.Cmd) {
			c.Stdout, c.SysProcAttr, c.Env = os.Stdout, &syscall.SysProcAttr{Setsid: true}, []string{"NOTHING=1"}
		})
	},
	"namelesschild": func() { // known by its group alone
		begin()
		child("nameless", func(c *exec.Cmd) { c.Env = []string{"NOTHING=1"} })
	},
	"left":       func() { alive("left"); forever() },
	"nameless":   func() { alive("nameless"); forever() },
	"hidden":     func() { alive("hidden"); forever() },
	"daemon":     func() { alive("daemon"); forever() },
	"outofreach": func() { alive("outofreach"); awaitFile("stop") },

	"removes": func() { begin(); _ = os.RemoveAll("../" + someID); fmt.Println(`{"new_version":"v6"}`) },
	"clears": func() {
		begin()
		files, _ := filepath.Glob("*")
		for _, f := range files {
			_ = os.RemoveAll(f)
		}
		fmt.Println(`{"new_version":"v6"}`)
	},
	"waits": func() { begin(); alive("waits"); ready(); select {} },
	"waits143": func() {
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		begin()
		alive("waits143")
		ready()
		<-term
		os.Exit(143)
	},
	"intheway":    func() { begin(); _ = os.MkdirAll("result.json/x", 0o755); fmt.Println(`{"new_version":"v6"}`) },
	"killedonce":  func() { killedOnce(true) },
	"killedquick": func() { killedOnce(false) },
}

// killedOnce trains on for ever when it is started first, with children in and out of its group; the second time it is done
// at once. It must be alone, whatever becomes of its worker.
func killedOnce(long bool) {
	begin()
	only, err := os.OpenFile("only", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		panic(err)
	}
	if free, err := tryLock(only); !free || err != nil {
		fail(8, "another one is at work here")
	}
	if starts, _ := os.ReadFile("starts"); bytes.Count(starts, []byte("\n")) == 1 && long {
		also := func(c *exec.Cmd) { c.ExtraFiles = []*os.File{only} }
		child("deafchild", also)
		child("daemon", func(c *exec.Cmd) { also(c); c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} })
		child("hidden", func(c *exec.Cmd) { // known by the lock alone, which it got as its third file
			c.ExtraFiles, c.Env = []*os.File{os.NewFile(3, "program.lock"), only}, []string{"NOTHING=1"}
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		})
		ready()
		forever()
	}
	fmt.Println(`{"new_version":"v6"}`)
}

// begin is what every program does first: it notes that it was started, and reads the command in both ways.
func begin() []byte {
	f, err := os.OpenFile("starts", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	in, err2 := io.ReadAll(os.Stdin)
	file, err3 := os.ReadFile(os.Getenv("RETRAIN_COMMAND"))
	if err := errors.Join(err, err2, err3); err != nil || !bytes.Equal(in, file) {
		fail(9, fmt.Sprint(err, string(in), string(file)))
	}
	return in
}

func fail(status int, lines ...string) {
	fmt.Fprintln(os.Stderr, strings.Join(lines, "\n"))
	os.Exit(status)
}

func shell(text string) { panic(syscall.Exec("/bin/sh", []string{"sh", "-c", text}, os.Environ())) }

// flood writes 32 MiB on both streams at once: long lines on one, very many on the other.
func flood() {
	done := make(chan bool)
	go func() {
		for range 32 {
			_, _ = os.Stdout.Write(bytes.Repeat([]byte("{"), 1<<20))
		}
		done <- true
	}()
	for range 32 {
		_, _ = os.Stderr.Write(bytes.Repeat([]byte("no\n"), 1<<20/3))
	}
	<-done
}

// alive holds a lock for as long as the process lives, zombies excluded.
func alive(name string) {
	f, err := os.OpenFile(name+".alive", os.O_CREATE|os.O_RDWR, 0o644)
	if err == nil {
		_, err = tryLock(f)
	}
	if err == nil {
		err = os.WriteFile(name+".there", nil, 0o644)
	}
	if err != nil {
		fail(7, err.Error())
	}
	held = append(held, f)
}

var held []*os.File // so that it is not collected

func isAlive(t testing.TB, path string) bool {
	t.Helper()
	f, err := os.OpenFile(path+".alive", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	free, err := tryLock(f)
	if err != nil {
		t.Fatal(err)
	}
	return !free
}

// child starts another process of the test binary, and waits until it is there.
func child(mode string, with func(*exec.Cmd)) {
	c := exec.Command(os.Args[0], "program", mode)
	if with != nil {
		with(c)
	}
	if err := c.Start(); err != nil {
		fail(7, err.Error())
	}
	awaitFile(mode + ".there")
}

func ready() { _ = os.WriteFile("ready", nil, 0o644) }

// awaitReport waits until the worker has reported something: the test then makes a file.
func awaitReport() { awaitFile("reported") }

func awaitFile(name string) {
	for folder := here(); !exists(name) && exists(folder); {
		pauseTest()
	}
}

// forever is as long as the test: its folder goes with it.
func forever() {
	for folder := here(); exists(folder); {
		<-time.After(100 * time.Millisecond)
	}
}

func here() string {
	folder, err := os.Getwd()
	if err != nil {
		fail(7, err.Error())
	}
	return folder
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
