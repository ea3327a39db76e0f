package main

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// figures are those of one side: of each column the values of all rounds.
type figures struct {
	side    string
	columns [][]time.Duration
}

func (f *figures) add(values ...time.Duration) {
	if f.columns == nil {
		f.columns = make([][]time.Duration, len(values))
	}
	for i, v := range values {
		f.columns[i] = append(f.columns[i], v)
	}
}

func (f *figures) median(column int) time.Duration {
	all := slices.Sorted(slices.Values(f.columns[column]))
	return all[len(all)/2]
}

// table prints a line a side, and how many times the second side's each column of the first is.
func table(sides []figures, titles ...string) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\t")
	for _, t := range titles {
		fmt.Fprint(w, t, "\t")
	}
	fmt.Fprintln(w)
	for i := range sides {
		fmt.Fprint(w, sides[i].side, "\t")
		for c := range titles {
			all := sides[i].columns[c]
			fmt.Fprintf(w, "%d (%d-%d)\t", sides[i].median(c).Milliseconds(), slices.Min(all).Milliseconds(), slices.Max(all).Milliseconds())
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "ratio\t")
	for c := range titles {
		if ours, theirs := sides[0].median(c), sides[1].median(c); theirs >= time.Millisecond {
			fmt.Fprintf(w, "%.1f\t", float64(ours)/float64(theirs))
		} else {
			fmt.Fprint(w, "-\t")
		}
	}
	fmt.Fprintln(w)
	_ = w.Flush() // to standard output
}
