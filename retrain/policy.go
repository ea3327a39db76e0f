package retrain

import "bytes"

// Policy is a normalised policy: every default is written out. It is made by ParsePolicy, BuiltIn and ReadPolicy alone and
// never changed after. Durations are milliseconds.
type Policy struct {
	Revision    int32
	MaxEventAge int64 // an alert is stale beyond it: ledger time - event time
	ResendDelay int64 // event time between two sendings of a firing alert
	SourceTTL   int64 // a source not heard for longer is forgotten

	bind        []bindLine
	bindDefault []string
	observe     []observeLine
	models      []modelLine
	defaults    Control
	canonical   []byte
	doubts      PolicyErrors
}

type bindLine struct {
	stream string
	models []string
}

type observeLine struct {
	on            On
	stream, model *string // patterns
	rules         []*Rule
}

type modelLine struct {
	model string // pattern
	Control
}

// Control is what the policy says of a model's control, durations in ms.
type Control struct {
	Cooldown     int64
	DeployWithin int64
	Train        Train
}

// Train is what a command tells the trainer, durations in ms. Space and objective are shared and must not be changed.
type Train struct {
	Modality   string
	StartBy    int64
	MaxRuntime int64
	Dataset    *string
	Tuner      string
	Trials     int
	Objective  *Objective
	Space      []Parameter // in order of name
}

// ParsePolicy reads a policy of the grammar from JSON and writes every default out. tuner is the name of the tuner where the
// policy names none; empty is grid. The error is PolicyErrors.
func ParsePolicy(text []byte, tuner string) (*Policy, error) {
	n, err := parseNode(text)
	if err != nil {
		return nil, err
	}
	p, err := normalise(n, tuner)
	if err != nil {
		return nil, err
	}
	if err := p.fits(); err != nil {
		return nil, err
	}
	return p, nil
}

// BuiltIn is the built-in policy, revision 0. The error is that of an unknown tuner.
func BuiltIn(tuner string) (*Policy, error) {
	return ParsePolicy([]byte(`{"revision":0}`), tuner)
}

// ReadPolicy reads a normalised policy as it stands in the ledger: normalising it must change nothing.
func ReadPolicy(text []byte) (*Policy, error) {
	n, err := parseNode(text)
	if err != nil {
		return nil, err
	}
	p, err := normalise(n, "")
	if err != nil {
		return nil, err
	}
	if plain, ok := floats(n.value).(map[string]any); !ok || !bytes.Equal(canonical(nil, plain), p.canonical) {
		return nil, PolicyErrors{{Problem: "not in normal form: a default is not written out, or a value is written in another way"}}
	}
	return p, nil
}

// Doubts are values that are right, and perhaps not what was meant.
func (p *Policy) Doubts() PolicyErrors { return p.doubts }

// Canonical is the policy as canonical JSON (RFC 8785). It must not be changed.
func (p *Policy) Canonical() []byte { return p.canonical }

// lineFor is the place of the observe line that the policy gives to a source; -1: none.
func (p *Policy) lineFor(on On, stream, model *string) int {
	for i, line := range p.observe {
		if line.on == on && (line.stream == nil || matches(*line.stream, stream)) && (line.model == nil || matches(*line.model, model)) {
			return i
		}
	}
	return -1
}

// gives says whether the policy gives the rule to the source.
func (p *Policy) gives(ruleID string, on On, stream, model *string) bool {
	line := p.lineFor(on, stream, model)
	if line < 0 {
		return false
	}
	for _, r := range p.observe[line].rules {
		if r.ID == ruleID {
			return true
		}
	}
	return false
}

// control is what the policy says of a model: the first line that matches, else the defaults.
func (p *Policy) control(model string) *Control {
	for i := range p.models {
		if matches(p.models[i].model, &model) {
			return &p.models[i].Control
		}
	}
	return &p.defaults
}
