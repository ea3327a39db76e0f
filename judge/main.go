// Command judge tells from outside whether a run was exactly once: it reads what is committed in the topics of an app, folds
// it by its own reading of the rules, and compares. It shares no code with the program that it judges, and uses no library of
// it but the Kafka client; its imports are checked by a test.
//
//	go run ./judge full   --brokers 127.0.0.1:19092 --app retrain --schemas ./schemas
//	go run ./judge counts --brokers 127.0.0.1:19092 --app count --in words --totals count.totals
//
// full folds the events of drift, concept drift and performance, each partition under the policies that its checkpoint topic
// says it was folded under, and the ledger. It wants events that are written by their own schemas.
//
// Run it when the app has stopped. Each mismatch is a line of its own; exit 1 if there is one, 2 if it could not be told.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

type options struct {
	brokers     []string
	app         string
	timeout     time.Duration
	schemas     string        // folder of .avsc files
	drift       string        // topics of events of data drift and concept drift, by comma
	performance string        // topics of performance events, by comma
	eventBytes  int           // a longer event is a dead letter
	timers      time.Duration // a timer must have fired so soon after its ledger time; 0: any time
	in, totals  string        // of the counting example
	printed     int           // mismatches that are printed, at most
}

// eventTopic is a topic of events, with the kind of its records.
type eventTopic struct{ topic, kind string }

func (o *options) events() (all []eventTopic) {
	for _, x := range []eventTopic{{o.drift, "DriftEvent"}, {o.performance, "PerformanceEvent"}} {
		for _, topic := range strings.Split(x.topic, ",") {
			all = append(all, eventTopic{topic, x.kind})
		}
	}
	return all
}

var errUsage = errors.New("usage: judge full|counts [flags]; judge full -h lists them")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	mismatches, err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(2)
	case mismatches > 0:
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (mismatches int, err error) {
	if len(args) == 0 || args[0] != "full" && args[0] != "counts" {
		return 0, errUsage
	}
	var o options
	f := flag.NewFlagSet("judge "+args[0], flag.ContinueOnError)
	brokers := f.String("brokers", "127.0.0.1:9092", "brokers to begin with, by comma")
	f.StringVar(&o.app, "app", "retrain", "app id: the group, and the first part of its topics")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "for reading everything")
	f.IntVar(&o.printed, "print", 50, "mismatches that are printed; all are counted")
	f.StringVar(&o.schemas, "schemas", "schemas", "folder of the .avsc files (full)")
	f.StringVar(&o.drift, "drift-topic", "monitoring.drift", "topics of drift and concept drift, by comma (full)")
	f.StringVar(&o.performance, "performance-topic", "monitoring.performance", "topics of performance events, by comma (full)")
	f.IntVar(&o.eventBytes, "max-event-bytes", 1<<20, "a longer event is a dead letter (full)")
	f.DurationVar(&o.timers, "timers", 0, "how long after its ledger time a timer may have fired, on a broker that was idle; 0: any time (full)")
	f.StringVar(&o.in, "in", "words", "topic that is counted (counts)")
	f.StringVar(&o.totals, "totals", "count.totals", "topic of the totals (counts)")
	if err := f.Parse(args[1:]); err != nil {
		return 0, err
	}
	o.brokers = strings.Split(*brokers, ",")
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	k, err := dial(o.brokers)
	if err != nil {
		return 0, err
	}
	defer k.Close()
	r := &report{out: out, printed: o.printed}
	if args[0] == "counts" {
		err = judgeCounts(ctx, k, o, r)
	} else {
		err = judgeFull(ctx, k, o, r)
	}
	if err != nil {
		return 0, err
	}
	r.close()
	return r.n, nil
}

// report gathers the mismatches.
type report struct {
	out     io.Writer
	n       int
	printed int      // at most
	seen    []string // what was read, for the last line
}

func (r *report) mismatch(format string, args ...any) {
	if r.n++; r.n <= r.printed {
		fmt.Fprintf(r.out, "MISMATCH "+format+"\n", args...)
	}
}

func (r *report) saw(n int, what string) { r.seen = append(r.seen, fmt.Sprintf("%d %s", n, what)) }

func (r *report) close() {
	if r.n > r.printed {
		fmt.Fprintf(r.out, "... and %d more\n", r.n-r.printed)
	}
	fmt.Fprintf(r.out, "judged: %s; %d mismatches\n", strings.Join(r.seen, ", "), r.n)
}
