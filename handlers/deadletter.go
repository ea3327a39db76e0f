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

// oversized is the dead letter of an event that is larger than a setting allows: with another one it may be folded.
func oversized(ref schemas.Ref, size, most int) *record.Dead {
	return &record.Dead{Reason: retrain.Oversized, Stage: record.StageValidate, SchemaID: ref.String(), Outside: true, Message: fmt.Sprintf(
		"the value has %d bytes, at most %d are taken (--max-event-bytes): put large data where data_ref can point to it", size, most)}
}

// undecodable is the dead letter of a value that is no record of a known schema, or the schema that is needed first. How values are
// framed, and which schemas are known, is a matter of settings and of this build: such a dead letter rests on what is outside.
func undecodable(ref schemas.Ref, err error) (*record.Dead, *record.Needs) {
	d := &record.Dead{Reason: reasonMalformed, Stage: record.StageDecode, Message: err.Error(), SchemaID: ref.String()}
	var needs *schemas.NeedsSchemaError
	var framing *schemas.FramingError
	var unknown *schemas.UnknownSchemaError
	var incompatible *schemas.IncompatibleError
	switch {
	case errors.As(err, &needs):
		return nil, &record.Needs{Schema: schemaKey(needs.Ref), Name: needs.Ref.String()}
	case errors.As(err, &framing):
		d.Reason, d.SchemaID, d.Outside = reasonFraming, "", true
		if framing.SchemaID >= 0 {
			d.SchemaID = fmt.Sprint(framing.SchemaID)
		}
	case errors.As(err, &unknown):
		d.Reason, d.Outside = reasonUnknown, true
	case errors.As(err, &incompatible):
		d.Reason = reasonIncompatible
	}
	return d, nil
}

// refused is the dead letter of a record that can be read but not be used.
func refused(ref schemas.Ref, bad *retrain.Invalid) *record.Dead {
	return &record.Dead{Reason: bad.Reason, Stage: record.StageValidate, Message: bad.Message, SchemaID: ref.String()}
}
