package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"time"
)

// kfake's logs of what groups committed and of producer ids. Their entries are framed JSON: length of what follows the CRC, CRC
// of that, version, text; little-endian.
const (
	groupsLog    = "groups.log"
	producersLog = "pids.log"
	frameSize    = 4 + 4 + 2
)

// trimLog cuts a log behind its last whole entry: kfake would append behind the rest and never read that again.
func trimLog(path string) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	le, at := binary.LittleEndian, 0
	for at+frameSize <= len(raw) {
		size := int64(le.Uint32(raw[at:]))
		if size < 2 || size > int64(len(raw)-at-8) || le.Uint32(raw[at+4:]) != crc32.Checksum(raw[at+8:at+8+int(size)], castagnoli) {
			break
		}
		at += 8 + int(size)
	}
	if at == len(raw) {
		return nil
	}
	return os.Truncate(path, int64(at))
}

// commitOffsets appends a decided transaction's offsets.
func commitOffsets(path string, offsets []offset) error {
	now := time.Now().UnixMilli()
	var log []byte
	for _, o := range offsets {
		text, err := json.Marshal(map[string]any{"type": "commit", "g": o.Group, "t": o.Topic, "p": o.Partition, "o": o.Offset,
			"e": o.LeaderEpoch, "m": o.Metadata, "lc": now})
		if err != nil {
			return err
		}
		entry := append(make([]byte, frameSize), text...)
		le := binary.LittleEndian
		le.PutUint32(entry, uint32(2+len(text)))
		le.PutUint16(entry[8:], filesVersion)
		le.PutUint32(entry[4:], crc32.Checksum(entry[8:], castagnoli))
		log = append(log, entry...)
	}
	if len(log) == 0 {
		return nil
	}
	return appendTo(path, log)
}
