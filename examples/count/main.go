// Command count uses package consumer by itself: it counts the records of each key of a topic, exactly once, and publishes
// totals. It shows all that a program needs: a handler (counter), topics, and a context.
//
//	go run ./examples/count --brokers 127.0.0.1:9092 --app count --in words --totals count.totals
//
// The topics must exist: the input, the totals, APP.checkpoint.INPUT (compacted, as many partitions as the input),
// APP.every (compacted, one partition: key = revision, value = how often a total is said) and APP.dlq.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/examples/count/counter"
)

func main() {
	brokers := flag.String("brokers", "127.0.0.1:9092", "brokers to begin with, by comma")
	app := flag.String("app", "count", "group id, and the first part of the program's topics")
	in := flag.String("in", "words", "topic whose records are counted")
	totals := flag.String("totals", "count.totals", "topic of the totals")
	instance := flag.String("instance-id", "", "static member's name; empty: a dynamic member")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	cfg := consumer.Config{
		App: *app, Brokers: strings.Split(*brokers, ","), InstanceID: *instance,
		Revisions: *app + ".every", DeadLetters: *app + ".dlq",
		Inputs: []consumer.Input{{Topic: *in, Checkpoint: *app + ".checkpoint." + *in, Versioned: true,
			New: func() record.Handler { return counter.New(*totals) }}},
		Log: zerolog.New(os.Stderr).With().Timestamp().Logger(),
	}
	_, _ = rand.Read(cfg.Writer[:]) // never fails (crypto/rand)
	if err := run(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg consumer.Config) error {
	c, err := consumer.New(cfg)
	if err != nil {
		return err
	}
	return c.Run(ctx)
}
