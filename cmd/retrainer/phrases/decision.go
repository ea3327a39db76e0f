package phrases

import (
	"fmt"
	"strings"

	"github.com/visutility/retrainer/retrain"
)

// About is what an event is about.
func About(stream, model, version *string) string {
	var parts []string
	if stream != nil {
		parts = append(parts, "stream "+*stream)
	}
	if model != nil {
		parts = append(parts, "model "+*model)
	}
	if version != nil {
		parts = append(parts, *version)
	}
	return strings.Join(parts, " ")
}

// Decided says a decision in words, with the word of the records behind.
func Decided(action retrain.RetrainAction, reason retrain.Reason) string {
	var words string
	switch reason {
	case retrain.ReasonAlert:
		words = fmt.Sprintf("%s retrain: an alert counts", action)
	case retrain.ReasonRequested:
		words = fmt.Sprintf("%s retrain: a person asked for it", action)
	case retrain.ReasonQuiet:
		words = "no retrain: no alert counts"
	case retrain.ReasonStale:
		words = "no retrain: the alerts were too old when they came"
	case retrain.ReasonUndeployed:
		words = "no retrain yet: a version just trained waits to be deployed"
	case retrain.ReasonInFlight:
		words = "no second retrain: a command is open"
	case retrain.ReasonCooldown:
		words = "no retrain yet: the last command ended a short time ago"
	case retrain.ReasonUnknownModel:
		words = "refused: there is no model of that name"
	default:
		words = string(action)
	}
	return fmt.Sprintf("%s (%s)", words, reason)
}

// Judged is what an alert saw: the field with its value, and its limit.
func Judged(e *retrain.Evidence) (value, limit string) {
	value, limit = e.Field, "its own past"
	if e.Value != nil {
		value += " " + retrain.Amount(*e.Value)
	}
	if e.Level != nil && e.Value != nil {
		limit = Bound(*e.Value < *e.Level, *e.Level) // a value that fires lies beyond the level
	}
	return value, limit
}

// Bound says where bad values lie.
func Bound(below bool, level float64) string {
	if below {
		return "below " + retrain.Amount(level)
	}
	return "above " + retrain.Amount(level)
}

// RuleName is the name that the policy gives a rule; "" where it has none and its text is the rule itself.
func RuleName(text string) string {
	if strings.HasPrefix(text, "{") {
		return ""
	}
	return text
}
