package retrain

// On says what kind of event a rule judges.
type On string

// The three kinds of event.
const (
	OnDrift        On = "drift"         // data drift, of a stream
	OnConceptDrift On = "concept_drift" // concept drift, of a model
	OnPerformance  On = "performance"   // performance, of a model
)

// RetrainAction is what a rule asks for and what a decision says, in growing severity.
type RetrainAction string

// SoftRetrain fine-tunes on recent data, FullRetrain trains from scratch.
const (
	NoAction    RetrainAction = "none"
	SoftRetrain RetrainAction = "soft"
	FullRetrain RetrainAction = "full"
)

func (a RetrainAction) severity() int {
	switch a {
	case FullRetrain:
		return 2
	case SoftRetrain:
		return 1
	}
	return 0
}

// AlertState is firing (sent again while it lasts) or resolved.
type AlertState string

// The states of an alert.
const (
	Firing   AlertState = "firing"
	Resolved AlertState = "resolved"
)

// ResolvedBy says what ended an alert.
type ResolvedBy string

// What ends an alert.
const (
	Recovered   ResolvedBy = "recovered"    // the value came back
	Superseded  ResolvedBy = "superseded"   // a third model version took the place of the alert's
	SourceGone  ResolvedBy = "source_gone"  // the source was not heard for source_ttl
	RuleRemoved ResolvedBy = "rule_removed" // the policy does not give the rule to the source any more
)

// Entry is one entry of the ledger: *PolicyEntry, *Alert, *Progress, *Request or *Tick.
type Entry interface{ entry() }

func (*PolicyEntry) entry() {}
func (*Alert) entry()       {}
func (*Progress) entry()    {}
func (*Request) entry()     {}
func (*Tick) entry()        {}

// PolicyEntry proposes a policy. Greatest revision wins; the first one's ledger id names the ledger for ever. In the record
// that the controller writes of it, ActivatedAt is the ledger time at which it became active.
type PolicyEntry struct {
	Revision    int32  `avro:"revision"`
	Policy      []byte `avro:"policy"` // canonical JSON of the normalised policy
	LedgerID    string `avro:"ledger_id"`
	Author      string `avro:"author"`
	ActivatedAt *int64 `avro:"activated_at"`
}

// Alert is a series in breach, or the end of that. It carries everything a decision needs. Times are milliseconds since 1970
// and never later than the record that carried the event.
type Alert struct {
	State          AlertState    `avro:"state"`
	AlertID        string        `avro:"alert_id"`
	Stream         *string       `avro:"stream"`
	Model          *string       `avro:"model"`
	ModelVersion   *string       `avro:"model_version"`
	On             On            `avro:"on"`
	RuleID         string        `avro:"rule_id"`
	Rule           string        `avro:"rule"` // the rule's name, else its canonical JSON
	Action         RetrainAction `avro:"action"`
	Field          string        `avro:"field"`
	Value          *float64      `avro:"value"`
	Level          *float64      `avro:"level"` // null for cusum
	Since          *int64        `avro:"since"` // when the drift began
	EventID        string        `avro:"event_id"`
	EventTime      int64         `avro:"event_time"`
	DataRef        *string       `avro:"data_ref"`
	PolicyRevision int32         `avro:"policy_revision"`
	ResolvedBy     *ResolvedBy   `avro:"resolved_by"`
	Topic          string        `avro:"topic"`
	Partition      int32         `avro:"partition"`
	Offset         int64         `avro:"offset"`
}

// ProgressKind is what a trainer says of a command.
type ProgressKind string

// What a trainer says of a command.
const (
	Started    ProgressKind = "started"
	InProgress ProgressKind = "progress"
	Succeeded  ProgressKind = "succeeded"
	Failed     ProgressKind = "failed"
)

// Progress is what a worker says of a command: that it has begun, how far it is, how it ended.
type Progress struct {
	CommandID    string             `avro:"command_id"`
	Kind         ProgressKind       `avro:"kind"`
	Worker       *string            `avro:"worker"`
	At           int64              `avro:"at"`
	Step         *int64             `avro:"step"`
	Total        *int64             `avro:"total"`
	Metrics      map[string]float64 `avro:"metrics"`
	BestParams   map[string]string  `avro:"best_params"`
	NewVersion   *string            `avro:"new_version"`
	ErrorCode    *string            `avro:"error_code"`
	ErrorMessage *string            `avro:"error_message"`
	Retryable    *bool              `avro:"retryable"`
}

// Verb is what a request asks for.
type Verb string

// Trigger asks for a training now.
const Trigger Verb = "trigger"

// Request is what a person asks for.
type Request struct {
	RequestID string         `avro:"request_id"`
	Verb      Verb           `avro:"verb"`
	Model     string         `avro:"model"`
	Action    *RetrainAction `avro:"action"`
	Create    bool           `avro:"create"` // make the model if it does not exist
	Author    string         `avro:"author"`
	Comment   string         `avro:"comment"`
	At        int64          `avro:"at"`
}

// Tick lets ledger time pass.
type Tick struct{}
