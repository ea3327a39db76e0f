package handlers

import (
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// NewProgress forwards what trainers say of commands.
func NewProgress(s Settings) *Forward {
	return newForward(s, schemas.ProgressWants(), ProgressCodec, progressOf, (*retrain.Progress).Check)
}

func progressOf(program *schemas.Program, v []schemas.Value) *retrain.Progress {
	return &retrain.Progress{
		CommandID: string(v[schemas.ProgressCommandID].Bytes), Kind: retrain.ProgressKind(v[schemas.ProgressKind].Bytes),
		Worker: textOf(&v[schemas.ProgressWorker]), At: v[schemas.ProgressAt].Int,
		Step: wholeOf(&v[schemas.ProgressStep]), Total: wholeOf(&v[schemas.ProgressTotal]),
		Metrics:    entriesOf(program, v, schemas.ProgressMetrics, func(v schemas.Value) float64 { return v.Float }),
		BestParams: entriesOf(program, v, schemas.ProgressBestParams, func(v schemas.Value) string { return string(v.Bytes) }),
		NewVersion: textOf(&v[schemas.ProgressNewVersion]), ErrorCode: textOf(&v[schemas.ProgressErrorCode]),
		ErrorMessage: textOf(&v[schemas.ProgressErrorMessage]), Retryable: boolOf(&v[schemas.ProgressRetryable]),
	}
}
