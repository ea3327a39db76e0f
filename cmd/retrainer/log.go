package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
)

// log is what standard error is told.
func (c *configuration) log(cmd *cobra.Command) zerolog.Logger {
	return c.logTo(newBar(cmd.ErrOrStderr()))
}

// logTo writes above a bar: lines to be read where that is on a terminal, else JSON, a line each.
func (c *configuration) logTo(b *bar) zerolog.Logger {
	var out io.Writer = b
	if b.terminal && !c.json {
		out = readable(b, coloured())
	}
	return zerolog.New(out).Level(c.level).Hook(zerolog.HookFunc(func(e *zerolog.Event, _ zerolog.Level, _ string) {
		e.Time(zerolog.TimestampFieldName, time.Now().UTC())
	}))
}

// readable makes lines for people of JSON. What it is told may come from anyone, and no byte of it is a command to the terminal: zerolog quotes
// fields that are texts, and neither messages nor lists.
func readable(out io.Writer, colour bool) io.Writer {
	return zerolog.ConsoleWriter{Out: out, NoColor: !colour, TimeFormat: time.RFC3339, TimeLocation: time.UTC,
		FormatPrepare: func(line map[string]any) error {
			if text, ok := line[zerolog.MessageFieldName].(string); ok {
				line[zerolog.MessageFieldName] = phrases.Visible(text)
			}
			return nil
		},
		FormatFieldValue: func(value any) string { return phrases.Visible(fmt.Sprintf("%s", value)) },
	}
}

// asTerminal is out as a file, if it is a terminal.
func asTerminal(out io.Writer) (*os.File, bool) {
	file, ok := out.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

// coloured tells whether a terminal is to be written to in colour.
func coloured() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }
