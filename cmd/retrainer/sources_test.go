package main

import (
	"context"
	"errors"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
)

// foldFunc is a handler that only folds.
type foldFunc struct {
	record.Handler
	fold func() error
}

func (f foldFunc) Fold(*record.Record, []record.Output) ([]record.Output, error) {
	return nil, f.fold()
}

func TestFoldingForALookPassesDeadLettersAndStopsAtAPanic(t *testing.T) {
	broken := errors.New("broken")
	for name, x := range map[string]struct {
		fold func() error
		want error
	}{
		"folded":      {func() error { return nil }, nil},
		"dead letter": {func() error { return &record.Dead{Reason: "malformed"} }, nil},
		"error":       {func() error { return broken }, broken},
		"panic":       {func() error { panic("here") }, errElsewise},
		"needs":       {func() error { return &record.Needs{Schema: "7"} }, errElsewise},
		"outside":     {func() error { return &record.Dead{Reason: "framing", Outside: true} }, errElsewise},
	} {
		if err := foldQuietly(context.Background(), foldFunc{fold: x.fold}, &record.Record{}, nil); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, expected %v", name, err, x.want)
		}
	}
}
