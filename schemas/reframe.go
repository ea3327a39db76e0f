package schemas

import "encoding/binary"

// Reframe turns a value of ours from single-object encoding into Confluent's framing with the id that a registry has for its
// schema. The value's bytes are used for it.
func Reframe(value []byte, id uint32) []byte {
	value = value[HeaderSize-ConfluentHeaderSize:]
	value[0] = 0
	binary.BigEndian.PutUint32(value[1:], id)
	return value
}

// IDs are the ids that a registry has for the schemas of topics' values; nil where it is not framed so.
type IDs map[string]uint32

// Frame gives a value of ours in single-object encoding the framing that its topic gets, and uses its bytes for it.
func (ids IDs) Frame(topic string, value []byte) []byte {
	if id, ok := ids[topic]; ok {
		return Reframe(value, id)
	}
	return value
}

// Unframe gives a value that is known to be by a schema in single-object encoding, whether it was turned by Reframe or not.
func Unframe(value []byte, s *Schema) []byte {
	if len(value) < ConfluentHeaderSize || value[0] != 0 {
		return value
	}
	return append(AppendHeader(make([]byte, 0, len(value)+HeaderSize-ConfluentHeaderSize), s.fingerprint), value[ConfluentHeaderSize:]...)
}
