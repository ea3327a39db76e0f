package phrases

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/visutility/retrainer/retrain"
)

// Visible is a text with everything escaped that would not be seen: control characters, marks that turn the direction of
// writing, bytes that are not UTF-8.
func Visible(text string) string {
	clean := true
	for _, r := range text {
		clean = clean && r != utf8.RuneError && strconv.IsPrint(r)
	}
	if clean {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// Count says a number of things.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%s %ss", retrain.Thousands(n), thing)
}

// OrDash is a text for a table.
func OrDash(s *string) string {
	if s == nil || *s == "" {
		return "-"
	}
	return *s
}

func OrDate(ms *int64) string {
	if ms == nil {
		return "-"
	}
	return retrain.Clock(*ms)
}

func Figures(m map[string]float64) string {
	if len(m) == 0 {
		return "-"
	}
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+" "+retrain.Amount(m[k]))
	}
	return strings.Join(parts, ", ")
}

// Fact is a row of a table, or none.
func Fact[T any](name string, value *T, say func(T) string) []string {
	if value == nil {
		return nil
	}
	return []string{name, say(*value)}
}

// Same says a text as it is.
func Same(text string) string { return text }
