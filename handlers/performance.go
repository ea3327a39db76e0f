package handlers

import (
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// NewPerformance folds a topic of performance events: changes of a model's quality.
func NewPerformance(s Settings) *Events {
	return newEvents(s, retrain.OnPerformance, schemas.PerformanceWants())
}
