// Package verify folds a ledger again and compares what comes of it with what stands in the topics. It knows the program's
// records, their order, and what retention and compaction leave of them; it must not know where they are read from, nor how
// people are told.
//
// Topics of which every record is kept (decisions, commands, results) are compared record by record, in the order in which the
// ledger gives them: of a topic no more is in memory than the next record of each partition. Compacted topics (models,
// policies) are compared by the last word on each key.
package verify
