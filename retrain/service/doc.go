// Package service runs the core of package retrain in one process, for programs without Kafka: events come in by a Sender,
// trainings run here. Rules, cool-down and explanations are those of the service with Kafka, for it is the same core. It must
// not know Kafka or Avro. Its state lives as long as the process.
//
// Package retrain is pure, so the interfaces that take a context stand here: ModelRegistry and ModelTrainer. A program of
// package retrain/worker is a ModelTrainer.
//
// # Goroutines, and what each owns
//
//   - The loop, one a Handle, started by Start: it owns the Observable, tells it every event, has the observers look at the time
//     once a tick (Ticker), and ends when Stop was called, all that was accepted is told and the observers have stopped (Stopper).
//     While they stop, one more goroutine waits for them, so that the ticks go on.
//   - A training, one a command that runs, started by launch and counted in running: it owns the call of the ModelTrainer, and of
//     the ModelRegistry after it. Stop waits for all of them.
//   - Senders are the goroutines of the callers. They meet the loop at one channel of bounded length, nowhere else.
//
// A RetrainController has two locks. mu guards the ledger and the lists of trainings, and is held for a step, never over a call
// of anybody's code. steps is taken before it, by whoever has an entry for the ledger (the loop with an event or a tick, a
// training with its progress), and held until the step has been told to OnOutput: so outputs are told in the ledger's order, and
// an OnOutput that is slow holds up everybody who has something to enter.
package service
