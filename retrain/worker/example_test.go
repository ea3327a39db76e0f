//go:build linux || darwin

package worker_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/retrain/service"
	"github.com/visutility/retrainer/retrain/worker"
	"github.com/visutility/retrainer/schemas"
)

// A training program is the trainer of a program in Go: it gets the command as `retrainer worker` would give it.
func ExampleProgram() {
	dir, err := os.MkdirTemp("", "trainings") // one that stays, or a training that was finished is not known again
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program, err := worker.New(worker.Config{
		Exec:   `sh -c 'grep -q "\"base_version\":\"v5.4\"" "$RETRAIN_COMMAND" && echo "{\"metrics\": {\"mAP\": 0.61}}"'`,
		Dir:    dir,
		Encode: schemas.MustCodec[retrain.Command]("Command").JSON,
	})
	if err != nil {
		log.Fatal(err)
	}
	controller, err := service.NewRetrainController(service.Config{Trainer: program, OnOutput: func(o retrain.Output) {
		if r, ok := o.(*retrain.Result); ok {
			fmt.Println(r.State, *r.NewVersion, r.Metrics)
		}
	}})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := controller.OnEvent(retrain.PerformanceDrop{ModelID: "object_detection/v5.4", MAPChange: -0.12, Timestamp: time.Now()}); err != nil {
		log.Fatal(err)
	}
	if err := controller.Stop(context.Background()); err != nil { // waits for the training
		log.Fatal(err)
	}
	// Output: succeeded v5.5 map[mAP:0.61]
}
