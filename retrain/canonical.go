package retrain

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// canonical appends v as canonical JSON (RFC 8785): keys in order of their UTF-16 units, numbers as ECMAScript prints a
// double, strings escaped only where JSON asks for it. v is made of nil, bool, float64, string, []any and map[string]any.
func canonical(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case float64:
		return append(dst, number(v)...)
	case string:
		return canonicalText(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = canonical(dst, x)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, k := range keysByUTF16(v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(canonicalText(dst, k), ':')
			dst = canonical(dst, v[k])
		}
		return append(dst, '}')
	}
	panic("retrain: canonical JSON of a value that no policy has")
}

func keysByUTF16(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
	})
	return keys
}

func canonicalText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= 0x20:
			dst = utf8.AppendRune(dst, r)
		case strings.ContainsRune("\b\t\n\f\r", r):
			dst = append(dst, '\\', "btn?fr"[r-'\b'])
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		}
	}
	return append(dst, '"')
}

// number is the shortest decimal that reads back as the same double, laid out as ECMAScript lays it out (ECMA-262,
// Number::toString): plain from 1e-6 up to 1e21, else with an exponent. Minus zero is 0.
func number(x float64) string {
	if x == 0 {
		return "0"
	}
	if a := math.Abs(x); 1e-6 <= a && a < 1e21 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'e', -1, 64), "e")
	return digits + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
}
