package handlers

import "github.com/visutility/retrainer/retrain"

// NewRequests forwards what people ask for.
func NewRequests(s Settings) *Forward {
	return &Forward{settings: s, entry: forward(requestCodec, (*retrain.Request).Check)}
}
