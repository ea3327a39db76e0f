package handlers

import (
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// NewDrift folds a topic of drift events. With a stream_id an event is data drift on that stream; without one it is concept
// drift of its model.
func NewDrift(s Settings) *Events {
	return newEvents(s, retrain.OnDrift, schemas.DriftWants())
}
