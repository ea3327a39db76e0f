package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/internal/nearest"
)

// hints prints commands that people can paste: with the flags by which they said which cluster, app and registry they mean.
type hints string

// flagsGiven are those flags as they stand on a command line.
func flagsGiven(cmd *cobra.Command) hints {
	var text strings.Builder
	for _, name := range []string{"config", "brokers", "app", "drift-topic", "performance-topic", "tls-ca", "tls-cert", "tls-key", "sasl", "sasl-user", "sasl-password-file",
		"schema-registry", "registry-id"} {
		f := cmd.Root().PersistentFlags().Lookup(name)
		if !f.Changed {
			continue
		}
		value := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			value = strings.Join(list.GetSlice(), ",")
		}
		fmt.Fprintf(&text, " --%s %s", name, argument(value))
	}
	return hints(text.String())
}

// command is a command of this program with its arguments, as a shell takes it.
func (h hints) command(words string) string { return "retrainer " + words + string(h) }

// missing says what to do about topics that are not there: `topics apply` makes the program's own, any other is a mistake in
// a name.
func (c *configuration) missing(err error) error {
	var s *consumer.SetupError
	if !errors.As(err, &s) || len(s.Missing) == 0 {
		return err
	}
	var made []string
	for _, w := range c.wishes(false) {
		made = append(made, w.name)
	}
	text := fmt.Sprintf("missing on the cluster at %s, or no right to see it: topic %s", strings.Join(c.brokers, ", "), strings.Join(s.Missing, ", "))
	for _, name := range s.Missing {
		if !slices.Contains(made, name) {
			return &consumer.SetupError{Message: text + suggestions(name, made) + "; `" + c.given.command("topics apply") + "` makes only topics of the program's own"}
		}
	}
	return &consumer.SetupError{Message: text + "; `" + c.given.command("topics apply") + "` makes what is missing"}
}

// flagMistake names the flag that somebody may have meant, or how a length of time is written.
func flagMistake(cmd *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	if errors.As(err, &value) && value.GetFlag().Value.Type() == "duration" {
		return fmt.Errorf("%w; a length of time is written like 30s or 5m", err)
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || len(unknown.GetSpecifiedName()) < 2 {
		return err
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	near := nearest.Word(unknown.GetSpecifiedName(), known)
	if near == "" {
		return fmt.Errorf("%w; `%s --help` lists those that there are", err, cmd.CommandPath())
	}
	return fmt.Errorf("%w; did you mean --%s?", err, near)
}
