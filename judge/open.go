package main

import (
	"encoding/binary"
	"strings"
)

// Reasons of dead letters that the bytes alone show.
const (
	framing       = "framing"
	unknownSchema = "schema_unknown"
	malformed     = "malformed"
)

// open takes a single-object record apart: C3 01, fingerprint (little-endian), value. reason is that of a dead letter.
func (s *schemas) open(b []byte, name string) (v map[string]any, reason string) {
	if len(b) < 2 || b[0] != 0xc3 || b[1] != 1 {
		return nil, framing
	}
	if len(b) < 10 {
		return nil, malformed
	}
	sc := s.byPrint[binary.LittleEndian.Uint64(b[2:])]
	if sc == nil || name != "" && sc.name != name {
		return nil, unknownSchema
	}
	x, err := sc.decode(b[10:])
	if err != nil {
		return nil, malformed
	}
	m, ok := x.(map[string]any)
	if !ok {
		return nil, malformed
	}
	m[""] = strings.TrimPrefix(sc.name, "io.visutility.") // which record it is
	return m, ""
}
