package retrain

import "time"

// ModelID names a model, with the version behind the last slash where it is known: object_detection/v5.4.
type ModelID string

// StreamID names a camera's stream or a slice of a data set.
type StreamID string

// MetricEvent is what a monitoring pipeline tells an Observer: a DataDrift, a ConceptDrift or a PerformanceDrop, nothing else.
type MetricEvent interface {
	// On says what kind of event it is.
	On() On
	// Event is the event as Sources fold it. Whether it can be used is for its Check to say.
	Event() *Event
	metricEvent()
}

// DataDrift says how likely a stream's data come from where they came from before.
type DataDrift struct {
	StreamID  StreamID
	PValue    float64   // within 0 and 1
	Timestamp time.Time // by the producer's clock
	ModelID   ModelID   // that the stream feeds; "": not known
	Details
}

// ConceptDrift says how far what a model says has moved.
type ConceptDrift struct {
	ModelID      ModelID
	KLDivergence float64 // 0 or above
	Timestamp    time.Time
	Details
}

// PerformanceDrop says how much a model's quality has changed; below 0 is worse.
type PerformanceDrop struct {
	ModelID   ModelID
	MAPChange float64
	Timestamp time.Time
	Details
}

// Details are what an event may carry beside the number that its type is about. The zero value of each says: not known.
type Details struct {
	EventID                string   // tells the event from its redelivery; without one all its fields do
	ModelVersion           string   // else that of the model's id
	Method                 string   // which gave the number
	Value                  *float64 // the method's own measure: it takes the place of the number of the event's type
	SampleSize             *int64
	WindowStart, WindowEnd time.Time // of the data that were looked at
	DataRef                string    // where those data are
	Labels                 map[string]string
}

func (DataDrift) metricEvent()       {}
func (ConceptDrift) metricEvent()    {}
func (PerformanceDrop) metricEvent() {}

// On is OnDrift.
func (DataDrift) On() On { return OnDrift }

// On is OnConceptDrift.
func (ConceptDrift) On() On { return OnConceptDrift }

// On is OnPerformance.
func (PerformanceDrop) On() On { return OnPerformance }

// Event is the event as Sources fold it.
func (d DataDrift) Event() *Event {
	e := d.event(d.Timestamp)
	e.Stream, e.ModelID = []byte(d.StreamID), given(string(d.ModelID))
	e.PValue = d.orValue(d.PValue)
	return e
}

// Event is the event as Sources fold it.
func (d ConceptDrift) Event() *Event {
	e := d.event(d.Timestamp)
	e.ModelID, e.KLDivergence = []byte(d.ModelID), d.orValue(d.KLDivergence)
	return e
}

// Event is the event as Sources fold it.
func (d PerformanceDrop) Event() *Event {
	e := d.event(d.Timestamp)
	e.ModelID, e.MAPChange = []byte(d.ModelID), d.orValue(d.MAPChange)
	return e
}

func (d *Details) event(at time.Time) *Event {
	e := &Event{
		EventID: given(d.EventID), ModelVersion: given(d.ModelVersion), Method: given(d.Method), DataRef: given(d.DataRef),
		Timestamp: at.UnixMilli(), WindowStart: givenTime(d.WindowStart), WindowEnd: givenTime(d.WindowEnd),
	}
	if d.Value != nil {
		e.Value = Number{*d.Value, true}
	}
	if d.SampleSize != nil {
		e.SampleSize = Whole{*d.SampleSize, true}
	}
	if d.Labels != nil && e.EventID == nil { // only then do they tell the event from its redelivery
		e.Labels = 1
		for name, value := range d.Labels { // order: the mark has none
			e.Labels = MarkLabel(e.Labels, []byte(name), []byte(value))
		}
	}
	return e
}

// orValue is the number of the event's type, missing where the method's own measure is given.
func (d *Details) orValue(v float64) Number { return Number{v, d.Value == nil} }

// given is nil for an empty text, which in these types says that there is none.
func given(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

func givenTime(t time.Time) Whole {
	if t.IsZero() {
		return Whole{}
	}
	return Whole{t.UnixMilli(), true}
}
