package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// command makes a command whose flags are also read from the environment and the file, and whose errors are failures.
func command(c *configuration, use, short string, args cobra.PositionalArgs, work func(cmd *cobra.Command, args []string) error) *cobra.Command {
	expected := func(cmd *cobra.Command, given []string) error {
		if args(cmd, given) == nil {
			return nil
		}
		return usage("%s given, but it is `%s`; `%s --help` says more", countArguments(given), cmd.UseLine(), cmd.CommandPath())
	}
	return &cobra.Command{Use: use, Short: short, Args: expected, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := withoutEffect(cmd); err != nil {
				return err
			}
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

// countArguments says what was given where something else was expected.
func countArguments(given []string) string {
	switch len(given) {
	case 0:
		return "no argument was"
	case 1:
		return fmt.Sprintf("the argument %q was", given[0])
	}
	quoted := make([]string, len(given))
	for i, a := range given {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	return "the arguments " + strings.Join(quoted[:len(quoted)-1], ", ") + " and " + quoted[len(quoted)-1] + " were"
}

// group makes a command that is nothing without one of those below it.
func group(use, short, needs string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("%s needs %s", use, needs)
			}
			return usage("%s needs %s, and not %q%s", use, needs, args[0], meant(args[0], subcommands(cmd)))
		}}
}

// subcommands are the names of those that people may give.
func subcommands(cmd *cobra.Command) (names []string) {
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// Headings of the flags that all commands know. What a command makes no use of is not shown in its help, and refused where it stands
// on its command line; in the environment or a file it is for other commands.
const (
	clusterFlags  = "Cluster"
	topicFlags    = "App and topics"
	securityFlags = "Security"
	registryFlags = "Schema registry"
	outputFlags   = "Settings and output"
)

var headings = []string{clusterFlags, topicFlags, securityFlags, registryFlags, outputFlags}

// heading is that of a flag of all commands; "": it is a command's own.
var heading = map[string]string{
	"brokers": clusterFlags, "app": topicFlags, "drift-topic": topicFlags, "performance-topic": topicFlags,
	"tls-ca": securityFlags, "tls-cert": securityFlags, "tls-key": securityFlags, "sasl": securityFlags, "sasl-user": securityFlags, "sasl-password-file": securityFlags,
	"schema-registry": registryFlags, "registry-id": registryFlags,
	"config": outputFlags, "log-level": outputFlags, "json": outputFlags, "help": outputFlags,
}

// unused are the headings that a command makes no use of, with why.
type unused struct {
	headings []string
	why      string
}

var (
	noCluster = unused{[]string{clusterFlags, topicFlags, securityFlags, registryFlags}, "it asks no cluster"}
	without   = map[string]unused{
		"dev":          {[]string{clusterFlags, securityFlags}, "its broker is its own, at --listen; `retrainer serve` runs on a cluster"},
		"demo":         {noCluster.headings, "its broker is its own; `retrainer serve` runs on a cluster"},
		"policy check": noCluster,
		"completion":   noCluster,
		"explain word": noCluster,
		"ready":        {noCluster.headings, "it asks an instance, not the cluster"},
		"version":      noCluster,
	}
)

// uses tells whether a command makes use of a flag.
func uses(cmd *cobra.Command, flag string) bool {
	return !slices.Contains(without[wordsOf(cmd)].headings, heading[flag])
}

// withoutEffect refuses flags that would do nothing.
func withoutEffect(cmd *cobra.Command) error {
	var found []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !uses(cmd, f.Name) {
			found = append(found, "--"+f.Name)
		}
	})
	if len(found) == 0 {
		return nil
	}
	change, it := "changes", "it"
	if len(found) > 1 {
		change, it = "change", "them"
	}
	return usage("%s %s nothing of `%s`: %s; leave %s out", strings.Join(found, " and "), change, cmd.CommandPath(), without[wordsOf(cmd)].why, it)
}
