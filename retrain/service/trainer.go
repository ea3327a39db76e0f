package service

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/visutility/retrainer/internal/nearest"
	"github.com/visutility/retrainer/retrain"
)

// ModelTrainer trains. It returns when ctx ends, at the latest: a training that does not holds up Stop. An error is best of one
// of the kinds retrain.ErrTrainerUnavailable and its like, or a *retrain.TrainingError. It is called by several goroutines, for
// one model by one at a time.
type ModelTrainer interface {
	// SoftRetrain goes on training the base version, with recent data.
	SoftRetrain(ctx context.Context, training *retrain.Training) (*retrain.Trained, error)
	// FullRetrain trains from scratch.
	FullRetrain(ctx context.Context, training *retrain.Training) (*retrain.Trained, error)
}

// Trainers are the trainers by modality (train.modality of the policy). That of "" trains for every modality that has none of
// its own. As a ModelTrainer they hand each command to its trainer. They are not changed any more when that has begun.
type Trainers map[string]ModelTrainer

// For is the trainer of a modality. The error is of the kind retrain.ErrTrainerUnavailable.
func (t Trainers) For(modality string) (ModelTrainer, error) {
	if trainer := t[modality]; trainer != nil {
		return trainer, nil
	}
	if trainer := t[""]; trainer != nil {
		return trainer, nil
	}
	known := slices.Sorted(maps.Keys(t))
	if len(known) == 0 {
		return nil, fmt.Errorf("%w: there is none for the modality %q, nor for any other", retrain.ErrTrainerUnavailable, modality)
	}
	text := ""
	if near := nearest.Word(modality, known); near != "" {
		text = "; did you mean " + near + "?"
	}
	return nil, fmt.Errorf("%w: there is none for the modality %q; there are some for %s%s", retrain.ErrTrainerUnavailable, modality, strings.Join(known, ", "), text)
}

// SoftRetrain has the trainer of the command's modality do it.
func (t Trainers) SoftRetrain(ctx context.Context, training *retrain.Training) (*retrain.Trained, error) {
	trainer, err := t.For(training.Command.Modality)
	if err != nil {
		return nil, err
	}
	return trainer.SoftRetrain(ctx, training)
}

// FullRetrain has the trainer of the command's modality do it.
func (t Trainers) FullRetrain(ctx context.Context, training *retrain.Training) (*retrain.Trained, error) {
	trainer, err := t.For(training.Command.Modality)
	if err != nil {
		return nil, err
	}
	return trainer.FullRetrain(ctx, training)
}
