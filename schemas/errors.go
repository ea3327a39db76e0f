package schemas

import (
	"fmt"
	"strings"
)

// FramingError says that a value does not begin with a known prefix, or that what follows the prefix is cut off.
type FramingError struct {
	SchemaID int64 // the id in Confluent's framing; -1: it has none
	Message  string
}

func (e *FramingError) Error() string { return e.Message }

// UnknownSchemaError says that a value carries the fingerprint of a schema that nobody gave.
type UnknownSchemaError struct{ Fingerprint uint64 }

func (e *UnknownSchemaError) Error() string {
	return fmt.Sprintf("fingerprint %016x is that of no schema known here: known are those that this build was made with (schemas/*.avsc); "+
		"write by one of these, or run the build that has that schema", e.Fingerprint)
}

// NeedsSchemaError says that a value names a schema that a registry has, and that was not given yet.
type NeedsSchemaError struct{ Ref Ref }

func (e *NeedsSchemaError) Error() string { return "schema " + e.Ref.String() + " is needed" }

// IncompatibleError says that a writer's schema cannot give what is wanted.
type IncompatibleError struct {
	Schema  string // full name of the writer's record
	Field   string
	Message string
}

func (e *IncompatibleError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("schema %s: %s", e.Schema, brief(e.Message))
	}
	return fmt.Sprintf("schema %s, field %s: %s", e.Schema, e.Field, brief(e.Message))
}

// MalformedError says that bytes are not a value of their schema.
type MalformedError struct {
	Offset  int    // in the Avro bytes, behind the framing
	Field   string // path of the field, "" if behind the last one
	Message string
}

func (e *MalformedError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("at byte %d: %s", e.Offset, e.Message)
	}
	return fmt.Sprintf("at byte %d, field %s: %s", e.Offset, brief(e.Field), e.Message)
}

const maxBrief = 1000 // bytes

// brief is a text of a foreign schema, as it may stand in an error: that goes with every record of the schema.
func brief(s string) string {
	if len(s) <= maxBrief {
		return s
	}
	return strings.ToValidUTF8(s[:maxBrief], "") + " ..."
}

// within puts name before the path of a MalformedError, on its way up from the field's value.
func within(name string, err error) error {
	if m, ok := err.(*MalformedError); ok {
		m.Field = below(name, m.Field)
	}
	return err
}

// below is the path of what lies within a field or an element: evidence[2].value.
func below(name, path string) string {
	switch {
	case path == "":
		return name
	case path[0] == '[':
		return name + path
	}
	return name + "." + path
}
