package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/visutility/retrainer/internal/nearest"
)

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

// share is a part of a whole in percent, from 0 to 100.
func share(part, whole float64) string {
	return fmt.Sprintf("%.0f%%", math.Floor(100*min(max(part/whole, 0), 1)))
}

// argument is a text as a shell takes it.
func argument(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@%+=,") == "" && text[0] != '-' {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// meant names the known word that is nearest, if one is near.
func meant(word string, known []string) string {
	if near := nearest.Word(word, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// suggestedTopics are suggestions of topics: what an app's topics begin with is no likeness.
func suggestedTopics(topic string, known []string) string {
	own := func(topic string) string { return topic[strings.LastIndexByte(topic, '.')+1:] }
	var near []string
	for _, k := range known {
		if nearest.Word(own(topic), []string{own(k)}) != "" {
			near = append(near, k)
		}
	}
	return suggestions(topic, near)
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
