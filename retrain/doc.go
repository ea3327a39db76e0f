// Package retrain decides when a model is trained again. It knows events, observers, alerts, the controller, the policy and
// the tuners; it must not know Kafka, Avro, files, clocks or randomness: time and bytes come in as arguments, so folding the
// same input again gives the same output.
//
// An event of a source goes through the observers that the policy gives to it (Sources), which fire and resolve alerts. The
// ledger puts alerts, people's requests, trainers' progress, policies and ticks in one order, and the Controller folds it:
// decisions, commands, results and the state of each model come out.
//
// A program without Kafka tells its events (MetricEvent) to an Observable's observers. Package retrain/service has one that does
// the same as above in one process, with the interfaces that take a context: ModelRegistry, ModelTrainer.
package retrain
