package main

import (
	"cmp"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// Pages are as wide as the terminal, within these limits; and so wide where there is none.
const (
	leastColumns = 40
	mostColumns  = 100
)

// manualPage writes the help of commands.
type manualPage struct {
	out     strings.Builder
	columns int
	bold    bool
}

// showHelp writes a command's page.
func showHelp(cmd *cobra.Command) error {
	out := cmd.OutOrStdout()
	p := newManualPage(out)
	p.page(cmd)
	_, err := io.WriteString(out, p.out.String())
	return err
}

func newManualPage(out io.Writer) *manualPage {
	p := &manualPage{columns: mostColumns}
	if file, ok := asTerminal(out); ok {
		p.bold = coloured()
		if n, _, err := term.GetSize(int(file.Fd())); err == nil && n > 0 {
			p.columns = min(max(n, leastColumns), mostColumns)
		}
	}
	return p
}

// wordsOf are a command's name behind the program's: the key of its manual.
func wordsOf(cmd *cobra.Command) string {
	_, words, _ := strings.Cut(cmd.CommandPath(), " ")
	return words
}

func (p *manualPage) page(cmd *cobra.Command) {
	m := manuals[wordsOf(cmd)]
	p.wrap(cmd.CommandPath()+" - "+lowerFirst(cmd.Short), "")
	p.heading("Usage")
	p.wrap(usageOf(cmd, &m), "  ")
	if m.about != "" {
		p.heading("Description")
		for i, paragraph := range strings.Split(m.about, "\n\n") {
			if i > 0 {
				p.out.WriteByte('\n')
			}
			p.wrap(paragraph, "  ")
		}
	}
	p.commands(cmd)
	p.flags(cmd)
	if len(m.environment) > 0 {
		p.heading("Environment")
		p.rows(m.environment)
	}
	if len(m.files) > 0 {
		p.heading("Files")
		p.rows(m.files)
	}
	if !cmd.HasAvailableSubCommands() || !cmd.HasParent() {
		p.heading("Exit status")
		p.rows(statuses(&m))
	}
	if len(m.examples) > 0 {
		p.heading("Examples")
		for _, e := range m.examples {
			p.wrap("# "+e.why, "  ")
			p.out.WriteString("  " + e.line + "\n") // whole: it is to be copied
		}
	}
	if len(m.see) > 0 {
		p.heading("See also")
		p.wrap(strings.Join(m.see, ", "), "  ")
	}
}

// usageOf is a command's line, or that of each below it.
func usageOf(cmd *cobra.Command, m *manual) string {
	switch {
	case m.usage != "":
		return m.usage
	case cmd.HasAvailableSubCommands():
		return cmd.CommandPath() + " " + strings.Join(subcommands(cmd), "|") + " ..."
	}
	return cmd.UseLine() + " [flags]"
}

func statuses(m *manual) [][2]string {
	all := [][2]string{{"0", "done; also after ^C or SIGTERM where it runs until it is told to stop"}}
	if m.failed != "" {
		all = append(all, [2]string{"1", m.failed + "; also where ^C came before it was done"})
	}
	return append(all, [2]string{"2", "a mistake in flags, files, topics or rights: nothing was done"})
}

// commands lists those below a command; of the program by sections.
func (p *manualPage) commands(cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	if cmd.HasParent() {
		p.heading("Commands")
		p.listed(cmd, subcommands(cmd))
		return
	}
	for _, s := range sections {
		p.heading(s.title)
		p.listed(cmd, s.commands)
	}
}

func (p *manualPage) listed(cmd *cobra.Command, names []string) {
	var rows [][2]string
	for _, name := range names {
		for _, sub := range cmd.Commands() {
			if sub.Name() == name {
				rows = append(rows, [2]string{name, lowerFirst(sub.Short)})
			}
		}
	}
	p.rows(rows)
}

// flags lists a command's own, then those of all commands that it makes use of: on the program's own page what each is for.
func (p *manualPage) flags(cmd *cobra.Command) {
	shared := [][2]string{}
	for _, title := range append([]string{""}, headings...) {
		var rows [][2]string
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if heading[f.Name] == title && !f.Hidden && f.Name != "version" && uses(cmd, f.Name) {
				rows = append(rows, flagRow(f))
				names = append(names, "--"+f.Name)
			}
		})
		switch {
		case len(rows) == 0:
		case title == "" || !cmd.HasParent():
			p.heading(cmp.Or(title, "Flags"))
			p.rows(rows)
		default:
			shared = append(shared, [2]string{strings.ToLower(title), strings.Join(names, ", ")})
		}
	}
	if len(shared) > 0 {
		p.heading("Flags of all commands")
		p.wrap("`retrainer --help` says what each is for. Every flag --a-b is also VTY_A_B in the environment and a_b in retrainer.yaml.", "  ")
		p.rows(shared)
	}
}

