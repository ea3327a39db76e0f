package retrain

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Keys of a source partition's checkpoint: each source, and the greatest record time.
const (
	sourcePrefix = "source/"
	timeKey      = "time"
)

// restored is a key of the checkpoint as it was given back.
type restored struct{ key, value []byte }

// Restore gives back one key of the checkpoint; a nil value says that it is gone, a later call for a key replaces an earlier
// one. Key and value are kept: what comes before Use waits for it.
func (s *Sources) Restore(key, value []byte) error {
	switch {
	case string(key) == timeKey && value == nil:
		s.time, s.timed = 0, false
		return nil
	case string(key) == timeKey:
		d := decode(value)
		s.time, s.timed = d.int(), true
		return d.end()
	case !strings.HasPrefix(string(key), sourcePrefix) || !validKey(key[len(sourcePrefix):]):
		return damaged("%q is no key of a checkpoint of sources", key)
	}
	r := restored{key[len(sourcePrefix):], value}
	if s.policy == nil {
		s.restored = append(s.restored, r)
		return nil
	}
	return s.restore(r)
}

func (s *Sources) restore(r restored) error {
	s.unordered = true
	i, hash := s.index.find(r.key, s.keyOf)
	if i != 0 {
		s.forgetSource(i, SourceGone, nil)
		_, hash = s.index.find(r.key, s.keyOf)
	}
	if r.value == nil {
		return nil
	}
	s.key = append(s.key[:0], r.key...)
	d, src := decode(r.value), s.list.at(s.add(hash))
	s.readSource(&d, src)
	if err := d.end(); err != nil {
		return fmt.Errorf("source %q: %w", r.key, err)
	}
	return nil
}

// putInOrder makes the heap of what was restored.
func (s *Sources) putInOrder() {
	s.quiet, s.unordered, s.gone = oldest{}, false, nil
	for i := uint32(1); i <= s.list.used; i++ {
		if src := s.list.at(i); src.key != "" {
			s.quiet.push(src.heard, i)
		}
	}
}

// Snapshot gives every key that has changed since the last Snapshot, or with all every key there is; a nil value removes the
// key. put copies what it is given.
func (s *Sources) Snapshot(all bool, put func(key, value []byte)) {
	for _, key := range s.gone {
		if i, _ := s.index.find([]byte(key), s.keyOf); i == 0 {
			put([]byte(sourcePrefix+key), nil)
		}
	}
	var key []byte
	var e encoder
	for i := uint32(1); i <= s.list.used; i++ {
		src := s.list.at(i)
		if src.key == "" || !all && !src.changed {
			continue
		}
		src.changed = false
		key = append(append(key[:0], sourcePrefix...), src.key...)
		e.b = e.b[:0]
		s.writeSource(&e, src)
		put(key, e.b)
	}
	if s.timed && (all || s.timeChanged) {
		e.b = append(e.b[:0], format)
		e.int(s.time)
		put([]byte(timeKey), e.b)
	}
	s.gone, s.timeChanged = nil, false
}

// writeSource: format, heard, then each version, the one heard last first: its name and its series that have folded anything.
func (s *Sources) writeSource(e *encoder, src *source) {
	e.byte(format)
	e.int(src.heard)
	e.byte(src.count)
	l := s.layouts[src.line+1]
	for _, v := range src.versions[:src.count] {
		e.optText(s.versions.text(v.name))
		folded := 0
		for k := range l.rules {
			if l.series(v.block, k).folded() {
				folded++
			}
		}
		e.uint(uint64(folded))
		for k, rule := range l.rules {
			if x := l.series(v.block, k); x.folded() {
				s.writeSeries(e, rule, x)
			}
		}
	}
}

// writeSeries: the rule's id (6 bytes), newest, its mark, the marks before it at that time, the firing alert, memory.
func (s *Sources) writeSeries(e *encoder, rule *Rule, x series) {
	e.b = append(e.b, rule.rawID[:]...)
	e.int(x.newest())
	e.word(x[1])
	var more extra
	if x.more() != 0 {
		more = *s.extras.at(x.more())
	}
	e.byte(byte(more.count))
	for _, mark := range more.marks[:more.count] {
		e.word(mark)
	}
	e.bool(more.firing != nil)
	if more.firing != nil {
		e.alert(more.firing)
	}
	e.uint(uint64(len(x.memory())))
	for _, w := range x.memory() {
		e.word(w)
	}
}

func (s *Sources) readSource(d *decoder, src *source) {
	src.heard = d.int()
	count := d.byte()
	if int(count) > len(src.versions) {
		d.fail()
		return
	}
	l := s.layouts[src.line+1]
	for i := range count {
		var name []byte
		if d.bool() {
			name = d.take(d.uint())
		}
		v := heardVersion{s.versions.use(name), l.take()}
		src.versions[i] = v
		src.count = i + 1
		for range d.count() {
			s.readSeries(d, l, v.block)
		}
	}
}

// readSeries drops a series whose rule the policy in force does not give to the source.
func (s *Sources) readSeries(d *decoder, l *layout, block uint32) {
	id, to := d.take(6), series(nil)
	for k, rule := range l.rules {
		if string(id) == string(rule.rawID[:]) {
			to = l.series(block, k)
		}
	}
	newest, mark := d.int(), d.word()
	more := extra{count: int(d.byte())}
	if more.count > len(more.marks) {
		d.fail()
		return
	}
	for i := range more.count {
		more.marks[i] = d.word()
	}
	if d.bool() {
		more.firing = d.alert()
	}
	memory := d.take(d.uint() * 8)
	if to == nil || len(memory) != len(to.memory())*8 {
		return
	}
	to[0], to[1] = uint64(newest), mark
	for i := range to.memory() {
		to.memory()[i] = binary.LittleEndian.Uint64(memory[i*8:])
	}
	if more.count > 0 || more.firing != nil {
		to.setMore(s.extras.take())
		*s.extras.at(to.more()) = more
	}
}
