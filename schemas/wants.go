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
