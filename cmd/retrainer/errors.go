package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/internal/nearest"
)

// tellError says on standard error why a command ended: a sentence behind the program's name, or with --json an object.
func tellError(out io.Writer, root *cobra.Command, args []string, err error, code int) {
	if !asksForJSON(root, args) {
		fmt.Fprintf(out, "retrainer: %v\n", err)
		return
	}
	told := map[string]any{"error": err.Error(), "exit": code}
	if m := (*mistakes)(nil); errors.As(err, &m) {
		told["error"], told["mistakes"] = m.summary(), m.places()
	}
	_ = writeJSON(out, told) // there is nobody else to tell
}

// asksForJSON tells whether --json is asked for, by a command line, the environment or the file: any of them may be wrong in another
// place, so that nothing else of them is looked at.
func asksForJSON(root *cobra.Command, args []string) bool {
	cmd, _, err := root.Find(args)
	if err != nil {
		cmd = root
	}
	cmd.InheritedFlags() // has cobra merge them into those of the command
	seen := pflag.NewFlagSet("", pflag.ContinueOnError)
	seen.ParseErrorsAllowlist.UnknownFlags = true
	seen.SetOutput(io.Discard)
	cmd.Flags().VisitAll(func(f *pflag.Flag) { // with their names, so that values are told from flags, and any text as value
		seen.String(f.Name, "", "")
		seen.Lookup(f.Name).NoOptDefVal = f.NoOptDefVal
	})
	_ = seen.Parse(args) // what was read before a mistake counts
	for _, name := range []string{"json", "config"} {
		f := seen.Lookup(name)
		if v, ok := os.LookupEnv(variable(name)); ok && !f.Changed {
			f.Changed = true
			_ = f.Value.Set(v) // a string takes any text
		}
	}
	text := seen.Lookup("json")
	if path := seen.Lookup("config"); !text.Changed {
		_ = text.Value.Set(jsonOfFile(cmp.Or(path.Value.String(), defaultConfig)))
	}
	asked, err := strconv.ParseBool(text.Value.String())
	return err == nil && asked
}

// jsonOfFile is what a configuration file says of --json, whatever else it says; "": nothing.
func jsonOfFile(path string) (text string) {
	f, err := readYAML(path)
	if err != nil {
		return ""
	}
	for _, pair := range pairs(f.root) {
		if keyName(pair) == "json" {
			text, _ = scalar(pair.Value)
		}
	}
	return text
}

// writeJSON writes an object in a line, with the characters as they are.
func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// unknownCommand names the command that somebody may have meant, where cobra does not know one.
func unknownCommand(root *cobra.Command, err error) error {
	var word string
	if err == nil || errors.As(err, new(*failure)) {
		return err
	}
	if n, _ := fmt.Sscanf(err.Error(), "unknown command %q for", &word); n == 0 {
		return err
	}
	known := subcommands(root)
	if near := nearest.Word(word, known); near != "" {
		return usage("%q is no command; did you mean %s?", word, near)
	}
	return usage("%q is no command; `retrainer --help` lists those that there are", word)
}

// place is a mistake, or a doubt, in a file for programs. Line and column count from 1; without them it is about the file as a whole.
type place struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
}

func (m *mistakes) places() []place {
	all := []place{}
	for _, x := range m.all {
		all = append(all, place{m.path, x.line, x.column, x.text})
	}
	return all
}

func (m *mistakes) summary() string {
	return fmt.Sprintf("%s has %s", m.path, phrases.Count(len(m.all)+m.more, "mistake"))
}

// unread says which file that was given cannot be read, and why, without the call that found it out.
func unread(what string, err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return usage("%s: %s cannot be read: %v", what, p.Path, p.Err)
	}
	return usage("%s: %v", what, err)
}
