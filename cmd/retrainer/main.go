// Command retrainer turns drift and performance events in Kafka into commands to train models again, each exactly once. It is
// where everything is wired together: flags, files, the embedded broker, HTTP and the printing for people. When a
// model is trained again is decided in package retrain, and that each command comes once is seen to by package consumer.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/consumer"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// The exit codes of the program's contract.
const (
	exitDone   = 0 // also after SIGINT and SIGTERM
	exitFailed = 1 // it ran, and something was not as asked
	exitUsage  = 2 // usage, configuration, a missing topic, a wrong setting, no rights: at start
)

// run is the program. The first SIGINT or SIGTERM asks it to end, the second ends it.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	code := exitOf(ctx, err)
	if code != exitDone {
		fmt.Fprintf(errs, "retrainer: %v\n", err)
	}
	return code
}

// exitOf tells the exit code of an error. What did not come from a command's work came from cobra: usage.
func exitOf(ctx context.Context, err error) int {
	var failed *failure
	switch {
	case err == nil, ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitDone
	case !errors.As(err, &failed),
		errors.As(err, new(*usageError)), errors.As(err, new(*mistakes)), errors.As(err, new(*consumer.SetupError)):
		return exitUsage
	}
	return exitFailed
}

// failure is an error of a command that was understood and begun.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usageError is a mistake in what the program was given.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usage(format string, a ...any) error { return &usageError{fmt.Sprintf(format, a...)} }

// newRoot is the program's command with all others below it.
func newRoot() *cobra.Command {
	var c configuration
	root := &cobra.Command{
		Use:   "retrainer",
		Short: "Turns drift and performance events into retrain commands, each exactly once",
		Long: `retrainer reads drift and performance events from Kafka, decides for each model between no action, soft and full
retrain, and publishes commands for trainers, each exactly once. With worker they are trained by a program of yours.

Flag --a-b is also the environment variable VTY_A_B and the key a_b of retrainer.yaml; flag before variable before file.`,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		CompletionOptions:          cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	c.flags(root.PersistentFlags())
	root.SetFlagErrorFunc(flagMistake)
	for _, sub := range []*cobra.Command{serveCommand(&c), devCommand(&c), workerCommand(&c), topicsCommand(&c), produceCommand(&c), tailCommand(&c),
		statusCommand(&c), explainCommand(&c), policyCommand(&c), triggerCommand(&c), verifyCommand(&c), versionCommand(&c)} {
		root.AddCommand(sub)
	}
	return root
}

// command makes a command whose flags are also read from the environment and the file, and whose errors are failures.
func command(c *configuration, use, short string, args cobra.PositionalArgs, work func(cmd *cobra.Command, args []string) error) *cobra.Command {
	expected := func(cmd *cobra.Command, given []string) error {
		if err := args(cmd, given); err != nil {
			return fmt.Errorf("%w; it is `%s`", err, cmd.UseLine())
		}
		return nil
	}
	return &cobra.Command{Use: use, Short: short, Args: expected, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.given = flagsGiven(cmd) // before settle gives flags the values of variables and the file
			if err := settle(cmd); err != nil {
				return err
			}
			if err := c.check(); err != nil {
				return err
			}
			if err := work(cmd, args); err != nil {
				return &failure{c.missing(err)}
			}
			return nil
		}}
}

// group makes a command that is nothing without one of those below it.
func group(use, short, needs string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("%s needs %s, and not %q", use, needs, args[0])
		}
		return usage("%s needs %s", use, needs)
	}}
}
