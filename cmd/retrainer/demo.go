package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/visutility/retrainer/cmd/retrainer/demo"
	"github.com/visutility/retrainer/cmd/retrainer/embedded"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
)

func demoCommand(c *configuration) *cobra.Command {
	var cfg demo.Config
	cmd := command(c, "demo", "See in a minute what it does: a story with real processes, a kill -9 in the middle, and its proof at the end", cobra.NoArgs, func(cmd *cobra.Command, _ []string) (err error) {
		if !(cfg.Pace >= 0 && cfg.Pace <= 100) { // it may be no number
			return usage("--pace %v: a number from 0 to 100 is needed; 1 leaves a line to its reader for 0.9 s", cfg.Pace)
		}
		if cfg.HTTP == "" {
			return usage("--http \"\": an address is needed, for the story asks the service there how far it is; 127.0.0.1:0 is a port that is free")
		}
		listener, err := net.Listen("tcp", cfg.HTTP) // what the service would meet, told before the story begins
		if err != nil {
			return usage("--http %s: %v; the service's page cannot be served there: give another address, or 127.0.0.1:0 for a port that is free", cfg.HTTP, err)
		}
		_ = listener.Close()
		ctx, stop := untilHangUp(cmd.Context())
		defer stop()
		cmd.SetContext(ctx)
		if err = c.demo(cmd, &cfg); err != nil && ctx.Err() != nil {
			return &interruption{"the story was not told to its end; its processes have ended, and its folder is removed"}
		}
		return err
	})
	f := cmd.Flags()
	f.Uint64Var(&cfg.Seed, "seed", 1, "`NUMBER` by which models and their figures are drawn: the same gives the same commands and decisions")
	f.Float64Var(&cfg.Pace, "pace", 1, "how long each line is left to its reader; 0: as fast as it goes")
	f.BoolVar(&cfg.Stay, "stay", false, "keep broker, service and worker running after the end, until ^C")
	f.StringVar(&cfg.HTTP, "http", "127.0.0.1:0", "`HOST:PORT` of the service's page, /livez, /readyz and /metrics; port 0: one that is free")
	cmd.AddCommand(trainerCommand())
	return cmd
}

// trainerCommand is the training program of the demo's worker.
func trainerCommand() *cobra.Command {
	var failOnce string
	cmd := &cobra.Command{Use: "trainer", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if err := demo.Train(cmd.InOrStdin(), cmd.OutOrStdout(), failOnce); err != nil {
			return &failure{err}
		}
		return nil
	}}
	cmd.Flags().StringVar(&failOnce, "fail-once", "", "`MODEL` whose first training fails")
	_ = cmd.Flags().MarkHidden("fail-once") // as the command is; the flag is there
	return cmd
}

// demo makes a broker and all that the story needs beside it, in a folder that goes with it.
func (c *configuration) demo(cmd *cobra.Command, cfg *demo.Config) (err error) {
	if cfg.Program, err = os.Executable(); err != nil {
		return err
	}
	unusable := func(err error) error {
		return &consumer.SetupError{Message: fmt.Sprintf("the folder for temporary files, %s, cannot be used: %v; the variable TMPDIR names another", os.TempDir(), err)}
	}
	if cfg.Dir, err = os.MkdirTemp("", "retrainer-demo-"); err != nil {
		return unusable(err)
	}
	defer func() { _ = os.RemoveAll(cfg.Dir) }()             // what stays is in the system's folder for such things
	log := c.log(cmd).Level(max(c.level, zerolog.WarnLevel)) // of the broker; the story itself is told
	broker, err := embedded.Start("127.0.0.1:0", filepath.Join(cfg.Dir, "broker"), log)
	if onFile := (*fs.PathError)(nil); errors.As(err, &onFile) { // the folder is its own: --data is no way out
		return unusable(onFile)
	}
	if err != nil {
		return &consumer.SetupError{Message: err.Error()}
	}
	defer broker.Close()
	own := &configuration{} // what its processes take where nothing is set
	own.flags(pflag.NewFlagSet("", pflag.ContinueOnError))
	own.brokers, own.embedded = []string{broker.Address()}, true
	s := newService(own)
	s.log = log
	ctx, stop := broker.While(cmd.Context())
	defer stop()
	defer func() {
		if failed := broker.Failure(); failed != nil {
			err = fmt.Errorf("%w; the variable TMPDIR names another folder for it", failed)
		}
	}()
	if err := s.makeTopics(ctx); err != nil {
		return err
	}
	n := own.names()
	cfg.Called = os.Args[0]
	if strings.Contains(cfg.Program, "go-build") { // by go run: there is no program that could be called
		cfg.Called = "go run ./cmd/retrainer"
	}
	cfg.Broker, cfg.Trainer = broker.Address(), argument(cfg.Program)+" demo trainer"
	cfg.Topics = demo.Topics{Drift: own.drift[0], Performance: own.performance[0], Commands: n.commands(), Decisions: n.decisions(), Results: n.results(), DeadLetters: n.dlq()}
	own.json = c.json
	own.telling(cmd, cfg)
	return demo.Run(ctx, *cfg)
}

// untilHangUp ends also when the terminal is closed, unless that is to be ignored (nohup), and lets writing to a pipe that nobody reads
// any more be an error: both would end the process at once, and leave others running.
func untilHangUp(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // ignored, children would ignore it too
	if signal.Ignored(syscall.SIGHUP) {
		return ctx, func() {}
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// telling is how the story is told: in words, in colour where a terminal takes them, or by its records.
func (c *configuration) telling(cmd *cobra.Command, cfg *demo.Config) {
	cfg.Out = cmd.OutOrStdout()
	if file, ok := asTerminal(cfg.Out); ok {
		cfg.Colour = coloured()
		cfg.Width, _, _ = term.GetSize(int(file.Fd())) // 0 where it cannot be told
	}
	if c.json {
		cfg.Each = c.printer(cmd.Context(), cfg.Out)
	}
}

// printer prints records as tail does.
func (c *configuration) printer(ctx context.Context, out io.Writer) func(r *record.Record) error {
	t := tail{configuration: c}
	w := bufio.NewWriter(out)
	return func(r *record.Record) error {
		name, value, err := t.rendered(ctx, r)
		if err != nil {
			return err
		}
		if _, err := w.Write(appendRecord(nil, r, name, value, r.Topic == c.names().dlq())); err != nil {
			return fmt.Errorf("standard output: %w", err)
		}
		return w.Flush()
	}
}
