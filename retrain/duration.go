package retrain

import (
	"fmt"
	"math/big"
	"strings"
)

// The longest duration of a policy: with it, times stay whole numbers that every reader of JSON takes exactly.
const maxDuration = 1 << 53 // ms

// Longer names first where one begins another.
var durationUnits = []struct {
	name string
	ms   *big.Rat
}{
	{"ns", big.NewRat(1, 1_000_000)}, {"us", big.NewRat(1, 1000)}, {"µs", big.NewRat(1, 1000)}, {"μs", big.NewRat(1, 1000)},
	{"ms", big.NewRat(1, 1)}, {"s", big.NewRat(1000, 1)}, {"m", big.NewRat(60_000, 1)}, {"h", big.NewRat(3_600_000, 1)},
	{"d", big.NewRat(86_400_000, 1)},
}

// parseDuration reads a duration as Go writes them, with d for days: whole milliseconds, not negative.
func parseDuration(text string) (int64, error) {
	if text == "0" {
		return 0, nil
	}
	rest, total := strings.TrimPrefix(text, "+"), new(big.Rat)
	if rest == "" {
		return 0, fmt.Errorf("%s is not a duration; write one like 30m, 1h30m or 7d", shownText(text))
	}
	for rest != "" {
		amount, unit, after := cutDuration(rest)
		if unit == nil {
			return 0, fmt.Errorf("%s is not a duration; write one like 30m, 1h30m or 7d", shownText(text))
		}
		total.Add(total, amount.Mul(amount, unit))
		rest = after
	}
	if !total.IsInt() {
		return 0, fmt.Errorf("%s is not a whole number of milliseconds", shownText(text))
	}
	if total.Cmp(big.NewRat(maxDuration, 1)) > 0 {
		return 0, fmt.Errorf("%s is too long: at most %d d are possible", shownText(text), maxDuration/day)
	}
	return total.Num().Int64(), nil
}

// cutDuration takes a number and its unit from the front; a nil unit says that there is none.
func cutDuration(s string) (amount, unit *big.Rat, rest string) {
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
		end++
	}
	digits := s[:end]
	if end > 40 || strings.Count(digits, ".") > 1 || strings.Trim(digits, ".") == "" {
		return nil, nil, ""
	}
	amount, ok := new(big.Rat).SetString("0" + strings.TrimSuffix(digits, "."))
	if !ok {
		return nil, nil, ""
	}
	for _, u := range durationUnits {
		if strings.HasPrefix(s[end:], u.name) {
			return amount, u.ms, s[end+len(u.name):]
		}
	}
	return nil, nil, ""
}
