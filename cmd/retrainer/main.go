// Command retrainer turns drift and performance events in Kafka into commands to train models again, each exactly once. It is
// where everything is wired together: flags, files, the embedded broker, HTTP and the printing for people. When a
// model is trained again is decided in package retrain, and that each command comes once is seen to by package consumer.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	var unwritten error // a help that nobody got: cobra's function for it gives none
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { unwritten = showHelp(cmd) })
	err := unknownCommand(root, root.ExecuteContext(ctx))
	if err == nil {
		err = unwritten
	}
	code := exitOf(ctx, err)
	if code != exitDone {
		tellError(errs, root, args, err, code)
	}
	return code
}

// exitOf tells the exit code of an error. What did not come from a command's work came from cobra: usage.
func exitOf(ctx context.Context, err error) int {
	var failed *failure
	var onFile *fs.PathError
	switch {
	case err == nil, ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitDone
	case errors.As(err, &onFile) && onFile.Op == "write": // what was asked for was not printed, also where cobra prints
		return exitFailed
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
		Use:                "retrainer",
		Short:              "Turns drift and performance events into retrain commands, each exactly once",
		Version:            buildVersion().String(),
		SilenceErrors:      true,
		SilenceUsage:       true,
		DisableSuggestions: true, // unknownCommand has them
		CompletionOptions:  cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	c.flags(root.PersistentFlags())
	root.SetFlagErrorFunc(flagMistake)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetHelpCommand(helpCommand())
	root.AddCommand(serveCommand(&c), devCommand(&c), demoCommand(&c), workerCommand(&c), topicsCommand(&c), produceCommand(&c), tailCommand(&c),
		statusCommand(&c), explainCommand(&c), policyCommand(&c), triggerCommand(&c), verifyCommand(&c), readyCommand(&c), completionCommand(), versionCommand(&c))
	c.completions(root)
	return root
}
