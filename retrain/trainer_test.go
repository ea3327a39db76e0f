package retrain

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

func TestEveryKindOfErrorHasItsCode(t *testing.T) {
	for _, c := range []struct {
		err       error
		code      string
		retryable bool
	}{
		{fmt.Errorf("%w: no GPU is free", ErrTrainerUnavailable), "trainer_unavailable", true},
		{fmt.Errorf("registering v6: %w", ErrRegistry), "registry", true},
		{fmt.Errorf("%w: disk full", ErrIO), "io", true},
		{fmt.Errorf("%w: no such layer", ErrInternal), "internal", false},
		{errors.New("something else"), "internal", false},
		{fmt.Errorf("soft retrain: %w", &TrainingError{"exit_75", "try later", true}), "exit_75", true},
	} {
		p := (&Command{CommandID: "c"}).Ended(nil, c.err, "w", 1)
		if p.Kind != Failed || *p.ErrorCode != c.code || *p.Retryable != c.retryable || *p.ErrorMessage == "" {
			t.Errorf("%v: %s %s %t", c.err, p.Kind, *p.ErrorCode, *p.Retryable)
		}
	}
}

func TestAResultThatNoRecordCanCarryIsAFailure(t *testing.T) {
	for _, trained := range []*Trained{
		{NewVersion: "v\n6"},
		{Metrics: map[string]float64{"mAP": math.NaN()}},
		{BestParams: map[string]string{"notes": string(make([]byte, maxProgress))}},
	} {
		p := (&Command{CommandID: "c"}).Ended(trained, nil, "w", 1)
		if p.Kind != Failed || *p.ErrorCode != "invalid_result" || p.Check() != nil {
			t.Errorf("%+v: %+v", trained, p)
		}
	}
	if p := (&Command{CommandID: "c"}).Ended(&Trained{NewVersion: "v6"}, nil, "w", 1); p.Kind != Succeeded || *p.NewVersion != "v6" {
		t.Errorf("%+v", p)
	}
}
