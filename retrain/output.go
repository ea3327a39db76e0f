package retrain

// Output is what a step of the controller writes: *PolicyEntry, *Decision, *Command, *Result or *Model.
type Output interface{ output() }

func (*PolicyEntry) output() {}
func (*Decision) output()    {}
func (*Command) output()     {}
func (*Result) output()      {}
func (*Model) output()       {}

// Reason says why a decision is what it is.
type Reason string

// The reasons of decisions.
const (
	ReasonAlert        Reason = "alert"         // an alert counts and nothing blocks it
	ReasonRequested    Reason = "requested"     // a person asked
	ReasonQuiet        Reason = "quiet"         // nothing counts
	ReasonStale        Reason = "stale"         // the alerts were too old when they came
	ReasonUndeployed   Reason = "undeployed"    // a version just trained waits to be deployed
	ReasonInFlight     Reason = "in_flight"     // a command is open
	ReasonCooldown     Reason = "cooldown"      // too soon after the last command's end
	ReasonUnknownModel Reason = "unknown_model" // a request for a model that does not exist
)

// Evidence is an alert that counted, as decisions and commands carry it.
type Evidence struct {
	AlertID      string        `avro:"alert_id"`
	Stream       *string       `avro:"stream"`
	Model        *string       `avro:"model"`
	ModelVersion *string       `avro:"model_version"`
	On           On            `avro:"on"`
	RuleID       string        `avro:"rule_id"`
	Rule         string        `avro:"rule"`
	Action       RetrainAction `avro:"action"`
	Field        string        `avro:"field"`
	Value        *float64      `avro:"value"`
	Level        *float64      `avro:"level"`
	Since        *int64        `avro:"since"`
	EventID      string        `avro:"event_id"`
	EventTime    int64         `avro:"event_time"`
	Topic        string        `avro:"topic"`
	Partition    int32         `avro:"partition"`
	Offset       int64         `avro:"offset"`
}

// Decision is what the controller says of a model, "do nothing" included.
type Decision struct {
	DecisionID     string        `avro:"decision_id"`
	Model          string        `avro:"model"`
	ModelVersion   *string       `avro:"model_version"`
	DecidedAt      int64         `avro:"decided_at"`
	DecisionNumber int64         `avro:"decision_number"`
	CommandNumber  int64         `avro:"command_number"`
	Action         RetrainAction `avro:"action"`
	Reason         Reason        `avro:"reason"`
	Explanation    string        `avro:"explanation"`
	Until          *int64        `avro:"until"`
	BlockedBy      *string       `avro:"blocked_by"`
	RequestID      *string       `avro:"request_id"`
	CommandID      *string       `avro:"command_id"`
	PolicyRevision int32         `avro:"policy_revision"`
	Evidence       []Evidence    `avro:"evidence"`
}

// CommandKind says what a trainer shall do.
type CommandKind string

// KindTrain is the one kind of command.
const KindTrain CommandKind = "train"

// Claim says whether a worker must ask before it starts.
type Claim string

// ClaimNone lets a worker start at once.
const ClaimNone Claim = "none"

// Command is what a trainer shall do. Soft goes on from BaseVersion (nil: none is known), full begins anew; Trials are tried in
// their order, the first are the best parameters of the base where they are known. It expires when nobody has started it by
// StartBy, or when it takes longer than MaxRuntimeMs from its start.
type Command struct {
	CommandID      string        `avro:"command_id"`
	Kind           CommandKind   `avro:"kind"`
	Claim          Claim         `avro:"claim"`
	Action         RetrainAction `avro:"action"`
	Model          string        `avro:"model"`
	BaseVersion    *string       `avro:"base_version"`
	Modality       string        `avro:"modality"`
	IssuedAt       int64         `avro:"issued_at"`
	StartBy        int64         `avro:"start_by"`
	MaxRuntimeMs   int64         `avro:"max_runtime_ms"`
	Dataset        *string       `avro:"dataset"`
	DriftSince     *int64        `avro:"drift_since"`
	Tuner          string        `avro:"tuner"`
	Objective      *Objective    `avro:"objective"`
	Space          []Parameter   `avro:"space"`
	Trials         []Trial       `avro:"trials"`
	DecisionID     string        `avro:"decision_id"`
	PolicyRevision int32         `avro:"policy_revision"`
	Explanation    string        `avro:"explanation"`
	Evidence       []Evidence    `avro:"evidence"`
}

