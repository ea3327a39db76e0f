package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/retrain"
)

var shells = []string{"bash", "zsh", "fish"}

// bashWords gives the words of a line, and the files that go on with one, where the package bash-completion, on which cobra's script
// relies, is not installed.
const bashWords = `if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref() {
        local line=${COMP_LINE:0:COMP_POINT}
        read -ra words <<< "$line"
        case $line in *[[:space:]]) words+=("") ;; esac
        cword=$((${#words[@]} - 1))
        cur=${words[cword]}
        prev=${words[cword - 1]}
    }
fi
if ! declare -F _filedir >/dev/null; then
    _filedir() {
        local IFS=$'\n' endings ending
        COMPREPLY+=($(compgen -d -- "$cur"))
        case $1 in
        -d) return ;;
        '') COMPREPLY+=($(compgen -f -- "$cur")) ;;
        esac
        IFS='|' read -ra endings <<< "$1"
        for ending in "${endings[@]}"; do COMPREPLY+=($(compgen -f -X "!*.$ending" -- "$cur")); done
    }
fi
`

func completionCommand() *cobra.Command {
	return &cobra.Command{Use: "completion bash|zsh|fish", Short: "Print the script by which a shell completes commands, flags and their values",
		ValidArgs: shells, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := withoutEffect(cmd); err != nil {
				return err
			}
			if len(args) != 1 {
				return usage("%s given, but it is `%s`", countArguments(args), cmd.UseLine())
			}
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				if _, err := fmt.Fprint(out, bashWords); err != nil {
					return err
				}
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return usage("completion knows bash, zsh and fish, and not %q%s", args[0], meant(args[0], shells))
		}}
}

// valueWords are what flags take that take one of a few words.
var valueWords = map[string][]string{
	"log-level": logLevels, "sasl": mechanisms, "registry-id": {contentID, globalID}, "wire": {singleObject, confluent},
	"events-wire": {auto, "bare:"}, "tuner": retrain.TunerNames(), "until": {"end", "never"}, "from": {"start", "end"}, "start": {"earliest", "latest"},
	"action": {string(retrain.SoftRetrain) + "\ttrain on from the present version", string(retrain.FullRetrain) + "\ttrain from scratch"},
}

// valueFiles are the endings of files that flags take; without any all files are proposed.
var valueFiles = map[string][]string{
	"config": {"yaml", "yml"}, "policy": {"yaml", "yml"}, "schema": {"avsc", "json"}, "tls-ca": {"pem", "crt"}, "tls-cert": {"pem", "crt"}, "tls-key": {"pem", "key"},
	"sasl-password-file": nil, "exec": nil,
}

// completions has each command and flag propose what it takes.
func (c *configuration) completions(root *cobra.Command) {
	flags := func(cmd *cobra.Command) func(f *pflag.Flag) {
		return func(f *pflag.Flag) {
			if f.Value.Type() != "bool" {
				_ = cmd.RegisterFlagCompletionFunc(f.Name, c.valuesOf(f.Name)) // each once
			}
		}
	}
	root.PersistentFlags().VisitAll(flags(root))
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalNonPersistentFlags().VisitAll(flags(cmd))
		if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
			cmd.ValidArgsFunction = c.argumentsOf(wordsOf(cmd))
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	for _, sub := range root.Commands() {
		walk(sub)
	}
}

func (c *configuration) valuesOf(flag string) cobra.CompletionFunc {
	endings, isFile := valueFiles[flag]
	switch {
	case valueWords[flag] != nil:
		return cobra.FixedCompletions(valueWords[flag], cobra.ShellCompDirectiveNoFileComp)
	case isFile && endings != nil:
		return cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt)
	case isFile:
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	case flag == "dir" || flag == "data":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	case flag == "drift-topic" || flag == "performance-topic":
		return c.asked(c.foreignTopics)
	}
	return cobra.NoFileCompletions
}

// argumentsOf proposes what stands behind a command, if anything does.
func (c *configuration) argumentsOf(words string) cobra.CompletionFunc {
	var first cobra.CompletionFunc
	switch words {
	case "status", "trigger", "explain model":
		first = c.asked(c.modelNames)
	case "tail":
		first = c.asked(c.readableTopics)
	case "produce":
		first = c.asked(c.writableTopics)
	case "explain word":
		first = func(*cobra.Command, []string, string) (words []string, _ cobra.ShellCompDirective) {
			for _, w := range explainedWords() {
				if !slices.Contains(words, w.Word) {
					words = append(words, w.Word)
				}
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		}
	case "policy check":
		first = cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt)
	default:
		return cobra.NoFileCompletions
	}
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return first(cmd, args, begun)
	}
}

// completionPatience is how long somebody who pressed TAB waits for a cluster.
const completionPatience = time.Second

// asked proposes what a cluster knows. Whatever goes wrong is no time to speak of: less is proposed.
func (c *configuration) asked(ask func(ctx context.Context, client *consumer.Client) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		const nothingElse = cobra.ShellCompDirectiveNoFileComp
		if settle(cmd) != nil || c.check() != nil {
			return nil, nothingElse
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionPatience)
		defer cancel()
		client, err := consumer.Connect(consumer.ClientConfig{Brokers: c.brokers, ClientID: "retrainer", Access: c.access(), Log: zerolog.Nop(), OnRecord: c.plain})
		if err != nil {
			return nil, nothingElse
		}
		defer client.Close()
		return slices.DeleteFunc(ask(ctx, client), func(name string) bool { return !proposable(name) }), nothingElse
	}
}

// plainName are the names that mean nothing but themselves to any shell.
var plainName = regexp.MustCompile(`^[A-Za-z0-9._/:@+][A-Za-z0-9._/:@+-]*$`)

// proposable tells whether a name may be handed to a shell. Whoever writes events chooses names of models, and shells put what is
// proposed on the line as it is, and evaluate the line at the next TAB. Cobra takes words of its own marker for help.
func proposable(name string) bool {
	return plainName.MatchString(name) && !strings.HasPrefix(name, "_activeHelp_")
}

func (c *configuration) modelNames(ctx context.Context, client *consumer.Client) []string {
	models, err := c.models(ctx, client)
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(models))
}

// readableTopics are those on the cluster; of one that does not answer those of the app.
func (c *configuration) readableTopics(ctx context.Context, client *consumer.Client) (all []string) {
	if there, err := client.TopicNames(ctx); err == nil {
		return there
	}
	for _, w := range c.wishes(false) {
		all = append(all, w.name)
	}
	return all
}

// writableTopics are those that take records of people, and any that are not the app's.
func (c *configuration) writableTopics(ctx context.Context, client *consumer.Client) []string {
	known := append(c.events(), c.names().progress(), c.names().requests())
	for _, t := range c.foreignTopics(ctx, client) {
		if !slices.Contains(known, t) {
			known = append(known, t)
		}
	}
	return known
}

// foreignTopics are those on the cluster that are not the app's own.
func (c *configuration) foreignTopics(ctx context.Context, client *consumer.Client) []string {
	there, err := client.TopicNames(ctx)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(there, func(t string) bool { return strings.HasPrefix(t, c.app+".") })
}

// described are the commands below one, with what they do.
func described(cmd *cobra.Command) (all []string) {
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			all = append(all, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return all
}
