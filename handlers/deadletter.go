package handlers

import (
	"errors"
	"fmt"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// Reasons of dead letters that cannot be read. Where several hold, the first of them is given: a tombstone before all, then in
// this order, then retrain.Oversized, then as retrain.Event.Check has them.
const (
	reasonTombstone    = "tombstone"
	reasonFraming      = "framing"
	reasonUnknown      = "schema_unknown"
	reasonIncompatible = "schema_incompatible"
	reasonMalformed    = "malformed"
)

// DeadLetterReasons are all reasons of dead letters, in the order in which one is given where several hold.
func DeadLetterReasons() []string {
	return []string{reasonTombstone, reasonFraming, reasonUnknown, reasonIncompatible, reasonMalformed, retrain.Oversized,
		retrain.InvalidValue, retrain.NoValue, retrain.NoSource, retrain.UnknownKind, record.ReasonPanic}
}

func tombstone() *record.Dead {
	return &record.Dead{Reason: reasonTombstone, Stage: record.StageDecode,
		Message: "the record has no value; nothing can be deleted here: an event stays true, so send none"}
}

func oversized(value []byte, most int) *record.Dead {
	return &record.Dead{Reason: retrain.Oversized, Stage: record.StageValidate, SchemaID: schemaID(value), Message: fmt.Sprintf(
		"the value has %d bytes, at most %d are taken (--max-event-bytes): put large data where data_ref can point to it", len(value), most)}
}

// undecodable is the dead letter of a value that is no record of a known schema.
func undecodable(value []byte, err error) *record.Dead {
	d := &record.Dead{Reason: reasonMalformed, Stage: record.StageDecode, Message: err.Error(), SchemaID: schemaID(value)}
	var framing *schemas.FramingError
	var unknown *schemas.UnknownSchemaError
	var incompatible *schemas.IncompatibleError
	switch {
	case errors.As(err, &framing):
		d.Reason, d.SchemaID = reasonFraming, ""
		if framing.SchemaID >= 0 {
			d.SchemaID = fmt.Sprint(framing.SchemaID)
		}
	case errors.As(err, &unknown):
		d.Reason = reasonUnknown
	case errors.As(err, &incompatible):
		d.Reason = reasonIncompatible
	}
	return d
}

// refused is the dead letter of a record that can be read but not be used.
func refused(value []byte, bad *retrain.Invalid) *record.Dead {
	return &record.Dead{Reason: bad.Reason, Stage: record.StageValidate, Message: bad.Message, SchemaID: schemaID(value)}
}

// schemaID is the fingerprint of the value's schema in hex, empty without single-object framing.
func schemaID(value []byte) string {
	fingerprint, _, err := schemas.SplitHeader(value)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%016x", fingerprint)
}