// Goal is the direction in which a metric is better.
type Goal string

// The goals of an objective.
const (
	Minimize Goal = "minimize"
	Maximize Goal = "maximize"
)

// Objective is what the trials of a command are compared by.
type Objective struct {
	Metric string `avro:"metric"`
	Goal   Goal   `avro:"goal"`
}

// ParameterType is the kind of values that a parameter takes.
type ParameterType string

// The types of parameters: an interval of doubles or ints, or a list of texts or numbers.
const (
	Double      ParameterType = "double"
	Int         ParameterType = "int"
	Categorical ParameterType = "categorical"
	Discrete    ParameterType = "discrete"
)

// Parameter is one dimension of the space that a tuner searches: from Low to High, both included, on a logarithmic scale with Log,
// for Double and Int; one of Values for the others.
type Parameter struct {
	Name   string        `avro:"name"`
	Type   ParameterType `avro:"type"`
	Low    *float64      `avro:"low"`
	High   *float64      `avro:"high"`
	Log    bool          `avro:"log"`
	Values []string      `avro:"values"`
}

// Trial is one set of parameters to train with: a value for each of the space, numbers as JSON writes them.
type Trial struct {
	Number int32             `avro:"number"`
	Values map[string]string `avro:"values"`
}

// ResultState says how a command ended.
type ResultState string

// How commands end.
const (
	ResultSucceeded  ResultState = "succeeded"
	ResultFailed     ResultState = "failed"
	ResultExpired    ResultState = "expired"    // not taken up, or not finished, in time
	ResultSuperseded ResultState = "superseded" // a late success after a later command's
)

// Result is how a command ended. It may have two: one that failed or expired, and a late success.
type Result struct {
	CommandID    string             `avro:"command_id"`
	Model        string             `avro:"model"`
	Action       RetrainAction      `avro:"action"`
	BaseVersion  *string            `avro:"base_version"`
	NewVersion   *string            `avro:"new_version"`
	State        ResultState        `avro:"state"`
	Late         bool               `avro:"late"`
	ErrorCode    *string            `avro:"error_code"`
	ErrorMessage *string            `avro:"error_message"`
	Retryable    *bool              `avro:"retryable"`
	Metrics      map[string]float64 `avro:"metrics"`
	BestParams   map[string]string  `avro:"best_params"`
	Worker       *string            `avro:"worker"`
	IssuedAt     int64              `avro:"issued_at"`
	StartedAt    *int64             `avro:"started_at"`
	FinishedAt   int64              `avro:"finished_at"`
}

// Phase says what a model is in the middle of.
type Phase string

// The phases of a model.
const (
	PhaseQuiet    Phase = "quiet"
	PhaseTraining Phase = "training"
	PhaseCooling  Phase = "cooling"
)

// Model is all that is known of a model now. Versions is the registry, in the order of registration: the last 100.
type Model struct {
	Name       string        `avro:"name"`
	Latest     *string       `avro:"latest"`
	Phase      Phase         `avro:"phase"`
	Action     RetrainAction `avro:"action"`
	Reason     Reason        `avro:"reason"`
	Until      *int64        `avro:"until"`
	Alerts     []Evidence    `avro:"alerts"`
	CommandID  *string       `avro:"command_id"`
	Worker     *string       `avro:"worker"`
	DecisionID *string       `avro:"decision_id"`
	Versions   []Version     `avro:"versions"`
	UpdatedAt  int64         `avro:"updated_at"`
}

// Version is a registered version of a model.
type Version struct {
	Version      string             `avro:"version"`
	Parent       *string            `avro:"parent"`
	CommandID    *string            `avro:"command_id"`
	Action       *RetrainAction     `avro:"action"`
	Dataset      *string            `avro:"dataset"`
	Metrics      map[string]float64 `avro:"metrics"`
	BestParams   map[string]string  `avro:"best_params"`
	RegisteredAt int64              `avro:"registered_at"`
}
