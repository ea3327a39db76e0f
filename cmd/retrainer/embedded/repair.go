package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// repair makes kfake's files whole after a kill -9, before kfake reads them: batches and index entries cut short go, every
// transaction without its markers gets them, as it was decided (else: aborted), and with them the offsets of its groups; which
// batches came last of each producer is written down. After an orderly stop it finds nothing to mend. Each step may be killed
// and done again.
func repair(data string, d *decisions, log zerolog.Logger) error {
	if err := known(filepath.Join(data, "meta.json")); err != nil {
		return err
	}
	decided, err := d.read()
	if err != nil {
		return err
	}
	folders, err := os.ReadDir(filepath.Join(data, "partitions"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	producers := windows{}
	for _, f := range folders {
		if err := repairPartition(filepath.Join(data, "partitions", f.Name()), decided, producers, log); err != nil {
			return fmt.Errorf("partition %s: %w", f.Name(), err)
		}
	}
	if err := producers.save(data); err != nil {
		return fmt.Errorf("sequences of producers: %w", err)
	}
	for _, name := range []string{groupsLog, producersLog} {
		if err := trimLog(filepath.Join(data, name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, t := range decided { // order: one offset of a partition is committed once a transaction
		if err := commitOffsets(filepath.Join(data, groupsLog), t.Offsets); err != nil {
			return fmt.Errorf("offsets of groups: %w", err)
		}
	}
	// kfake takes transactions up again that were open at an orderly stop; they have their markers now.
	if err := os.Remove(filepath.Join(data, "session_state.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.clear()
}

// known refuses files of another version; a folder without them is new.
func known(meta string) error {
	text, err := os.ReadFile(meta)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var v struct {
		Version int `json:"version"`
	}
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err == nil && v.Version != filesVersion {
		err = fmt.Errorf("its files are of version %d; this program knows version %d", v.Version, filesVersion)
	}
	return err
}

// hanging is a transaction in a partition that has no marker.
type hanging struct {
	id    int64
	epoch int16
}

// repairPartition walks over the segments of a partition, cuts off what a kill left half-written, ends transactions, and notes
// what producers wrote.
func repairPartition(folder string, decided map[int64]*transaction, producers windows, log zerolog.Logger) error {
	bases, err := segments(folder)
	if err != nil || len(bases) == 0 {
		return err
	}
	p, err := partitionOf(filepath.Base(folder))
	if err != nil {
		return err
	}
	var open []hanging
	var s segment
	for _, base := range bases {
		s = segment{path: filepath.Join(folder, strconv.FormatInt(base, 10)), next: base}
		if err := s.walk(func(b []byte) { open = follow(open, b); producers.saw(p, b) }); err != nil {
			return err
		}
		if err := s.cut(); err != nil {
			return err
		}
	}
	producers.forget(p)
	for _, h := range open {
		commit := decided[h.id] != nil && decided[h.id].Epoch == h.epoch
		log.Warn().Str("partition", filepath.Base(folder)).Int64("producer", h.id).Bool("commit", commit).
			Msg("the last process was killed in a transaction: ending it")
		if err := s.append(marker(s.next, s.epoch, h, commit)); err != nil {
			return err
		}
	}
	return nil
}

// segments gives the base offsets of a partition's segments in order.
func segments(folder string) ([]int64, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".dat"); ok {
			if base, err := strconv.ParseInt(name, 10, 64); err == nil {
				bases = append(bases, base)
			}
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// follow keeps the list of open transactions, in the order they began.
func follow(open []hanging, batch []byte) []hanging {
	attributes := binary.BigEndian.Uint16(batch[atAttributes:])
	h := hanging{int64(binary.BigEndian.Uint64(batch[atProducer:])), int16(binary.BigEndian.Uint16(batch[atEpoch:]))}
	at := slices.IndexFunc(open, func(o hanging) bool { return o.id == h.id })
	switch {
	case attributes&transactional == 0:
	case attributes&control != 0 && at >= 0:
		return slices.Delete(open, at, at+1)
	case attributes&control == 0 && at < 0:
		return append(open, h)
	case attributes&control == 0:
		open[at] = h
	}
	return open
}

// segment is a .dat file of batches and the .idx file beside it with one entry a batch.
type segment struct {
	path    string
	size    int64 // of the whole batches
	entries []byte
	next    int64  // the offset behind its last batch
	epoch   uint32 // of the partition, by its last batch
}

func (s *segment) walk(each func(batch []byte)) error {
	raw, err := os.ReadFile(s.path + ".dat")
	if err != nil {
		return err
	}
	index, err := os.ReadFile(s.path + ".idx")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for rest := raw; len(rest) >= atRecords; {
		size := lengthFrom + int64(binary.BigEndian.Uint32(rest[atLength:]))
		if size > int64(len(rest)) || !whole(rest[:size]) {
			break
		}
		batch := rest[:size]
		rest = rest[size:]
		each(batch)
		s.size += size
		s.next = int64(binary.BigEndian.Uint64(batch)) + int64(binary.BigEndian.Uint32(batch[atAttributes+2:])) + 1
		s.epoch = binary.BigEndian.Uint32(batch[lengthFrom:])
		if entry := index[min(len(s.entries), len(index)):]; len(entry) >= indexSize {
			s.entries = append(s.entries, entry[:indexSize]...)
		} else {
			s.entries = append(s.entries, indexEntry(batch)...)
		}
	}
	return nil
}

// cut makes the files as long as their whole batches.
func (s *segment) cut() error {
	if err := os.Truncate(s.path+".dat", s.size); err != nil {
		return err
	}
	old, err := os.ReadFile(s.path + ".idx")
	if err == nil && string(old) == string(s.entries) {
		return nil
	}
	return os.WriteFile(s.path+".idx", s.entries, 0o644)
}

// append adds a batch of one record: its index entry last, for without it the batch is given one by the next repair.
func (s *segment) append(batch []byte) error {
	s.next++
	if err := appendTo(s.path+".dat", batch); err != nil {
		return err
	}
	return appendTo(s.path+".idx", indexEntry(batch))
}

// indexSize is the size of an index entry: version, checksum of what follows, partition epoch (4 bytes), greatest time so far
// (8; kfake computes it anew), and whether the batch is data of a transaction.
const indexSize = 15

func indexEntry(batch []byte) []byte {
	b := make([]byte, indexSize)
	b[0] = filesVersion
	copy(b[2:], []byte{batch[15], batch[14], batch[13], batch[12]}) // the batch has its partition's epoch, big-endian
	copy(b[6:], reversed(batch[atMaxTime:atMaxTime+8]))
	if a := binary.BigEndian.Uint16(batch[atAttributes:]); a&transactional != 0 && a&control == 0 {
		b[14] = 1
	}
	b[1] = byte(crc32.Checksum(b[2:], castagnoli))
	return b
}

func reversed(b []byte) []byte {
	r := slices.Clone(b)
	slices.Reverse(r)
	return r
}

// marker is the control batch that ends a transaction in a partition.
func marker(at int64, epoch uint32, h hanging, commit bool) []byte {
	be := binary.BigEndian
	b := make([]byte, atRecords)
	be.PutUint64(b, uint64(at))
	be.PutUint32(b[lengthFrom:], epoch)
	b[atMagic] = 2
	be.PutUint16(b[atAttributes:], transactional|control)
	now := uint64(time.Now().UnixMilli())
	be.PutUint64(b[atBaseTime:], now)
	be.PutUint64(b[atMaxTime:], now)
	be.PutUint64(b[atProducer:], uint64(h.id))
	be.PutUint16(b[atEpoch:], uint16(h.epoch))
	be.PutUint32(b[atEpoch+2:], 0xffffffff) // no sequence
	be.PutUint32(b[atCount:], 1)
	kind := byte(0)
	if commit {
		kind = 1
	}
	// One record: attributes, time and offset deltas 0; key: version 0 and kind; value: version 0 and coordinator epoch 0; no headers.
	record := []byte{0, 0, 0, 4 << 1, 0, 0, 0, kind, 6 << 1, 0, 0, 0, 0, 0, 0, 0}
	b = append(append(b, byte(len(record)<<1)), record...)
	seal(b)
	return b
}
