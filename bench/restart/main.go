// Command restart measures how long a kill -9 is felt: the time until the first decision of an instance that is started again in
// place with its --instance-id, and until a peer has decided in place of one that is not, once the session is over. Beside it, in
// turn in the same run on the same broker, a franz-go consumer of a static group does the same: it answers each record by one in a
// transaction. A drop of a new model is written to each of the partitions as the process is killed.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/bench/events"
	"github.com/visutility/retrainer/cmd/retrainer/embedded"
	"github.com/visutility/retrainer/consumer"
)

type bench struct {
	brokers    []string
	dir        string
	app        string
	rounds     int
	sources    int
	partitions int
	session    time.Duration
	program    string
}

// asPeer is the first argument of the process that peer is.
const asPeer = "peer"

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == asPeer {
		session, err := time.ParseDuration(os.Args[6])
		if err == nil {
			err = peer(context.Background(), strings.Split(os.Args[2], ","), os.Args[3], os.Args[4], os.Args[5], session)
		}
		log.Fatal(err)
	}
	brokers := flag.String("brokers", "", "bootstrap `addresses`; without them the broker that is embedded in the program")
	b := bench{app: fmt.Sprintf("bench-restart-%d", time.Now().UnixMilli())}
	flag.IntVar(&b.rounds, "rounds", 5, "rounds, each side in turn")
	flag.IntVar(&b.sources, "sources", 10_000, "sources that the program has to restore")
	flag.IntVar(&b.partitions, "partitions", 8, "partitions of the topic")
	flag.DurationVar(&b.session, "session", 6*time.Second, "session time-out of both")
	flag.Parse()
	if *brokers != "" {
		b.brokers = strings.Split(*brokers, ",")
	}
	if err := b.run(context.Background()); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "bench-restart-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	if len(b.brokers) == 0 {
		broker, err := embedded.Start("127.0.0.1:0", filepath.Join(b.dir, "data"), zerolog.Nop())
		if err != nil {
			return err
		}
		defer broker.Close()
		b.brokers = []string{broker.Address()}
	}
	sides, err := b.prepare(ctx)
	if err != nil {
		return err
	}
	for _, s := range sides {
		defer s.close()
		if err := s.open(b.brokers); err != nil {
			return err
		}
	}
	if err := b.inPlace(ctx, sides); err != nil {
		return err
	}
	return b.byPeer(ctx, sides)
}

// prepare builds the program, makes the topics, and has each side something to read.
func (b *bench) prepare(ctx context.Context) ([]*side, error) {
	b.program = filepath.Join(b.dir, "retrainer")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.program, "github.com/visutility/retrainer/cmd/retrainer").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	ours := &side{name: "retrainer", topic: b.app + ".events", out: b.app + ".decisions", partitions: b.partitions}
	theirs := &side{name: "franz-go", topic: b.app + "-franz.events", out: b.app + "-franz.answers", partitions: b.partitions}
	c, err := consumer.Connect(consumer.ClientConfig{Brokers: b.brokers, ClientID: "bench", Log: zerolog.Nop()})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, t := range []string{ours.topic, theirs.topic, theirs.out} {
		if err := c.CreateTopics(ctx, consumer.Topic{Name: t, Partitions: int32(b.partitions)}); err != nil {
			return nil, err
		}
		if t == theirs.out {
			continue
		}
		if _, err := (events.Quiet{Topic: t, Kind: "performance", Events: b.sources, Sources: max(1, b.sources)}).Write(ctx, b.brokers); err != nil {
			return nil, err
		}
	}
	common := []string{"--brokers", strings.Join(b.brokers, ","), "--app", b.app, "--drift-topic", "", "--performance-topic", ours.topic}
	if out, err := exec.CommandContext(ctx, b.program, append([]string{"topics", "apply"}, common...)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("topics apply: %w\n%s", err, out)
	}
	ours.start = func(instance string) (*process, error) {
		return start(b.program, append([]string{"serve", "--instance-id", instance, "--session-timeout", b.session.String(), "--http", "127.0.0.1:0"}, common...)...)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	theirs.start = func(instance string) (*process, error) {
		return start(self, asPeer, strings.Join(b.brokers, ","), theirs.topic, theirs.out, instance, b.session.String())
	}
	return []*side{ours, theirs}, nil
}

// inPlace kills the one instance of a side and starts it again at once.
func (b *bench) inPlace(ctx context.Context, sides []*side) error {
	var all []figures
	for _, s := range sides {
		f := figures{side: s.name}
		for round := range b.rounds + 1 { // the first warms the broker up and is not counted
			if err := s.run("a"); err != nil {
				return err
			}
			if err := s.ask(ctx, time.Now()); err != nil { // it works
				return err
			}
			killed := time.Now()
			s.kill("a")
			if err := s.run("a"); err != nil {
				return err
			}
			if err := s.ask(ctx, killed); err != nil {
				return err
			}
			p := s.lives["a"]
			if round > 0 {
				stages := p.stages()
				f.add(stages[0], stages[1]-stages[0], stages[2]-stages[1], max(0, s.first-p.began.Sub(killed)-stages[2]), s.first, s.last, p.cpu())
			}
			s.kill("a")
		}
		all = append(all, f)
	}
	fmt.Printf("killed with -9 and started again in place, a static member; %d partitions, %d sources; ms until the first decision (DESIGN: 200), median of %d\n", b.partitions, b.sources, b.rounds)
	table(all, "process", "join", "restore", "decide", "first", "all", "CPU")
	return nil
}

// byPeer kills one of two instances of a side for good.
func (b *bench) byPeer(ctx context.Context, sides []*side) error {
	var all []figures
	for _, s := range sides {
		f := figures{side: s.name}
		if err := s.run("b"); err != nil {
			return err
		}
		for range b.rounds {
			if err := s.run("a"); err != nil {
				return err
			}
			if err := b.shared(ctx, s); err != nil {
				return err
			}
			cpu := s.lives["b"].cpu()
			killed := time.Now()
			s.kill("a")
			if err := s.ask(ctx, killed); err != nil {
				return err
			}
			f.add(s.last, s.last-b.session, s.lives["b"].cpu()-cpu)
		}
		all = append(all, f)
	}
	fmt.Printf("killed with -9 and not started again; ms until a peer has decided for all partitions (DESIGN: 2000 beyond the session of %v), median of %d\n", b.session, b.rounds)
	table(all, "all", "beyond", "CPU")
	return nil
}

// shared waits until both instances, the last one started included, have joined one generation of the group, and each partition is
// answered.
func (b *bench) shared(ctx context.Context, s *side) error {
	limit := time.Now().Add(patience)
	for p, last := s.lives["b"], s.lives["a"]; last.stages()[1] == 0 || p.began.Add(p.stages()[1]).Before(last.began); {
		if time.Now().After(limit) {
			return fmt.Errorf("%s: instance a has not joined the group within %v", s.name, patience)
		}
		if err := s.ask(ctx, time.Now()); err != nil {
			return err
		}
	}
	return s.ask(ctx, time.Now())
}
