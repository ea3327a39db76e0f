package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
)

func TestNothingFromOutsideReachesTheTerminalAsItIs(t *testing.T) {
	for text, want := range map[string]string{
		"plain words, ümlaut, 模型": "plain words, ümlaut, 模型",
		"\x1b[31mred\x07":         `\x1b[31mred\a`,
		"two\nlines\tand\rback":   `two\nlines\tand\rback`,
		"\u202eevil\u2066":        `\u202eevil\u2066`,
		"\u0085\u009b":            `\u0085\u009b`,
		"\xff\xfe":                `\xff\xfe`,
		"\ufffd":                  "\ufffd",
	} {
		if got := phrases.Visible(text); got != want {
			t.Errorf("%q is shown as %q, expected %q", text, got, want)
		}
		var b strings.Builder
		p := &page{out: &b}
		p.line("%s", text)
		p.table("", []string{text, text})
		p.list([]string{text}, [][]string{{text}, {text}}, 1, text)
		p.heading("%s", text)
		if strings.ContainsAny(b.String(), "\x1b\x07\t\r\u202e\u2066\u009b\u0085") || !utf8.ValidString(b.String()) || strings.Count(b.String(), "\n") != 7 {
			t.Errorf("%q is shown as %q", text, b.String())
		}
	}
}

func TestLongListsAndCellsAreCutAndSayHowMuch(t *testing.T) {
	var b strings.Builder
	p := &page{out: &b}
	rows := make([][]string, 1243)
	for i := range rows {
		rows[i] = []string{strings.Repeat("a", 30) + strings.Repeat("z", 30), fmt.Sprintf("%d %s", i, strings.Repeat("w", 100))}
	}
	p.list([]string{"NAME", "LAST"}, rows, 40, "; --json prints all")
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 42 || lines[41] != "  and 1,203 more; --json prints all" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	if want := "  " + strings.Repeat("a", 24) + "…" + strings.Repeat("z", 23) + "  0 " + strings.Repeat("w", 100); lines[1] != want {
		t.Errorf("%q", lines[1])
	}
	b.Reset()
	p.list([]string{"NAME"}, rows[:40], 40, "")
	if strings.Contains(b.String(), "more") || strings.Count(b.String(), "\n") != 41 {
		t.Error("a list that fits is cut")
	}
}

type fullDisk struct{ writes int }

var errFull = errors.New("full")

func (f *fullDisk) Write([]byte) (int, error) { f.writes++; return 0, errFull }

func TestAnErrorOfWritingStaysAndEndsTheWriting(t *testing.T) {
	disk := &fullDisk{}
	p := &page{out: disk}
	p.line("a")
	p.table("", []string{"b"})
	p.heading("c")
	if !errors.Is(p.err, errFull) || disk.writes != 1 {
		t.Errorf("%v after %d writes", p.err, disk.writes)
	}
}
