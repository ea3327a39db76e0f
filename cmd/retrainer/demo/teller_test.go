package demo

import (
	"strings"
	"testing"
)

func TestLinesAreBrokenWhereTheTerminalEnds(t *testing.T) {
	const words = "the evidence of its checks is at or above the limit since 2026-11-29 11:34:38 UTC"
	for _, width := range []int{0, 40, 50, 200} {
		var out strings.Builder
		newTeller(t.Context(), func(err error) { t.Error(err) }, &Config{Out: &out, Width: width}).why(words)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		for _, line := range lines {
			if width > 0 && len(strings.TrimRight(line, " ")) > width {
				t.Errorf("%d columns: %q is longer", width, line)
			}
			if !strings.HasPrefix(line, strings.Repeat(" ", margin)) {
				t.Errorf("%d columns: %q does not stand below the line before", width, line)
			}
		}
		if got := strings.Join(strings.Fields(out.String()), " "); got != "why: "+words {
			t.Errorf("%d columns: %q", width, got)
		}
		if broken := len(lines) > 1; broken != (width == 40 || width == 50) {
			t.Errorf("%d columns: %d lines", width, len(lines))
		}
	}
}
