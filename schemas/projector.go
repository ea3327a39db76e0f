package schemas

// Projector reads the wanted fields of framed records of any of our schemas. It is immutable and safe for concurrent use.
type Projector struct {
	fingerprints []uint64 // searched one by one: there are a dozen
	programs     []*Program
	refused      []error // where a program is nil: why that schema cannot give what is wanted
}

// NewProjector compiles wants for all our schemas. One that cannot give what is wanted is no error yet: Project says so of its
// records.
func NewProjector(wants []Want) *Projector {
	p := &Projector{}
	for _, s := range own {
		program, err := s.Compile(wants)
		p.fingerprints = append(p.fingerprints, s.fingerprint)
		p.programs = append(p.programs, program)
		p.refused = append(p.refused, err)
	}
	return p
}

// Project reads a framed value into dst, as Program.Project does its Avro bytes. The error is a *FramingError, an
// *UnknownSchemaError, an *IncompatibleError or a *MalformedError: each a reason of its own for a dead letter. The program
// is that of the value's schema, for its Entries.
func (p *Projector) Project(value []byte, dst []Value) (*Program, error) {
	fingerprint, body, err := SplitHeader(value)
	if err != nil {
		return nil, err
	}
	for i, f := range p.fingerprints {
		if f == fingerprint {
			if p.programs[i] == nil {
				return nil, p.refused[i]
			}
			return p.programs[i], p.programs[i].Project(body, dst)
		}
	}
	return nil, &UnknownSchemaError{Fingerprint: fingerprint}
}
