package retrain

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Number is a number that may be missing.
type Number struct {
	V  float64
	OK bool
}

// Whole is a whole number that may be missing.
type Whole struct {
	V  int64
	OK bool
}

// Event is what a monitoring pipeline sends. Its texts are bytes of the record that carried it (nil: missing): they are
// valid only while it is folded, and what is kept of them is copied.
type Event struct {
	Stream  []byte
	ModelID []byte // name/version, or a name
	EventID []byte

	ModelVersion []byte
	Method       []byte
	DataRef      []byte

	PValue, KLDivergence, MAPChange, Value Number

	Timestamp              int64 // ms since 1970, by the producer's clock
	SampleSize             Whole
	WindowStart, WindowEnd Whole
	Labels                 uint64 // a mark of the labels (MarkLabel), 0: missing
}

// Origin says where an event stands and when it was appended there.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      int64 // of the record, ms since 1970
}

// Outcome is how far an event came: the furthest step that any of its series reached.
type Outcome uint8

// The outcomes of events, the nearest first.
const (
	NotApplicable Outcome = iota
	Old
	Duplicate
	Folded
	Outcomes // how many there are
)

func (o Outcome) String() string {
	return [...]string{"not_applicable", "old", "duplicate", "folded", "unknown"}[min(o, Outcomes)]
}

// About is what the event is about: its source, and the version that it names itself or behind the model's name.
func (e *Event) About() (stream, model, version []byte) {
	model, version = e.ModelID, e.ModelVersion
	if model != nil {
		var behind []byte
		if model, behind = SplitModel(model); version == nil {
			version = behind
		}
	}
	return e.Stream, model, version
}

// Named is the number of a field by the name that an Alert has for it.
func (e *Event) Named(field string) Number {
	i := slices.Index(fieldNames, field)
	if i < 0 {
		return Number{}
	}
	return e.field(Field(i))
}

func (e *Event) field(f Field) Number {
	switch f {
	case PValue:
		return e.PValue
	case KLDivergence:
		return e.KLDivergence
	case MAPChange:
		return e.MAPChange
	}
	return e.Value
}

// The reasons for which an event or an entry that can be read cannot be used.
const (
	InvalidValue = "invalid_value"
	NoValue      = "no_value"
	NoSource     = "no_source"
	Oversized    = "oversized"
	UnknownKind  = "unknown_kind"
)

// Invalid says why an event or an entry cannot be used: one of these reasons, and a sentence.
type Invalid struct {
	Reason, Message string
}

func (i *Invalid) Error() string { return i.Reason + ": " + i.Message }

func invalidValue(format string, args ...any) *Invalid {
	return &Invalid{InvalidValue, fmt.Sprintf(format, args...)}
}

const (
	earliest = 946_684_800_000 // 2000-01-01: before it a clock was never set
	maxID    = 512             // bytes
)

// Check says what makes an event unusable; nil: nothing.
func (e *Event) Check() *Invalid {
	if bad := e.checkNumbers(); bad != nil {
		return bad
	}
	if e.Timestamp < earliest {
		return invalidValue("timestamp is before 2000-01-01 (%d ms since 1970): was it written in seconds?", e.Timestamp)
	}
	if !plain(e.Stream) || !plain(e.ModelID) || !plain(e.EventID) || !plain(e.ModelVersion) {
		return e.badID()
	}
	if len(e.DataRef) > maxDataRef {
		return invalidValue("data_ref has %d bytes, at most %d are possible: it shall say where the data is, not hold it", len(e.DataRef), maxDataRef)
	}
	if !e.PValue.OK && !e.KLDivergence.OK && !e.MAPChange.OK && !e.Value.OK {
		return &Invalid{NoValue, "the event has none of p_value, kl_divergence, mAP_change and value"}
	}
	if e.Stream == nil && e.ModelID == nil {
		return &Invalid{NoSource, "the event names neither a stream (stream_id) nor a model (model_id)"}
	}
	return nil
}

func (e *Event) checkNumbers() *Invalid {
	for f := PValue; f <= Value; f++ {
		if v := e.field(f); v.OK && !finite(v.V) {
			return invalidValue("%s is %v, not a finite number", f, v.V)
		}
	}
	if e.PValue.OK && (e.PValue.V < 0 || e.PValue.V > 1) {
		return invalidValue("p_value is %s, not within 0 and 1", number(e.PValue.V))
	}
	if e.KLDivergence.OK && e.KLDivergence.V < 0 {
		return invalidValue("kl_divergence is %s, below 0", number(e.KLDivergence.V))
	}
	return nil
}

// badID says which id is wrong, and how.
func (e *Event) badID() *Invalid {
	for _, id := range []struct {
		name string
		text []byte
	}{{"stream_id", e.Stream}, {"model_id", e.ModelID}, {"event_id", e.EventID}, {"model_version", e.ModelVersion}} {
		if !plain(id.text) {
			return invalidValue("%s: %s", id.name, checkID(string(id.text)))
		}
	}
	return nil
}

// plain says at a glance that an id is missing or fine: printable ASCII of the right length. Of others checkID has the last
// word.
func plain(id []byte) bool {
	if len(id) == 0 || len(id) > maxID {
		return id == nil
	}
	rest := id
	for ; len(rest) >= 8; rest = rest[8:] { // 8 bytes at once: one below 0x20 borrows, 0x7f carries into its highest bit
		w := binary.LittleEndian.Uint64(rest)
		if (w|(w-0x2020202020202020)|(w+0x0101010101010101))&0x8080808080808080 != 0 {
			return checkID(string(id)) == ""
		}
	}
	for _, b := range rest {
		if b < 0x20 || b >= 0x7f {
			return checkID(string(id)) == ""
		}
	}
	return true
}

// checkID says what is wrong with an id; empty: nothing.
func checkID(id string) string {
	switch {
	case id == "":
		return "an id must not be empty"
	case len(id) > maxID:
		return fmt.Sprintf("an id of %d bytes is too long; at most %d are possible", len(id), maxID)
	case !utf8.ValidString(id):
		return fmt.Sprintf("the id %q is not UTF-8", id)
	}
	if strings.ContainsFunc(id, isControl) {
		return fmt.Sprintf("the id %q has a control character", id)
	}
	return ""
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }

// mark tells an event from its redelivery: by its event_id, without one by all its fields. It is a hash of 64 bits: two
// different events of one series at one time are taken for one with a probability of about 1e-18.
func (e *Event) mark() uint64 {
	if e.EventID != nil {
		return mixText(1, e.EventID)
	}
	h := mixText(2, e.Stream)
	for _, text := range [...][]byte{e.ModelID, e.ModelVersion, e.Method, e.DataRef} {
		h = mixText(h, text)
	}
	for _, v := range [...]Number{e.PValue, e.KLDivergence, e.MAPChange, e.Value} {
		if v.OK {
			h = mix(h^math.Float64bits(v.V+0), 3) // -0 is 0
		} else {
			h = mix(h, 5)
		}
	}
	for _, v := range [...]Whole{e.SampleSize, e.WindowStart, e.WindowEnd} {
		if v.OK {
			h = mix(h^uint64(v.V), 3)
		} else {
			h = mix(h, 5)
		}
	}
	return mix(h^uint64(e.Timestamp), e.Labels)
}
