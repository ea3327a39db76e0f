package schemas

import (
	"encoding/binary"
	"fmt"
)

// HeaderSize is the size of single-object encoding's header: C3 01, then the fingerprint of the schema, little-endian.
const HeaderSize = 10

const confluentHeaderSize = 5 // 00, then the schema id, big-endian

// AppendHeader appends the header of single-object encoding.
func AppendHeader(dst []byte, fingerprint uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, 0xc3, 0x01), fingerprint)
}

// SplitHeader parts a value in single-object encoding into the fingerprint of its schema and its Avro bytes. The error is
// a *FramingError, which tells Confluent's framing, JSON and the rest apart.
func SplitHeader(b []byte) (fingerprint uint64, body []byte, err error) {
	if len(b) < HeaderSize || b[0] != 0xc3 || b[1] != 0x01 {
		return 0, nil, framingError(b)
	}
	return binary.LittleEndian.Uint64(b[2:]), b[HeaderSize:], nil
}

func framingError(b []byte) *FramingError {
	const known = "; known is single-object encoding: C3 01, an 8-byte schema fingerprint, then Avro"
	e := &FramingError{SchemaID: -1}
	first := fmt.Sprintf("the value begins with % X", b[:min(len(b), HeaderSize)])
	switch {
	case len(b) == 0:
		e.Message = "the value is empty" + known
	case b[0] == 0xc3 && (len(b) < 2 || b[1] == 0x01):
		e.Message = fmt.Sprintf("%s and ends there: the header of single-object encoding has %d bytes", first, HeaderSize)
	case b[0] == 0x00 && len(b) >= confluentHeaderSize:
		e.SchemaID = int64(binary.BigEndian.Uint32(b[1:]))
		e.Message = fmt.Sprintf("%s, Confluent's framing (00, a 4-byte schema id) with schema id %d%s", first, e.SchemaID, known)
		if e.SchemaID == 0 {
			e.Message = first + ", which would be Confluent's framing with schema id 0, and 0 is no id: " +
				"the producer has the wrong wire setting" + known
		}
	case b[0] == '{':
		e.Message = first + ", which looks like JSON text" + known
	default:
		e.Message = first + known + " (Confluent's would begin with 00)"
	}
	return e
}
