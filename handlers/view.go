package handlers

import "github.com/visutility/retrainer/retrain"

// View calls visit for every source that it knows, once a policy is in force: for showing a checkpoint to people.
func (h *Events) View(visit func(v *retrain.SourceView)) { h.sources.View(visit) }
