// Package retrain decides when a model is trained again. It knows events, observers, alerts, the controller, the policy and
// the tuners; it must not know Kafka, Avro, files, clocks or randomness: time and bytes come in as arguments, so folding the
// same input again gives the same output.
//
// An event of a source goes through the observers that the policy gives to it (Sources), which fire and resolve alerts. The
// ledger puts alerts, people's requests, trainers' progress, policies and ticks in one order, and the Controller folds it:
// decisions, commands, results and the state of each model come out.
//
// A program without Kafka tells its events (MetricEvent) to an Observable's observers. Package retrain/service has the observer
// that does all of the above in one process, and the interfaces that take a context: ModelTrainer, ModelRegistry.
//
// The types that are records (Alert, Decision, Command, Progress, Result, Model ...) have the fields of schemas/NAME.avsc, where
// each has a sentence. In all of them times are ms since 1970, durations ms, and nil is what is not known or does not apply.
package retrain
