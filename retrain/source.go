package retrain

import "encoding/binary"

// source is what an event is about: a stream, a model's name, or both.
type source struct {
	key      string // sourceKey
	heard    int64  // greatest record time of the partition when it was last heard
	versions [2]heardVersion
	line     int32 // of the policy's observe lines: the rules of this source
	count    uint8 // of versions
	changed  bool  // since the last checkpoint
}

// heardVersion is one of the two model versions that a source follows, the one heard last first.
type heardVersion struct {
	name  uint32 // in Sources.versions; 0: none, which counts as a version
	block uint32 // the memory of its series
}

const (
	namesStream = 1 << iota
	namesModel
)

// sourceKey appends the key of a source: which of the two it names, the length of the stream where both, and their bytes.
func sourceKey(dst []byte, stream, model []byte) []byte {
	var names byte
	if stream != nil {
		names |= namesStream
	}
	if model != nil {
		names |= namesModel
	}
	dst = append(dst, names)
	if names == namesStream|namesModel {
		dst = binary.AppendUvarint(dst, uint64(len(stream)))
	}
	return append(append(dst, stream...), model...)
}

// parts are the stream and the model of a key.
func (s *source) parts() (stream, model *string) {
	rest := s.key[1:]
	switch s.key[0] {
	case namesStream:
		return &rest, nil
	case namesModel:
		return nil, &rest
	}
	length, size := binary.Uvarint([]byte(rest[:min(len(rest), binary.MaxVarintLen64)]))
	a, b := rest[size:size+int(length)], rest[size+int(length):]
	return &a, &b
}

// validKey says whether parts can take a key apart.
func validKey(key []byte) bool {
	if len(key) == 0 {
		return false
	}
	switch rest := key[1:]; key[0] {
	case namesStream, namesModel:
		return true
	case namesStream | namesModel:
		length, size := binary.Uvarint(rest)
		return size > 0 && length <= uint64(len(rest)-size)
	}
	return false
}

// layout is where the series of a source lie in the blocks of its versions: one behind the other, in the policy's order.
type layout struct {
	rules  []*Rule
	start  []int // of each series; one more for the end
	blocks blocks
}

func newLayout(rules []*Rule) *layout {
	l := &layout{rules: rules, start: []int{0}}
	for i, r := range rules {
		l.start = append(l.start, l.start[i]+seriesHeader+r.observer.words())
	}
	l.blocks.length = l.start[len(rules)]
	return l
}

func (l *layout) take() uint32 {
	i := l.blocks.take()
	for k := range l.rules {
		l.series(i, k).forget()
	}
	return i
}

// series is source x rule x model version: the newest event that it folded and what the observer remembers.
func (l *layout) series(block uint32, rule int) series {
	return series(l.blocks.at(block)[l.start[rule]:l.start[rule+1]])
}

// hear finds the version that an event belongs to and puts it first. An event that names none belongs to the one heard last.
// A third version takes the place of the one heard longest ago, whose firing alerts end.
func (s *Sources) hear(src *source, version []byte, out []*Alert) []*Alert {
	vs := &src.versions
	switch {
	case src.count > 0 && (version == nil || s.versions.is(vs[0].name, version)):
		return out
	case src.count > 1 && s.versions.is(vs[1].name, version):
		vs[0], vs[1] = vs[1], vs[0]
		return out
	case src.count > 1:
		out = s.dropVersion(src, 1, Superseded, out)
	}
	vs[1] = vs[0]
	vs[0] = heardVersion{s.versions.use(version), s.layouts[src.line+1].take()}
	src.count++
	return out
}

// dropVersion forgets a version with its series; its firing alerts end.
func (s *Sources) dropVersion(src *source, i int, by ResolvedBy, out []*Alert) []*Alert {
	v, l, first := src.versions[i], s.layouts[src.line+1], len(out)
	for k := range l.rules {
		out = s.endSeries(l.series(v.block, k), by, out)
	}
	sortAlerts(out[first:])
	l.blocks.drop(v.block)
	s.versions.release(v.name)
	src.count--
	return out
}

// endSeries forgets what a series has beside its memory and repeats its firing alert as resolved.
func (s *Sources) endSeries(x series, by ResolvedBy, out []*Alert) []*Alert {
	if x.more() == 0 {
		return out
	}
	if last := s.extras.at(x.more()).firing; last != nil {
		end := *last
		end.State, end.ResolvedBy, end.PolicyRevision = Resolved, &by, s.policy.Revision
		out = append(out, &end)
	}
	s.extras.drop(x.more())
	x.setMore(0)
	return out
}
