package retrain_test

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// limit is an observer of one line: it asks for a soft retrain of whatever lost more than that.
type limit float64

func (l limit) OnEvent(event retrain.MetricEvent) (retrain.RetrainAction, error) {
	if drop, ok := event.(retrain.PerformanceDrop); ok && drop.MAPChange < -float64(l) {
		return retrain.SoftRetrain, nil
	}
	return retrain.NoAction, nil
}

// offline is an observer that cannot say anything.
type offline struct{}

func (offline) OnEvent(retrain.MetricEvent) (retrain.RetrainAction, error) {
	return retrain.NoAction, fmt.Errorf("%w: connection refused", retrain.ErrRegistry)
}

func (offline) String() string { return "the registry's" }

// Each observer is told of every event; the most severe action counts.
func ExampleObserver() {
	observable := retrain.NewObservable()
	observable.Subscribe(limit(0.05))
	observable.Subscribe(limit(0.2))

	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, change := range []float64{-0.01, -0.12} {
		action, _ := observable.Dispatch(retrain.PerformanceDrop{ModelID: "object_detection/v5.4", MAPChange: change, Timestamp: at})
		fmt.Println(change, action)
	}
	// Output:
	// -0.01 none
	// -0.12 soft
}

// An observer that fails holds up none of the others: its error comes back beside the action.
func ExampleObservable_Dispatch() {
	observable := retrain.NewObservable()
	observable.Subscribe(offline{})
	observable.Subscribe(limit(0.05))

	action, err := observable.Dispatch(retrain.PerformanceDrop{ModelID: "object_detection/v5.4", MAPChange: -0.12})
	fmt.Println(action)
	fmt.Println(err)
	fmt.Println("the registry is away:", errors.Is(err, retrain.ErrRegistry))
	// Output:
	// soft
	// observer 1 (the registry's): registry error: connection refused
	// the registry is away: true
}

// The caller reads the environment, not the package.
func ExampleNewTuner() {
	os.Unsetenv("VTY_TUNER")
	tuner, err := retrain.NewTuner(os.Getenv("VTY_TUNER")) // "" is grid
	if err != nil {
		fmt.Println(err)
		return
	}
	low, high := 1e-5, 1e-2
	space := []retrain.Parameter{
		{Name: "batch_size", Type: retrain.Discrete, Values: []string{"16", "32"}},
		{Name: "lr", Type: retrain.Double, Low: &low, High: &high, Log: true},
	}
	for _, values := range tuner.Propose(space, 4, "8f5a3c1e-0000-5000-8000-000000000000") {
		fmt.Println(values)
	}
	_, err = retrain.NewTuner("radnom")
	fmt.Println(err)
	// Output:
	// map[batch_size:16 lr:0.00001]
	// map[batch_size:16 lr:0.01]
	// map[batch_size:32 lr:0.00001]
	// map[batch_size:32 lr:0.01]
	// tuner "radnom" is unknown; known are grid, random; did you mean random?
}
