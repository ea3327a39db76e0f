package retrain

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Moments, lengths of time and numbers as people read them, the same in explanations, errors and all that commands print.

// Clock is a moment as people read it.
func Clock(at int64) string { return time.UnixMilli(at).UTC().Format("2006-01-02 15:04:05 UTC") }

// Span is a length of time in its two greatest units.
func Span(ms int64) string {
	if ms < second {
		return fmt.Sprintf("%d ms", ms)
	}
	var parts []string
	for _, u := range []struct {
		name   string
		length int64
	}{{"d", day}, {"h", hour}, {"min", 60 * second}, {"s", second}} {
		if n := ms / u.length; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			ms -= n * u.length
		}
		if len(parts) == 2 {
			break
		}
	}
	return strings.Join(parts, " ")
}

// Amount is a number as people read it: 6 significant digits.
func Amount(v float64) string { return number(parseFloat(strconv.FormatFloat(v, 'e', 5, 64))) }

// Rough is a number where 3 significant digits are enough.
func Rough(v float64) string { return number(parseFloat(strconv.FormatFloat(v, 'e', 2, 64))) }

// Thousands is a whole number with its digits in groups of three.
func Thousands[N int | int64 | uint32 | float64](n N) string {
	digits := strconv.FormatFloat(math.Floor(float64(n)), 'f', 0, 64)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func ordinal(n int64) string {
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}
