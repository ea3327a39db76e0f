package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// windows are the last batches of each idempotent producer in each partition, by which a broker knows a batch that is sent
// again. kfake keeps them in memory and writes them at an orderly stop only; Apache Kafka has them of the log, and so has this:
// a batch that was written just before a kill -9, and not answered any more, is not taken twice. (Transactions need none of
// it: their producers begin anew.)
type windows map[windowKey]*window

type windowKey struct {
	producer int64
	partition
}

// window is one of these in kfake's file: a ring of batches, of which at is the next to be replaced.
type window struct {
	PID     int64             `json:"pid"`
	Topic   string            `json:"topic"`
	Part    int32             `json:"partition"`
	Entries [windowSize]entry `json:"entries"`
	Count   uint8             `json:"count"`
	At      uint8             `json:"at"`
	Epoch   int16             `json:"epoch"`
	Seen    bool              `json:"seen"`
	NextSeq int32             `json:"next_seq"`
}

type entry struct {
	FirstSeq int32 `json:"first_seq"`
	NextSeq  int32 `json:"next_seq"`
	Offset   int64 `json:"offset"`
}

const (
	windowSize  = 5    // batches that a producer may have under way
	mostWindows = 1000 // a partition: the producers that wrote last; each run of `retrainer produce` is one
	windowsFile = "seq_windows.json"
)

// saw takes a batch of a partition.
func (w windows) saw(p partition, batch []byte) {
	be := binary.BigEndian
	id, epoch := int64(be.Uint64(batch[atProducer:])), int16(be.Uint16(batch[atEpoch:]))
	if id < 0 || be.Uint16(batch[atAttributes:])&transactional != 0 {
		return
	}
	x := w[windowKey{id, p}]
	if x == nil || x.Epoch != epoch {
		x = &window{PID: id, Topic: p.Topic, Part: p.Partition, Epoch: epoch, Seen: true}
		w[windowKey{id, p}] = x
	}
	first := int32(be.Uint32(batch[atEpoch+2:]))
	x.NextSeq = int32((int64(first) + int64(be.Uint32(batch[atCount:]))) % math.MaxInt32)
	x.Entries[x.At] = entry{first, x.NextSeq, int64(be.Uint64(batch))}
	x.At = (x.At + 1) % windowSize
	x.Count = min(x.Count+1, windowSize)
}

// newest is the offset of the last batch.
func (x *window) newest() int64 { return x.Entries[(x.At+windowSize-1)%windowSize].Offset }

// forget leaves the windows of a partition that were written last.
func (w windows) forget(p partition) {
	var all []windowKey
	for key := range w { // order: sorted below
		if key.partition == p {
			all = append(all, key)
		}
	}
	if len(all) <= mostWindows {
		return
	}
	slices.SortFunc(all, func(a, b windowKey) int { return int(w[b].newest() - w[a].newest()) })
	for _, key := range all[mostWindows:] {
		delete(w, key)
	}
}

// save puts them into kfake's file, in place of those that stand there of the same producers and partitions.
func (w windows) save(data string) error {
	path := filepath.Join(data, windowsFile)
	var file struct {
		Version int       `json:"version"`
		Windows []*window `json:"windows"`
	}
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		err = json.Unmarshal(text, &file)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", windowsFile, err)
	}
	file.Version = filesVersion
	file.Windows = slices.DeleteFunc(file.Windows, func(x *window) bool { return w[windowKey{x.PID, partition{x.Topic, x.Part}}] != nil })
	for _, x := range w { // order: kfake makes a map of them
		file.Windows = append(file.Windows, x)
	}
	if text, err = json.Marshal(&file); err != nil {
		return err
	}
	return replaceFile(path, text)
}
