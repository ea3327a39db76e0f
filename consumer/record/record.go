// Package record has the plain types that cross the wall between the consumer and its handlers: a record as it came, an
// output, and what a handler is. It knows nothing of Kafka's protocol, of Avro or of retraining, and depends on nothing.
package record

// Header is one header of a record. A nil Value is Kafka's null.
type Header struct {
	Key   string
	Value []byte
}

// Record is one record of an input partition as it came. Its bytes are valid until the call that was given it returns:
// whoever keeps some of them copies them.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      int64  // milliseconds since 1970: the producer's clock, or the broker's where the topic has LogAppendTime
	Key       []byte // nil is Kafka's null, as for Value
	Value     []byte
	Headers   []Header
}

// Output is a record that a handler wants published in the transaction that moves its partition's offset. Its partition
// is chosen by its key (murmur2, as Java's clients do); a null key goes to partition 0.
type Output struct {
	Topic      string
	Key, Value []byte
	Headers    []Header
}

// Revision is a numbered version of what a Versioned handler folds by. The value is opaque here.
type Revision struct {
	Number int32
	Value  []byte
}

// Handler folds one partition of one topic. It is pure: what it says depends only on what it was given, in order, so that
// folding the same records again gives the same outputs and the same state. One goroutine calls it. After any error or
// panic it is thrown away, and a new one is filled from the checkpoint and a replay.
type Handler interface {
	// Restore gives back one key of the checkpoint; a nil value says that the key is gone. A later call for a key replaces
	// an earlier one. key and value are the handler's to keep.
	Restore(key, value []byte) error

	// Fold takes one record and appends what shall be published to out. A *Dead error makes the record a dead letter (its
	// other effects stand); a *Needs error puts it off; any other error stops the process.
	Fold(r *Record, out []Output) ([]Output, error)

	// Pass takes a record that Fold is known to panic on: only what belongs to every record happens (its time is taken).
	Pass(r *Record, out []Output) ([]Output, error)

	// Snapshot calls put for every key changed since the last Snapshot, or with all for every key that it has; a nil value
	// removes the key. The order of the calls is fixed by the handler's state. put copies.
	Snapshot(all bool, put func(key, value []byte))
}

// Versioned is a handler that folds by revisions, which come from outside its partition.
type Versioned interface {
	Handler
	// Use sets the revision in force, before the first Fold, and says nothing.
	Use(r Revision) error
	// Switch goes over to a greater revision: what it ends is appended to out.
	Switch(r Revision, out []Output) ([]Output, error)
}

// Counting is a handler that counts what it has folded since it was made, a replay's records among it.
type Counting interface {
	Handler
	// AppendCounts appends its numbers to n, always the same ones in the same order.
	AppendCounts(n []int64) []int64
}

// Timed is a handler that wants a record (a tick) appended to its partition when a moment of the broker's clock is reached.
type Timed interface {
	Handler
	// Deadline is that moment in milliseconds since 1970; 0: none.
	Deadline() int64
}

// Supplied is a handler whose Fold may say that it needs a schema.
type Supplied interface {
	Handler
	// Supply gives the text of a schema that was needed. After it the handler folds records of that schema, if only to
	// refuse them.
	Supply(schema, text string)
}

// Needs is the error by which a Supplied handler says that it cannot fold a record before it is given a schema. The record
// has had no effect whatever, and is folded again when the schema is there.
type Needs struct {
	Schema string // what Supply and whoever finds schemas know it by
	Name   string // how people know it: its id or GUID
}

func (n *Needs) Error() string { return "schema " + n.Name + " is needed" }

// The stages at which a record is refused.
const (
	StageDecode   = "decode"
	StageValidate = "validate"
	StageFold     = "fold"
)

// ReasonPanic is the reason of a dead letter that its handler panics on; all other reasons are the handler's.
const ReasonPanic = "panic"

// Dead is the error by which a handler refuses a record: it becomes a dead letter, whole.
type Dead struct {
	Reason   string // one of the reasons of the program's contract: framing, malformed, invalid_value ...
	Stage    string // where it was refused
	Message  string // what is wrong, where, and what would be right
	SchemaID string // the writer's schema id or fingerprint, where one was read
	Outside  bool   // it rests on a setting or on what a registry said: at another time the same record may be folded
}

func (d *Dead) Error() string { return d.Reason + ": " + d.Message }
