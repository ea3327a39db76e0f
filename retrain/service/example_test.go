package service_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/retrain/service"
	"github.com/visutility/retrainer/retrain/worker"
)

// A program that trains is a trainer in process too.
var _ service.ModelTrainer = (*worker.Program)(nil)

// detector trains the object detection.
type detector struct{}

func (detector) SoftRetrain(ctx context.Context, training *retrain.Training) (*retrain.Trained, error) {
	best, reached := map[string]string{}, 0.0
	for i, trial := range training.Command.Trials { // the parent's best parameters come first
		if ctx.Err() != nil {
			return nil, ctx.Err() // max_runtime, or Stop
		}
		mAP := 0.50 + float64(i)/100 // where the training would be
		if mAP > reached {
			best, reached = trial.Values, mAP
		}
		training.Report(retrain.Report{Step: new(int64(i + 1)), Metrics: map[string]float64{"mAP": mAP}})
	}
	return &retrain.Trained{Metrics: map[string]float64{"mAP": reached}, BestParams: best}, nil
}

func (detector) FullRetrain(context.Context, *retrain.Training) (*retrain.Trained, error) {
	return nil, fmt.Errorf("%w: no GPU is free", retrain.ErrTrainerUnavailable)
}

// One drop of quality, one soft training, a graceful stop.
func Example() {
	ctx := context.Background()
	controller, err := service.NewRetrainController(service.Config{
		Trainer: detector{},
		OnOutput: func(o retrain.Output) {
			if r, ok := o.(*retrain.Result); ok {
				fmt.Printf("%s retrain of %s: %s, %s from %s\n", r.Action, r.Model, r.State, *r.NewVersion, *r.BaseVersion)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	observable := retrain.NewObservable()
	observable.Subscribe(controller)
	s := service.Start(observable, service.Settings{Buffer: 16})

	event := retrain.PerformanceDrop{ModelID: "object_detection/v5.4", MAPChange: -0.12, Timestamp: time.Now()}
	if err := s.Sender().Send(ctx, event); err != nil { // from as many goroutines as you like
		log.Fatal(err)
	}
	if err := s.Stop(ctx); err != nil { // tells what was accepted, waits for what is trained
		log.Fatal(err)
	}
	// Output: soft retrain of object_detection: succeeded, v5.5 from v5.4
}

// Trainers are made by modality, which the policy gives to each command.
func ExampleTrainers() {
	trainers := service.Trainers{"vision": detector{}}

	command := &retrain.Command{Action: retrain.SoftRetrain, Model: "object_detection", Modality: "vision", Trials: []retrain.Trial{{Values: map[string]string{"lr": "0.001"}}}}
	trained, err := trainers.SoftRetrain(context.Background(), &retrain.Training{Command: command, Report: func(r retrain.Report) {
		fmt.Println("step", *r.Step, r.Metrics)
	}})
	fmt.Println(trained.BestParams, err)

	_, err = trainers.For("audio")
	fmt.Println(errors.Is(err, retrain.ErrTrainerUnavailable), err)
	// Output:
	// step 1 map[mAP:0.5]
	// map[lr:0.001] <nil>
	// true trainer unavailable: there is none for the modality "audio"; there are some for vision
}

// catalogue is a registry of somebody else's.
type catalogue struct{}

func (catalogue) LatestModel(_ context.Context, stream retrain.StreamID) (retrain.ModelID, error) {
	if stream == "cam-7" {
		return "object_detection/v5.4", nil
	}
	return "", nil // not known here: the policy's bind_default stands
}

func (catalogue) RegisterVersion(_ context.Context, base retrain.ModelID, metadata map[string]string) (retrain.ModelID, error) {
	fmt.Println("registering what was trained from", base, "by", metadata[service.MetaAction])
	return "object_detection/run-8", nil
}

// An outer registry names the model that a stream feeds, and the versions that are trained.
func ExampleModelRegistry() {
	policy, err := retrain.ParsePolicy([]byte(`{"observe": [{"on": "drift", "rules": [{"threshold": {"of": "p_value", "below": 0.01}, "action": "soft"}]}]}`), "")
	if err != nil {
		log.Fatal(err)
	}
	controller, err := service.NewRetrainController(service.Config{Trainer: detector{}, Registry: catalogue{}, Policy: policy})
	if err != nil {
		log.Fatal(err)
	}
	action, err := controller.OnEvent(retrain.DataDrift{StreamID: "cam-7", PValue: 0.001, Timestamp: time.Now()})
	fmt.Println(action, err)
	if err := controller.Stop(context.Background()); err != nil { // it is an observer that works without a Handle too
		log.Fatal(err)
	}
	for _, model := range controller.Models() {
		fmt.Println(model.Name, *model.Latest)
	}
	// Unordered output:
	// soft <nil>
	// registering what was trained from object_detection by soft
	// object_detection run-8
}
