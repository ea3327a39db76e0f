package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"regexp"
	"strconv"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/schemas/registry"
)

// configuration holds the settings that all commands share.
type configuration struct {
	config      string
	brokers     []string
	app         string
	drift       []string
	performance []string
	logLevel    string
	json        bool
	wire        string

	schemaRegistry string
	registryID     string
	registry       *registry.Client // nil: none is given
	onRegistryAway func(err error)  // is told what is waited for; nil: whoever started the command is

	security security
	embedded bool // the broker is the program's own, which has neither TLS nor SASL

	level   zerolog.Level
	display *display // of a command that does something definite
	given   hints    // the flags on the command line that say which cluster, app and registry
	wait    waiting
}

func (c *configuration) flags(f *pflag.FlagSet) {
	f.StringVar(&c.config, "config", defaultConfig, "`FILE` with settings, in YAML; the default need not be there")
	f.StringSliceVar(&c.brokers, "brokers", []string{"127.0.0.1:9092"}, "brokers to begin with, `HOST:PORT` by comma")
	f.StringVar(&c.app, "app", "retrain", "`ID` of the app: the consumer group, and the first part of the names of all topics that are written")
	f.StringSliceVar(&c.drift, "drift-topic", []string{"monitoring.drift"}, "`TOPIC` of drift events, several by comma")
	f.StringSliceVar(&c.performance, "performance-topic", []string{"monitoring.performance"}, "`TOPIC` of performance events, several by comma")
	c.registryFlags(f)
	c.security.flags(f)
	f.StringVar(&c.logLevel, "log-level", "info", "`LEVEL` of what is logged: debug, info, warn or error")
	f.BoolVar(&c.json, "json", false, "print JSON where text is the default, one object a line")
}

// logLevels are the words of --log-level.
var logLevels = []string{"debug", "info", "warn", "error"}

// topicName is what Kafka takes as a topic's name.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// check looks at the settings as a whole.
func (c *configuration) check() (err error) {
	if err := oneOf("log-level", c.logLevel, logLevels...); err != nil {
		return err
	}
	if c.level, err = zerolog.ParseLevel(c.logLevel); err != nil {
		return err
	}
	if len(c.brokers) == 0 {
		return usage("--brokers is empty: at least one HOST:PORT is needed")
	}
	for _, b := range c.brokers {
		if err := checkBroker(b); err != nil {
			return err
		}
	}
	if !topicName.MatchString(c.app) {
		return usage("--app %q: only a-z, A-Z, 0-9, '.', '_' and '-' are possible, for the names of topics begin with it", c.app)
	}
	if err := c.security.check(); err != nil {
		return err
	}
	if err := c.checkRegistry(); err != nil {
		return err
	}
	seen := map[string]bool{"ledger": true, "progress": true, "requests": true}
	for _, t := range c.events() {
		switch {
		case !topicName.MatchString(t):
			return usage("%q is no name of a topic: only a-z, A-Z, 0-9, '.', '_' and '-' are possible", t)
		case !topicName.MatchString(c.names().checkpoint(t)):
			return usage("topic %s with --app %s: the name of its checkpoint topic would be longer than Kafka's 249 characters; give a shorter --app", t, c.app)
		case seen[t]:
			return usage("topic %q is given twice among --drift-topic and --performance-topic, or is one of the names ledger, progress and requests, which the program's own checkpoints use; give each topic once, and rename such a one", t)
		}
		seen[t] = true
	}
	if err := c.checkWire(); err != nil {
		return err
	}
	if len(c.drift)+len(c.performance) == 0 {
		return usage("--drift-topic and --performance-topic are both empty: there is nothing to read; give at least one topic")
	}
	return nil
}

// checkBroker looks at one address of --brokers.
func checkBroker(address string) error {
	host, port, err := net.SplitHostPort(address)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil || n == 0 {
		return usage("--brokers %q is no address of a broker: HOST:PORT is needed, like 127.0.0.1:9092", address)
	}
	return nil
}

// connect makes a client of the cluster, which says in words what it waits for.
func (c *configuration) connect(cmd *cobra.Command) (*consumer.Client, error) {
	errs, see := cmd.ErrOrStderr(), c.plain
	if c.display != nil {
		errs, see = c.display.bar, func(ctx context.Context, r *record.Record) error {
			c.display.saw(1)
			return c.plain(ctx, r)
		}
	}
	c.wait.begin(cmd.Context(), errs, c.json, c.brokers)
	if why := c.exposed(); why != "" {
		c.wait.warn(why)
	}
	return consumer.Connect(consumer.ClientConfig{Brokers: c.brokers, ClientID: "retrainer", Access: c.access(), Log: zerolog.Nop(), Waiting: c.wait.tell, OnRecord: see})
}

// variablePrefix begins the names of the environment's variables that are for this program.
const variablePrefix = "VTY_"

// variable is the environment variable of a flag.
func variable(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// key is the key of a flag in the configuration file.
func key(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// settle gives a command's flags that were not on the command line the value of their variable, else that of the file.
func settle(cmd *cobra.Command) error {
	config := cmd.Flags().Lookup("config")
	if v, ok := os.LookupEnv(variable("config")); ok && !config.Changed {
		config.Changed = true
		_ = config.Value.Set(v) // a string takes any text
	}
	if err := mistypedVariable(cmd.Root()); err != nil {
		return err
	}
	file, err := readConfig(config.Value.String(), config.Changed, knownKeys(cmd.Root()))
	if err != nil {
		return err
	}
	var first error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "config" || f.Name == "help" || first != nil {
			return
		}
		value, ok := os.LookupEnv(variable(f.Name))
		source := "the environment variable " + variable(f.Name)
		if !ok {
			s, found := file[key(f.Name)]
			if !found {
				return
			}
			value, source = s.value, s.place+": "+key(f.Name)
		}
		if err := f.Value.Set(value); err != nil {
			first = usage("%s: %q cannot be used: %s", source, value, plainly(f, err))
		}
		f.Changed = true
	})
	return first
}

// plainly says what a flag takes, where its parser speaks of itself.
func plainly(f *pflag.Flag, err error) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false is needed"
	case "int", "int16":
		return "a whole number is needed"
	case "uint64":
		return "a whole number of 0 or more is needed"
	case "float64":
		return "a number is needed"
	case "duration":
		return "a length of time like 30s or 1h30m is needed"
	}
	return err.Error()
}

// knownKeys are the keys of all flags of all commands: one file serves them all.
func knownKeys(root *cobra.Command) map[string]bool {
	known := map[string]bool{}
	add := func(f *pflag.Flag) {
		if f.Name != "config" && f.Name != "help" {
			known[key(f.Name)] = true
		}
	}
	root.PersistentFlags().VisitAll(add)
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		c.LocalNonPersistentFlags().VisitAll(add)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return known
}

// author is who runs this process: in a container, where USER is not set, the name that the system has for the process's user, or its number.
func author() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}
