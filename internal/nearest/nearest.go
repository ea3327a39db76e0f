// Package nearest finds the known word that somebody may have meant. It knows words alone, neither where they come from nor
// how a mistake is told.
package nearest

import "slices"

// Word gives the known word that takes the fewest edits (Levenshtein) to become word, of several the first; "" if all take
// more than half of word's bytes.
func Word(word string, known []string) string {
	best, least := "", len(word)/2+1
	for _, k := range known {
		if least <= len(word)-len(k) || least <= len(k)-len(word) {
			continue // the lengths alone are further apart
		}
		if d := edits(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// Words gives the nearest of the known words, at most so many, the nearest first.
func Words(word string, known []string, most int) []string {
	var near []string
	for known = slices.Clone(known); len(near) < most; {
		next := Word(word, known)
		if next == "" {
			break
		}
		near = append(near, next)
		known = slices.DeleteFunc(known, func(k string) bool { return k == next })
	}
	return near
}

func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
