package retrain

import "errors"

// PolicyError says what is wrong in a policy and where.
type PolicyError struct {
	Path    string // like observe[0].rules[1].threshold.clear; empty: the policy as a whole
	Problem string
	Near    string // for an unknown key, the nearest known one
}

func (e *PolicyError) Error() string {
	path, near := e.Path, ""
	if path == "" {
		path = "policy"
	}
	if e.Near != "" {
		near = "; did you mean " + e.Near + "?"
	}
	return path + ": " + e.Problem + near
}

// Errors after which a ledger cannot be folded further: the process stops.
var (
	ErrPolicyUnreadable = errors.New("the policy in the ledger cannot be read by this build")
	ErrLedgerID         = errors.New("the ledger id is not a UUID")
)
