// Package phrases is how people are told of records: the same words wherever a decision, an alert or a command is shown, on a terminal and on a
// page. It knows what the fields mean, and not where a text goes.
package phrases
