package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// result is how one patch fared.
type result struct {
	caught bool
	said   string // one line: why it was caught, or why not
	output string // what the test printed
	took   time.Duration
}

// try copies the tree, sees the test pass, applies the patch and sees the test fail. Anything else is not caught.
func (r *runner) try(ctx context.Context, b bite) (x result) {
	began := time.Now()
	defer func() { x.took = time.Since(began) }()
	dir, err := os.MkdirTemp("", "bite-")
	if err != nil {
		return result{said: err.Error()}
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := copyTree(r.tree, dir); err != nil {
		return result{said: "copy: " + err.Error()}
	}
	if x := r.before(ctx, dir, b); x.outcome != passed {
		return result{said: "before the patch: " + x.String(), output: x.output}
	}
	if err := apply(dir, b.hunks); err != nil {
		return result{said: "the patch does not apply: " + err.Error()}
	}
	after := r.test(ctx, dir, b)
	switch after.outcome {
	case failed:
		return result{caught: true, said: "caught: " + after.why, output: after.output}
	case passed:
		return result{said: "the rule is broken and the test passes", output: after.output}
	}
	return result{said: "with the patch: " + after.String(), output: after.output}
}

type outcome int

const (
	passed outcome = iota
	failed
	broken // it did not get as far as passing or failing
)

type run struct {
	outcome     outcome
	why, output string
}

func (x run) String() string {
	switch x.outcome {
	case passed:
		return "the test passes"
	case failed:
		return "the test fails: " + x.why
	}
	return x.why
}

// before runs the test without the patch, once for all patches that name it.
func (r *runner) before(ctx context.Context, dir string, b bite) run {
	r.mu.Lock()
	once := r.unbroken[b.test]
	if once == nil {
		once = sync.OnceValue(func() run { return r.test(ctx, dir, b) })
		if r.unbroken == nil {
			r.unbroken = map[string]func() run{}
		}
		r.unbroken[b.test] = once
	}
	r.mu.Unlock()
	return once()
}

// test builds the package's tests and runs the named ones.
func (r *runner) test(ctx context.Context, dir string, b bite) run {
	binary := filepath.Join(dir, "bite.test")
	// The build is most of a patch's time: without inlining and debug data it takes two thirds of it.
	if out, err := command(ctx, dir, "go", "test", "-trimpath", "-gcflags=-l", "-ldflags=-s", "-c", "-o", binary, b.pkg); err != nil {
		return run{broken, fmt.Sprintf("%s does not compile", b.pkg), out}
	}
	out, err := command(ctx, filepath.Join(dir, filepath.FromSlash(b.pkg)), binary, "-test.v", "-test.timeout="+r.limit.String(), "-test.run="+b.run)
	switch ran := strings.Count(out, "=== RUN"); {
	case ctx.Err() != nil:
		return run{broken, ctx.Err().Error(), out}
	case ran == 0:
		return run{broken, fmt.Sprintf("no test of %s matches %s", b.pkg, b.run), out}
	case strings.Contains(out, "panic: test timed out"):
		return run{broken, fmt.Sprintf("no end after %s", r.limit), out}
	case err != nil:
		return run{failed, complaint(out, err), out}
	default:
		return run{passed, "", out}
	}
}

// complaint is the first line in which the test says what is wrong.
func complaint(out string, err error) string {
	for _, l := range strings.Split(out, "\n") {
		if l = strings.TrimSpace(l); strings.Contains(l, "_test.go:") || strings.HasPrefix(l, "panic:") || strings.HasPrefix(l, "fatal error:") {
			return l
		}
	}
	return err.Error()
}

func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second // a test's own children may hold the pipe
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) { // it has ended well itself
		err = nil
	}
	return out.String(), err
}

// copyTree copies what a clone holds: no folder that begins with a dot, no data of a running program.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "retrainer-")) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a file of somebody's editor, gone meanwhile
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, info.Mode().Perm()|0o200)
	})
}