// takes are the words for what a flag takes where its own text has none.
var takes = map[string]string{"duration": "DURATION", "int": "NUMBER", "int16": "NUMBER", "uint64": "NUMBER", "float64": "NUMBER", "string": "WORD", "bool": ""}

// flagRow is a flag with what it takes, and what it is for.
func flagRow(f *pflag.Flag) [2]string {
	if f.Name == "help" {
		return [2]string{"--help", "this page"}
	}
	name, text := pflag.UnquoteUsage(f)
	if !strings.Contains(f.Usage, "`") {
		var known bool
		if name, known = takes[f.Value.Type()]; !known {
			name = f.Value.Type()
		}
	}
	if d := strings.Trim(f.DefValue, "[]"); d != "" && d != "0" && d != "0s" && d != "false" {
		text += " (" + d + ")"
	}
	return [2]string{strings.TrimSpace("--" + f.Name + " " + name), text}
}

// lowerFirst is a text as it stands behind a dash.
func lowerFirst(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToLower(text[:1]) + text[1:]
}

func (p *manualPage) heading(title string) {
	p.out.WriteByte('\n')
	title = strings.ToUpper(title)
	if p.bold {
		title = "\x1b[1m" + title + "\x1b[0m"
	}
	p.out.WriteString(title + "\n")
}

// widestLeft is how wide the left column of rows gets; a longer cell has a line of its own.
const widestLeft = 26

// rows writes two columns, the right one wrapped.
func (p *manualPage) rows(rows [][2]string) {
	width := 0
	for _, r := range rows {
		if n := len(r[0]); n <= widestLeft {
			width = max(width, n)
		}
	}
	width = max(width, 1)
	for _, r := range rows {
		left, indent := "  "+r[0], strings.Repeat(" ", width+4)
		if len(r[0]) > width {
			p.out.WriteString(left + "\n")
			left = ""
		}
		var text manualPage
		text.columns = p.columns
		text.wrap(r[1], indent)
		wrapped := text.out.String()
		if left != "" {
			wrapped = left + wrapped[len(left):]
		}
		p.out.WriteString(wrapped)
	}
}

// wrap writes a paragraph behind an indent.
func (p *manualPage) wrap(text, indent string) {
	line := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > p.columns:
			p.out.WriteString(line + "\n")
			line = indent + word
		default:
			line += " " + word
		}
	}
	p.out.WriteString(line + "\n")
}

// helpCommand is help as a command.
func helpCommand() *cobra.Command {
	return &cobra.Command{Use: "help [COMMAND]", Short: "Print the page of a command", DisableFlagsInUseLine: true,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if of, _, err := cmd.Root().Find(args); err == nil {
				return described(of), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil {
				return unknownCommand(cmd.Root(), err)
			}
			if len(rest) > 0 {
				return usage("%s has no command %q%s", of.CommandPath(), rest[0], meant(rest[0], subcommands(of)))
			}
			return of.Help()
		}}
}
