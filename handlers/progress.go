package handlers

import "github.com/visutility/retrainer/retrain"

// NewProgress forwards what trainers say of commands.
func NewProgress(s Settings) *Forward {
	return &Forward{settings: s, entry: forward(progressCodec, (*retrain.Progress).Check)}
}
