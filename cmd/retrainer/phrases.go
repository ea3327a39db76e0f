package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/visutility/retrainer/internal/nearest"
	"github.com/visutility/retrainer/retrain"
)

// count says a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%s %ss", retrain.Thousands(n), thing)
}

// settings says a topic's settings in order of their names.
func settings(configs map[string]string) string {
	parts := make([]string, 0, len(configs))
	for _, k := range slices.Sorted(maps.Keys(configs)) {
		parts = append(parts, k+"="+configs[k])
	}
	return strings.Join(parts, " ")
}

// with is m and one key more.
func with(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	m[key] = value
	return m
}

// timeLayout is RFC 3339 with milliseconds, for times in UTC.
const timeLayout = "2006-01-02T15:04:05.000Z"

func timeText(ms int64) string { return time.UnixMilli(ms).UTC().Format(timeLayout) }

// orDash is a text for a table.
func orDash(s *string) string {
	if s == nil || *s == "" {
		return "-"
	}
	return *s
}

func orDate(ms *int64) string {
	if ms == nil {
		return "-"
	}
	return retrain.Clock(*ms)
}

// about is what an event is about.
func about(stream, model, version *string) string {
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

// decided says a decision in words, with the word of the records behind.
func decided(action retrain.RetrainAction, reason retrain.Reason) string {
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

// judged is what an alert saw: the field with its value, and its limit.
func judged(e *retrain.Evidence) (value, limit string) {
	value, limit = e.Field, "its own past"
	if e.Value != nil {
		value += " " + retrain.Amount(*e.Value)
	}
	if e.Level != nil && e.Value != nil {
		limit = bound(*e.Value < *e.Level, *e.Level) // a value that fires lies beyond the level
	}
	return value, limit
}

// bound says where bad values lie.
func bound(below bool, level float64) string {
	if below {
		return "below " + retrain.Amount(level)
	}
	return "above " + retrain.Amount(level)
}

// share is a part of a whole in percent, from 0 to 100.
func share(part, whole float64) string {
	return fmt.Sprintf("%.0f%%", math.Floor(100*min(max(part/whole, 0), 1)))
}

// ruleName is the name that the policy gives a rule; "" where it has none and its text is the rule itself.
func ruleName(text string) string {
	if strings.HasPrefix(text, "{") {
		return ""
	}
	return text
}

// argument is a text as a shell takes it.
func argument(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@%+=,") == "" && text[0] != '-' {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// suggestions names the known words that are nearest, if any are near: at most three.
func suggestions(word string, known []string) string {
	near := nearest.Words(word, known, 3)
	switch len(near) {
	case 0:
		return ""
	case 1:
		return "; did you mean " + near[0] + "?"
	}
	return "; did you mean " + strings.Join(near[:len(near)-1], ", ") + " or " + near[len(near)-1] + "?"
}
