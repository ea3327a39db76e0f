package main

import (
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/schemas"
)

// auto tells framings apart by their first bytes and the record header.
const auto = "auto"

// eventsWireFlag is for commands that read events.
func (s *service) eventsWireFlag(f *pflag.FlagSet) {
	f.StringVar(&s.eventsWire, "events-wire", auto, "`FRAMING` of events: auto (single-object or Confluent's, by their first bytes or the header "+
		schemas.SchemaIDHeader+"), or bare:FILE.avsc, Avro of that schema and nothing else")
}

// checkEventsWire reads the schema of bare events.
func (s *service) checkEventsWire() error {
	if s.eventsWire == auto {
		return nil
	}
	file, ok := strings.CutPrefix(s.eventsWire, "bare:")
	if !ok || file == "" {
		return oneOf("events-wire", s.eventsWire, auto, "bare:FILE.avsc")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return unread("--events-wire", err)
	}
	if s.bare, err = schemas.Parse(string(text)); err != nil {
		return usage("--events-wire %s: %v", s.eventsWire, err)
	}
	for _, topics := range []struct {
		names []string
		flag  string
		wants []schemas.Want
	}{{s.drift, "--drift-topic", schemas.DriftWants()}, {s.performance, "--performance-topic", schemas.PerformanceWants()}} {
		if len(topics.names) == 0 {
			continue
		}
		if _, err := s.bare.Compile(topics.wants); err != nil {
			return usage("--events-wire %s cannot be the events of %s: %v; where it is for the other topics alone, give %s ''",
				s.eventsWire, strings.Join(topics.names, ", "), err, topics.flag)
		}
	}
	return nil
}
