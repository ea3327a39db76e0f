package schemas

import "encoding/binary"

// reframe turns a value of ours from single-object encoding into Confluent's framing with the id that a registry has for its
// schema. The value's bytes are used for it.
func reframe(value []byte, id uint32) []byte {
	value = value[HeaderSize-confluentHeaderSize:]
	value[0] = 0
	binary.BigEndian.PutUint32(value[1:], id)
	return value
}

// IDs are the ids that a registry has for the schemas of topics' values; nil where it is not framed so.
type IDs map[string]uint32

// Frame gives a value of ours in single-object encoding the framing that its topic gets, and uses its bytes for it.
func (ids IDs) Frame(topic string, value []byte) []byte {
	if id, ok := ids[topic]; ok {
		return reframe(value, id)
	}
	return value
}

// Unframe gives a value that is known to be by a schema in single-object encoding, whether Frame has turned it or not.
func Unframe(value []byte, s *Schema) []byte {
	if len(value) < confluentHeaderSize || value[0] != 0 {
		return value
	}
	return append(AppendHeader(make([]byte, 0, len(value)+HeaderSize-confluentHeaderSize), s.fingerprint), value[confluentHeaderSize:]...)
}
