// Package docs holds the documents that the program quotes to people. It knows nothing but their text.
package docs

import _ "embed"

// Decisions is decisions.md: what each word in a decision, an alert, a result and a dead letter means, and what to do.
//
//go:embed decisions.md
var Decisions string
