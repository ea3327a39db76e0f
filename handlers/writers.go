package handlers

import (
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/schemas"
)

// SchemaIDHeader is what a record says of its schema beside its value; nil: nothing.
func SchemaIDHeader(r *record.Record) []byte {
	for i := range r.Headers {
		if r.Headers[i].Key == schemas.SchemaIDHeader {
			return r.Headers[i].Value
		}
	}
	return nil
}

// schemaKey names a schema in *record.Needs: by the bytes that name it in a header.
func schemaKey(ref schemas.Ref) string {
	if ref.Kind == schemas.RefGUID {
		return "\x01" + string(ref.GUID[:])
	}
	return string(schemas.AppendConfluentHeader(nil, ref.ID))
}

// SchemaOf is what a *record.Needs asks for.
func SchemaOf(key string) (schemas.Ref, error) {
	ref, _, err := schemas.Split(nil, []byte(key))
	return ref, err
}

// supply gives a projector the schema that was needed.
func supply(p *schemas.Projector, key, text string) {
	if ref, err := SchemaOf(key); err == nil { // always: the key was made here
		p.Supply(ref, text)
	}
}

// SchemaUnknown is the dead letter of a record whose schema a registry does not have.
func SchemaUnknown(ref schemas.Ref, why string) record.Dead {
	return record.Dead{Reason: reasonUnknown, Stage: record.StageDecode, Message: why, SchemaID: ref.String(), Outside: true}
}

// SchemaUnreadable is the dead letter of a record whose schema a registry has, but by which nothing can be read.
func SchemaUnreadable(ref schemas.Ref, why string) record.Dead {
	return record.Dead{Reason: reasonIncompatible, Stage: record.StageDecode, Message: why, SchemaID: ref.String(), Outside: true}
}
