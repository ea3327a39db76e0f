package schemas

// Writers says by which schemas values may be written, beside ours.
type Writers struct {
	Registry bool    // ids and GUIDs are those of a registry: Project says which it needs
	Bare     *Schema // values are the Avro bytes of this schema, without any framing; nil: they are framed
}

// mostWriters is how many schemas of a registry a Projector keeps: beyond it all are needed again.
const mostWriters = 1000

// Projector reads the wanted fields of values of our schemas, and of those that it is given. It is used by one goroutine.
type Projector struct {
	wants        []Want
	writers      Writers
	fingerprints []uint64 // of our schemas, searched one by one: there are a dozen
	own          []writer
	bare         writer
	given        map[Ref]writer
	last         Ref // the given schema that was used last
	lastWriter   writer
}

// writer is how the records of one schema are read.
type writer struct {
	program *Program
	refused error // where program is nil: why that schema cannot give what is wanted
}

// NewProjector compiles wants for all our schemas. One that cannot give what is wanted is no error yet: Project says so of its
// records.
func NewProjector(wants []Want, writers Writers) *Projector {
	p := &Projector{wants: wants, writers: writers, given: map[Ref]writer{}}
	for _, s := range own {
		p.fingerprints = append(p.fingerprints, s.fingerprint)
		p.own = append(p.own, p.compile(s))
	}
	if writers.Bare != nil {
		p.bare = p.compile(writers.Bare)
	}
	return p
}

func (p *Projector) compile(s *Schema) writer {
	program, err := s.Compile(p.wants)
	return writer{program, err}
}

// Supply gives the schema that a value names; a text that is none is said of its values.
func (p *Projector) Supply(ref Ref, text string) {
	if len(p.given) >= mostWriters {
		clear(p.given)
	}
	s, err := Parse(text)
	if err != nil {
		p.given[ref] = writer{refused: &IncompatibleError{Schema: ref.String(), Message: err.Error()}}
		return
	}
	p.given[ref] = p.compile(s)
}

// Project reads a value into dst, as Program.Project does its Avro bytes; header is that of SchemaIDHeader, nil: none. The
// error is a *NeedsSchemaError, or one that is a reason of its own for a dead letter: *FramingError, *UnknownSchemaError,
// *IncompatibleError, *MalformedError. The program is that of the value's schema, for its Entries; ref is what names it.
func (p *Projector) Project(value, header []byte, dst []Value) (program *Program, ref Ref, err error) {
	w, body := p.bare, value
	if p.writers.Bare == nil {
		if ref, body, err = Split(value, header); err != nil {
			return nil, ref, err
		}
		if w, err = p.writerOf(ref); err != nil {
			return nil, ref, err
		}
	}
	if w.program == nil {
		return nil, ref, w.refused
	}
	return w.program, ref, w.program.Project(body, dst)
}

func (p *Projector) writerOf(ref Ref) (writer, error) {
	switch {
	case ref.Kind == RefFingerprint:
		for i, f := range p.fingerprints {
			if f == ref.Fingerprint {
				return p.own[i], nil
			}
		}
		return writer{}, &UnknownSchemaError{Fingerprint: ref.Fingerprint}
	case !p.writers.Registry:
		return writer{}, ref.noRegistry()
	case ref == p.last:
		return p.lastWriter, nil
	}
	w, ok := p.given[ref]
	if !ok {
		return writer{}, &NeedsSchemaError{ref}
	}
	p.last, p.lastWriter = ref, w
	return w, nil
}
