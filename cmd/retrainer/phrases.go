package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// count says a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
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
