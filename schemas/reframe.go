package schemas

import "encoding/binary"

// Reframe turns a value of ours from single-object encoding into Confluent's framing with the id that a registry has for its
// schema. The value's bytes are used for it.
func Reframe(value []byte, id uint32) []byte {
	value = value[HeaderSize-confluentHeaderSize:]
	value[0] = 0
	binary.BigEndian.PutUint32(value[1:], id)
	return value
}
