package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
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
			return &consumer.SetupError{Message: text + suggestedTopics(name, made) + "; `" + c.given.command("topics apply") + "` makes only topics of the program's own"}
		}
	}
	return &consumer.SetupError{Message: text + "; `" + c.given.command("topics apply") + "` makes what is missing"}
}

// mistypedVariable finds a variable of the environment that sets nothing and is nearly one that does. Others that begin like ours are
// left alone: an orchestrator makes some up by the names of services.
func mistypedVariable(root *cobra.Command) error {
	known := map[string]bool{variable("config"): true, passwordVariable: true, registryUser: true, registryPassword: true}
	for k := range knownKeys(root) { // order: a set
		known[variable(k)] = true
	}
	var words []string
	for _, k := range slices.Sorted(maps.Keys(known)) {
		words = append(words, strings.TrimPrefix(k, variablePrefix))
	}
	for _, pair := range slices.Sorted(slices.Values(os.Environ())) {
		name, _, _ := strings.Cut(pair, "=")
		word, ours := strings.CutPrefix(name, variablePrefix)
		if !ours || known[name] {
			continue
		}
		if near := nearest.Word(word, words); near != "" {
			return usage("the environment variable %s sets nothing; did you mean %s%s?", name, variablePrefix, near)
		}
	}
	return nil
}

// oneOf refuses a flag's value that is none of the known words.
func oneOf(flag, value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return usage("--%s %q is none of %s%s", flag, value, strings.Join(known, ", "), meant(strings.ToLower(value), known))
}

// flagMistake says what is wrong with a flag, and names the one that somebody may have meant.
func flagMistake(cmd *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &value):
		return usage("--%s %q: %s", value.GetFlag().Name, value.GetValue(), plainly(value.GetFlag(), value.Unwrap()))
	case errors.As(err, &missing):
		return usage("--%s needs a value behind it; `%s --help` says which", missing.GetSpecifiedName(), cmd.CommandPath())
	case !errors.As(err, &unknown):
		return usage("%v; `%s --help` lists the flags", err, cmd.CommandPath())
	}
	dashes, near := "--", ""
	if unknown.GetSpecifiedShortnames() != "" {
		dashes = "-"
	} else {
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		near = nearest.Word(unknown.GetSpecifiedName(), known)
	}
	if near == "" {
		return usage("unknown flag: %s%s; `%s --help` lists those that there are", dashes, unknown.GetSpecifiedName(), cmd.CommandPath())
	}
	return usage("unknown flag: %s%s; did you mean --%s?", dashes, unknown.GetSpecifiedName(), near)
}
