// Command bites shows that the tests can fail. Each bites/NN-name.patch breaks one rule of the program in a copy of the tree
// and names the test that must then fail; a patch whose test still passes is a failure here. It knows patches and `go test`,
// and nothing of the rules themselves.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const usage = `usage: go run ./bites [flags] [NN | name ...]

A patch begins with
  Rule: the rule that it breaks
  Test: the package and the test that must fail, for example: ./internal/sim -run '^TestX$'
  Proves: what that failure shows
and goes on as git diff writes it. Without names all patches are tried.

`

func main() {
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		flag.PrintDefaults()
	}
	tree := flag.String("tree", ".", "top of the tree that is copied")
	jobs := flag.Int("p", 2, "patches tried at the same time")
	limit := flag.Duration("timeout", 5*time.Minute, "for one run of one test")
	verbose := flag.Bool("v", false, "print what the tests printed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := runner{tree: *tree, jobs: *jobs, limit: *limit, verbose: *verbose, out: os.Stdout}
	failed, err := r.all(ctx, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "bites:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

type runner struct {
	tree    string
	jobs    int
	limit   time.Duration
	verbose bool
	out     io.Writer

	mu       sync.Mutex
	unbroken map[string]func() run // tests without a patch, by what a patch calls them
}

// all tries the patches that are named, and says how many of them did not make their test fail.
func (r *runner) all(ctx context.Context, names []string) (failed int, err error) {
	bites, err := readBites(filepath.Join(r.tree, "bites"), names)
	if err != nil {
		return 0, err
	}
	results := make([]result, len(bites))
	var wg sync.WaitGroup
	next := make(chan int)
	for range max(1, r.jobs) {
		wg.Go(func() {
			for i := range next {
				results[i] = r.try(ctx, bites[i])
				r.print(bites[i], results[i])
			}
		})
	}
	for i := range bites {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, x := range results {
		if !x.caught {
			failed++
		}
	}
	fmt.Fprintf(r.out, "bites: %d passed, %d failed\n", len(bites)-failed, failed)
	return failed, nil
}

// print writes a patch's row in one piece: rows of patches tried at the same time do not mix.
func (r *runner) print(b bite, x result) {
	word := "ok  "
	if !x.caught {
		word = "FAIL"
	}
	var o strings.Builder
	fmt.Fprintf(&o, "%s  %-28s %5.1fs  %s\n      %s\n      %s\n", word, b.name, x.took.Seconds(), b.rule, b.test, x.said)
	if r.verbose {
		o.WriteString(x.output)
	}
	_, _ = io.WriteString(r.out, o.String())
}
