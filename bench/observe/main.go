// Command observe measures what it costs to observe events: the whole path of the program, exactly once (fetch, project, find
// the source's state, its rules, checkpoint, transactions), beside a bare franz-go loop that counts bytes, on the same topic of
// a real Kafka, in turn in the same process. It prints CPU time of the process (user and system) an event.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
)

type bench struct {
	brokers    []string
	kind       string
	events     int
	sources    int
	partitions int
	size       int // bytes of events
	app        string
	rounds     int
}

func main() {
	brokers := flag.String("brokers", "127.0.0.1:19092", "bootstrap `addresses`")
	b := bench{app: fmt.Sprintf("bench-observe-%d", time.Now().UnixMilli())}
	flag.StringVar(&b.kind, "kind", "performance", "events: performance (one rule of the built-in policy: threshold) or drift (two: cusum, sustained)")
	flag.IntVar(&b.events, "events", 2_000_000, "events in the topic")
	flag.IntVar(&b.sources, "sources", 100_000, "sources that they are of")
	flag.IntVar(&b.partitions, "partitions", 8, "partitions of the topic")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds, each side in turn")
	flag.Parse()
	b.brokers = strings.Split(*brokers, ",")
	log.SetFlags(0)
	if err := b.run(); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func (b *bench) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	if err := b.fill(ctx); err != nil {
		return fmt.Errorf("filling the topic: %w", err)
	}
	var ours, theirs []float64
	for round := range b.rounds + 1 { // the first warms the broker's page cache and is not counted
		app := fmt.Sprintf("%s-%d", b.app, round)
		if err := b.topics(ctx, app); err != nil {
			return err
		}
		o, err := b.measure(func() error { return b.observe(ctx, app) })
		if err != nil {
			return fmt.Errorf("observing: %w", err)
		}
		t, err := b.measure(func() error { return b.count(ctx) })
		if err != nil {
			return fmt.Errorf("franz-go: %w", err)
		}
		if round == 0 {
			continue
		}
		fmt.Printf("%-12s  round %d  observe %6.1f  franz-go %6.1f  ns of CPU an event of %d bytes  ratio %.2f\n", b.kind, round, o, t, b.size/b.events, o/t)
		ours, theirs = append(ours, o), append(theirs, t)
	}
	o, t := median(ours), median(theirs)
	fmt.Printf("%-12s  median   observe %6.1f  franz-go %6.1f  ns of CPU an event of %d bytes  ratio %.2f\n", b.kind, o, t, b.size/b.events, o/t)
	return nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// measure is the CPU time of work an event, in ns.
func (b *bench) measure(work func() error) (float64, error) {
	runtime.GC()
	before := cpu()
	err := work()
	return float64((cpu() - before).Nanoseconds()) / float64(b.events), err
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // cannot fail for the process itself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// observe runs the program's consumer over the topic to its end, and until all is committed.
func (b *bench) observe(ctx context.Context, app string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	set := handlers.Settings{App: app}
	cfg := consumer.Config{App: app, Brokers: b.brokers, Revisions: app + ".policy", DeadLetters: app + ".dlq", Log: zerolog.New(os.Stderr).Level(zerolog.WarnLevel),
		Inputs: []consumer.Input{{Topic: b.app, Checkpoint: app + ".checkpoint", Versioned: true, New: func() record.Handler {
			if b.kind == "drift" {
				return handlers.NewDrift(set)
			}
			return handlers.NewPerformance(set)
		}}}}
	_, _ = rand.Read(cfg.Writer[:]) // it never fails
	c, err := consumer.New(cfg)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return errors.Join(errors.New("it ended before the topic's end"), err)
		case <-tick.C:
		}
		if sum := progress(c.Status()); sum == int64(b.events) {
			cancel() // it commits what it has
			return <-done
		}
	}
}

func progress(s consumer.Status) (sum int64) {
	for _, t := range s.Tasks {
		sum += max(0, t.Position)
	}
	return sum
}

// count is the bare loop.
func (b *bench) count(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.ConsumeTopics(b.app), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer cl.Close()
	n, size := 0, 0
	for n < b.events {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			n++
			size += len(r.Value)
		})
	}
	if size != b.size {
		return fmt.Errorf("read %d bytes of %d", size, b.size)
	}
	return nil
}
