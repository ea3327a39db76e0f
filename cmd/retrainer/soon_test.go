package main

import (
	"fmt"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

// soon PATTERN PROGRAM ARG...: runs the program until its standard output matches, which can then be looked at as after exec.
func soonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: soon PATTERN PROGRAM ARG...")
	}
	pattern := regexp.MustCompile("(?m)" + args[0])
	waitUntil(ts, func() error {
		if err := ts.Exec(args[1], args[2:]...); err != nil {
			return fmt.Errorf("%w\n%s", err, ts.ReadFile("stderr"))
		}
		if out := ts.ReadFile("stdout"); !pattern.MatchString(out) {
			return fmt.Errorf("no match for %s in:\n%s", args[0], out)
		}
		return nil
	})
}
