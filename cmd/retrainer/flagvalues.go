package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/visutility/retrainer/consumer"
)

// size is a number of bytes, written with or without a unit.
type size int

func (s *size) String() string {
	if *s%(1<<20) == 0 {
		return fmt.Sprintf("%dMiB", int(*s)>>20)
	}
	return strconv.Itoa(int(*s))
}

func (s *size) Type() string { return "SIZE" }

func (s *size) Set(text string) error {
	digits, unit := strings.TrimRight(text, "abkiBKM"), 1
	switch suffix := text[len(digits):]; suffix {
	case "", "B":
	case "KiB":
		unit = 1 << 10
	case "MiB":
		unit = 1 << 20
	default:
		return fmt.Errorf("the unit %q is none of B, KiB, MiB", suffix)
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 1<<30/unit {
		return fmt.Errorf("a whole number from 1B to 1024MiB is needed, like 512KiB")
	}
	*s = size(n * unit)
	return nil
}

// moment is where reading begins: one of two words or a time. tail takes an offset as well.
type moment struct {
	text, first, last string // first and last are the words for the log's two ends
	from              consumer.From
	offsets           bool
}

func (m *moment) String() string { return m.text }
func (m *moment) Type() string   { return "WHERE" }

func (m *moment) Set(text string) error {
	at, timeErr := time.Parse(time.RFC3339Nano, text)
	offset, offsetErr := strconv.ParseInt(text, 10, 64)
	switch {
	case text == m.first:
		m.from = consumer.From{}
	case text == m.last:
		m.from = consumer.From{End: true}
	case timeErr == nil:
		m.from = consumer.From{Time: at}
	case m.offsets && offsetErr == nil && offset >= 0:
		m.from = consumer.From{Offset: offset}
	default:
		or := " or"
		if m.offsets {
			or = ", an offset or"
		}
		return fmt.Errorf("%s, %s%s a time like 2026-11-24T10:04:05Z is needed%s", m.first, m.last, or, meant(strings.ToLower(text), []string{m.first, m.last}))
	}
	m.text = text
	return nil
}
