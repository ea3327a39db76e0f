package consumer

import (
	"encoding/binary"
	"fmt"
)

// positionKey is the key of the one position record of a checkpoint partition; all other keys begin with keyPrefix.
const (
	positionKey    = "position"
	keyPrefix      = '/'
	positionFormat = 1
	positionLength = 1 + 16 + 8 + 8 + 4 + 16
)

// noRevision is the revision of inputs that are not Versioned.
const noRevision int32 = -1

// rebuilding says how to go on where a checkpoint is of no use any more: (4) rebuilds where the group has an offset.
const rebuilding = "to go on, stop all instances, delete the checkpoint topic, make it anew with `retrainer topics apply` and start them: " +
	"the state is built again from the records that are kept"

// position is how far a task has come. It is written by every transaction, beside the outputs, so whoever reads it after a
// fence knows the fate of every transaction before.
type position struct {
	topicID    [16]byte // of the input topic: a topic made anew is noticed
	offset     int64    // the next input offset
	checkpoint int64    // the offset of the last commit that wrote every key changed since the one before
	revision   int32    // under which records from offset on are folded; noRevision: none
	writer     [16]byte // random bytes of the process
}

// append encodes p: format byte, then the fields in order, big-endian.
func (p *position) append(b []byte) []byte {
	b = append(b, positionFormat)
	b = append(b, p.topicID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.offset))
	b = binary.BigEndian.AppendUint64(b, uint64(p.checkpoint))
	b = binary.BigEndian.AppendUint32(b, uint32(p.revision))
	return append(b, p.writer[:]...)
}

func readPosition(b []byte) (p position, err error) {
	if len(b) > 0 && b[0] > positionFormat {
		return p, fmt.Errorf("a position of format %d, written by a newer version of this program; this one reads up to %d: run the newer version", b[0], positionFormat)
	}
	if len(b) != positionLength || b[0] != positionFormat {
		return p, fmt.Errorf("a position of %d bytes that is not of format %d: another program wrote to this topic, or it is damaged; %s", len(b), positionFormat, rebuilding)
	}
	b = b[1:]
	copy(p.topicID[:], b)
	p.offset = int64(binary.BigEndian.Uint64(b[16:]))
	p.checkpoint = int64(binary.BigEndian.Uint64(b[24:]))
	p.revision = int32(binary.BigEndian.Uint32(b[32:]))
	copy(p.writer[:], b[36:])
	if p.offset < 0 || p.checkpoint < 0 || p.checkpoint > p.offset {
		return p, fmt.Errorf("a position with offset %d and checkpoint offset %d, which this program does not write; %s", p.offset, p.checkpoint, rebuilding)
	}
	return p, nil
}
