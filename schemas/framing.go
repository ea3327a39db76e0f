package schemas

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// HeaderSize is the size of single-object encoding's header: C3 01, then the fingerprint of the schema, little-endian.
const HeaderSize = 10

// confluentHeaderSize is the size of Confluent's prefix with an id: 00, then the id, big-endian.
const confluentHeaderSize = 5

const guidHeaderSize = 17 // 01, then the 16 bytes of the schema's GUID: Confluent's newer prefix, and its form in a header

// SchemaIDHeader is the record header in which Confluent's clients may name a value's schema; the value is bare Avro then.
const SchemaIDHeader = "__value_schema_id"

// RefKind is how a value names the schema that it was written by.
type RefKind uint8

const (
	RefNone        RefKind = iota // the value is bare Avro
	RefFingerprint                // single-object encoding
	RefID                         // an id that a registry gave
	RefGUID                       // a GUID that a registry gave
)

// Ref is what a value says of the schema that it was written by. It is comparable.
type Ref struct {
	Kind        RefKind
	Fingerprint uint64
	ID          uint32
	GUID        [16]byte
}

// String is the fingerprint in hex, the id in decimal or the GUID as a text; "" of a bare value.
func (r Ref) String() string {
	switch r.Kind {
	case RefFingerprint:
		return fmt.Sprintf("%016x", r.Fingerprint)
	case RefID:
		return strconv.FormatUint(uint64(r.ID), 10)
	case RefGUID:
		g := r.GUID
		return fmt.Sprintf("%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])
	}
	return ""
}

// AppendHeader appends the header of single-object encoding.
func AppendHeader(dst []byte, fingerprint uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, 0xc3, 0x01), fingerprint)
}

// AppendConfluentHeader appends Confluent's prefix.
func AppendConfluentHeader(dst []byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0), id)
}

// SplitHeader parts a value in single-object encoding into the fingerprint of its schema and its Avro bytes. The error is
// a *FramingError, which tells Confluent's framing, JSON and the rest apart.
func SplitHeader(b []byte) (fingerprint uint64, body []byte, err error) {
	if len(b) < HeaderSize || b[0] != 0xc3 || b[1] != 0x01 {
		return 0, nil, framingError(b)
	}
	return binary.LittleEndian.Uint64(b[2:]), b[HeaderSize:], nil
}

// Split parts a value into what names its schema and its Avro bytes. It knows single-object encoding, Confluent's prefix
// (00 and an id, or 01 and a GUID) and, where header is not nil, the same in the record header SchemaIDHeader: then the
// whole value is Avro, as Confluent's readers take it. The error is a *FramingError.
func Split(value, header []byte) (Ref, []byte, error) {
	if header != nil {
		ref, rest, ok := confluentRef(header)
		switch {
		case !ok || len(rest) > 0:
			return Ref{}, nil, &FramingError{SchemaID: -1, Message: fmt.Sprintf("the record header %s is % X: it must be 00 and "+
				"a 4-byte schema id, or 01 and a 16-byte GUID", SchemaIDHeader, header[:min(len(header), guidHeaderSize+1)])}
		case ref.Kind == RefID && ref.ID == 0:
			return Ref{}, nil, zeroID("the record header " + SchemaIDHeader)
		}
		return ref, value, nil
	}
	if len(value) >= HeaderSize && value[0] == 0xc3 && value[1] == 0x01 {
		return Ref{Kind: RefFingerprint, Fingerprint: binary.LittleEndian.Uint64(value[2:])}, value[HeaderSize:], nil
	}
	ref, body, ok := confluentRef(value)
	switch {
	case !ok:
		return Ref{}, nil, framingError(value)
	case ref.Kind == RefID && ref.ID == 0:
		return Ref{}, nil, zeroID("the value")
	}
	return ref, body, nil
}

// confluentRef reads an id or a GUID, and what follows it.
func confluentRef(b []byte) (ref Ref, rest []byte, ok bool) {
	switch {
	case len(b) >= confluentHeaderSize && b[0] == 0:
		return Ref{Kind: RefID, ID: binary.BigEndian.Uint32(b[1:])}, b[confluentHeaderSize:], true
	case len(b) >= guidHeaderSize && b[0] == 1:
		return Ref{Kind: RefGUID, GUID: [16]byte(b[1:guidHeaderSize])}, b[guidHeaderSize:], true
	}
	return Ref{}, nil, false
}

// zeroID: no registry gives 0. It is what an 8-byte id (Apicurio's own framing) begins with.
func zeroID(where string) *FramingError {
	return &FramingError{SchemaID: 0, Message: where + " begins with 00 00 00 00 00, which would be Confluent's framing with schema id 0, " +
		"and 0 is no id: the producer has the wrong wire setting (Apicurio's 8-byte ids begin so: set its id handler to 4 bytes)"}
}

// noRegistry is the error of a value that only a schema registry can explain, where there is none.
func (r Ref) noRegistry() *FramingError {
	e, kind := &FramingError{SchemaID: -1}, "GUID"
	if r.Kind == RefID {
		e.SchemaID, kind = int64(r.ID), "id"
	}
	e.Message = fmt.Sprintf("the value is in Confluent's framing with schema %s %s: --schema-registry URL says where that schema is", kind, r)
	return e
}

func framingError(b []byte) *FramingError {
	const known = "; known are single-object encoding (C3 01, an 8-byte schema fingerprint, then Avro) and Confluent's framing " +
		"(00 and a 4-byte schema id, or 01 and a 16-byte GUID, then Avro)"
	e := &FramingError{SchemaID: -1}
	first := fmt.Sprintf("the value begins with % X", b[:min(len(b), HeaderSize)])
	switch {
	case len(b) == 0:
		e.Message = "the value is empty" + known
	case b[0] == 0xc3 && (len(b) < 2 || b[1] == 0x01):
		e.Message = fmt.Sprintf("%s and ends there: the header of single-object encoding has %d bytes", first, HeaderSize)
	case b[0] <= 1:
		switch ref, _, ok := confluentRef(b); {
		case !ok:
			e.Message = first + " and ends within what may be Confluent's prefix" + known
		case ref == Ref{Kind: RefID}:
			return zeroID("the value")
		default:
			return ref.noRegistry()
		}
	case b[0] == '{':
		e.Message = first + ", which looks like JSON text" + known
	default:
		e.Message = first + known
	}
	return e
}
