package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// interrupted STATUS ARG...: runs the program until it says that ^C ends its waiting, interrupts it and looks at its exit
// status. What it said on standard error is in the file told then.
func interruptedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: interrupted STATUS ARG...")
	}
	cmd := exec.Command("retrainer", args[1:]...)
	cmd.Env = append(os.Environ(), "VTY_BROKERS="+ts.Getenv("VTY_BROKERS"))
	_, err := cmd.StdinPipe() // never closed by us: input that goes on
	ts.Check(err)
	errs, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	limit := time.AfterFunc(ts.Value(patienceKey{}).(time.Duration), func() { _ = cmd.Process.Kill() }) // it may never say so
	defer limit.Stop()
	var told strings.Builder
	for s := bufio.NewScanner(errs); s.Scan(); {
		told.WriteString(s.Text() + "\n")
		if strings.Contains(s.Text(), "^C ends it") {
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	_ = cmd.Wait() // its status says the same
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit status %s, not %s\n%s", got, args[0], told.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("told"), []byte(told.String()), 0o644))
}

// greet: answers at $BROKER as HTTP does, until the script ends.
func greetCommand(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", ts.Getenv("BROKER"))
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat("bad ", 64)))
			c.Close()
		}
	}()
}
