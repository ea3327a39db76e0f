// Package nearest finds the known word that somebody may have meant. It knows words alone, neither where they come from nor
// how a mistake is told.
package nearest

import "slices"

// Word gives the known word that takes the fewest edits to become word, of several the first; "" if all take
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

// edits counts insertions, deletions, changes, and swaps of two neighbours, with no byte edited twice (optimal string alignment).
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1) // of the prefixes of a, two back to this one
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
