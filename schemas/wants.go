package schemas

// The places of an event's fields in what Project reads for DriftWants and PerformanceWants: the same for both.
const (
	EventStreamID = iota
	EventModelID
	EventPValue
	EventKLDivergence
	EventMAPChange
	EventTimestamp
	EventID
	EventModelVersion
	EventMethod
	EventValue
	EventSampleSize
	EventWindowStart
	EventWindowEnd
	EventDataRef
	EventLabels
	EventFields // how many there are
)

// DriftWants are the fields of a DriftEvent. A record without any `timestamp` is none.
func DriftWants() []Want {
	w := eventWants()
	w[EventStreamID] = Want{Name: "stream_id", Kind: String}
	w[EventModelID] = Want{Name: "model_id", Kind: String}
	w[EventPValue] = Want{Name: "p_value", Kind: Double}
	w[EventKLDivergence] = Want{Name: "kl_divergence", Kind: Double}
	return w
}

// PerformanceWants are the fields of a PerformanceEvent. A record without any `model_id` or `timestamp` is none.
func PerformanceWants() []Want {
	w := eventWants()
	w[EventModelID] = Want{Name: "model_id", Kind: String, Required: true}
	w[EventMAPChange] = Want{Name: "mAP_change", Kind: Double}
	return w
}

// The places of the fields of a Progress in what Project reads for ProgressWants.
const (
	ProgressCommandID = iota
	ProgressKind
	ProgressWorker
	ProgressAt
	ProgressStep
	ProgressTotal
	ProgressMetrics
	ProgressBestParams
	ProgressNewVersion
	ProgressErrorCode
	ProgressErrorMessage
	ProgressRetryable
	ProgressFields
)

// ProgressWants are the fields of a Progress. A record without any command_id or kind is none.
func ProgressWants() []Want {
	return []Want{
		ProgressCommandID:    {Name: "command_id", Kind: String, Required: true},
		ProgressKind:         {Name: "kind", Kind: String, Required: true},
		ProgressWorker:       {Name: "worker", Kind: String},
		ProgressAt:           {Name: "at", Kind: Timestamp},
		ProgressStep:         {Name: "step", Kind: Long},
		ProgressTotal:        {Name: "total", Kind: Long},
		ProgressMetrics:      {Name: "metrics", Kind: DoubleMap},
		ProgressBestParams:   {Name: "best_params", Kind: StringMap},
		ProgressNewVersion:   {Name: "new_version", Kind: String},
		ProgressErrorCode:    {Name: "error_code", Kind: String},
		ProgressErrorMessage: {Name: "error_message", Kind: String},
		ProgressRetryable:    {Name: "retryable", Kind: Boolean},
	}
}

// The places of the fields of a Request in what Project reads for RequestWants.
const (
	RequestID = iota
	RequestVerb
	RequestModel
	RequestAction
	RequestCreate
	RequestAuthor
	RequestComment
	RequestAt
	RequestFields
)

// RequestWants are the fields of a Request. A record without any request_id, verb or model is none.
func RequestWants() []Want {
	return []Want{
		RequestID:      {Name: "request_id", Kind: String, Required: true},
		RequestVerb:    {Name: "verb", Kind: String, Required: true},
		RequestModel:   {Name: "model", Kind: String, Required: true},
		RequestAction:  {Name: "action", Kind: String},
		RequestCreate:  {Name: "create", Kind: Boolean},
		RequestAuthor:  {Name: "author", Kind: String},
		RequestComment: {Name: "comment", Kind: String},
		RequestAt:      {Name: "at", Kind: Timestamp},
	}
}

// eventWants are the fields that both have; a place without a name stays empty.
func eventWants() []Want {
	return []Want{
		EventTimestamp:    {Name: "timestamp", Kind: Timestamp, Required: true},
		EventID:           {Name: "event_id", Kind: String},
		EventModelVersion: {Name: "model_version", Kind: String},
		EventMethod:       {Name: "method", Kind: String},
		EventValue:        {Name: "value", Kind: Double},
		EventSampleSize:   {Name: "sample_size", Kind: Long},
		EventWindowStart:  {Name: "window_start", Kind: Timestamp},
		EventWindowEnd:    {Name: "window_end", Kind: Timestamp},
		EventDataRef:      {Name: "data_ref", Kind: String},
		EventLabels:       {Name: "labels", Kind: StringMap},
	}
}
