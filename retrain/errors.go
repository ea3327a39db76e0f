package retrain

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// PolicyErrors are all mistakes that one reading of a policy found, never none.
type PolicyErrors []*PolicyError

func (e PolicyErrors) Error() string {
	lines := make([]string, len(e))
	for i, x := range e {
		lines[i] = x.Error()
	}
	return strings.Join(lines, "\n")
}

// PolicyError says what is wrong in a policy and where.
type PolicyError struct {
	Path    Path
	Problem string
	Near    string   // the known word that was perhaps meant
	Known   []string // for an unknown key, those that may stand there
}

func (e *PolicyError) Error() string {
	text := "policy: "
	if len(e.Path) > 0 {
		text = e.Path.String() + ": "
	}
	text += e.Problem
	if e.Near != "" {
		text += "; did you mean " + e.Near + "?"
	}
	if len(e.Known) > 0 {
		text += " (known here: " + strings.Join(e.Known, ", ") + ")"
	}
	return text
}

// Path is a place in a policy, from the outermost inwards: a string is a key, an int the place of an element in a list, from 0.
// The empty one is the policy as a whole.
type Path []any

// String is the path like observe[0].rules[1].threshold.clear.
func (p Path) String() string {
	var b strings.Builder
	for i, step := range p {
		key, ok := step.(string)
		switch {
		case !ok:
			fmt.Fprintf(&b, "[%d]", step)
			continue
		case i > 0:
			b.WriteByte('.')
		}
		b.WriteString(shownKey(key))
	}
	return b.String()
}

// shownKey is a key as it is where that can be read, else in quotes.
func shownKey(key string) string {
	if key == "" || len(key) > shownAtMost {
		return shownText(key)
	}
	for _, r := range key {
		if !unicode.IsPrint(r) || strings.ContainsRune(" .[]\"", r) {
			return shownText(key)
		}
	}
	return key
}

// shownAtMost is how much of a text that somebody gave an error shows.
const shownAtMost = 60

func shownText(text string) string { return strconv.Quote(cut(text, shownAtMost)) }

// Errors after which a ledger cannot be folded further: the process stops.
var (
	ErrPolicyUnreadable = errors.New("the policy in the ledger cannot be read by this build (run one that is at least as new as the one that proposed it)")
	ErrLedgerID         = errors.New("the ledger id is not a UUID (this ledger begins with what another program wrote: start with another --app)")
)
