// Package embedded is the broker of `retrainer dev`: kfake, franz-go's broker in one process, with its data on disk and with
// the things that it lacks for that. It knows the broker's side of Kafka's protocol and kfake's files; it must not know
// what is in the records.
//
//   - LogAppendTime (stamp.go): kfake stamps a batch only if the producer sets the attribute's bit, which Apache Kafka
//     refuses, and leaves the CRC as it was, so that every reader that checks it, kfake's own after a restart included,
//     takes the batch for corrupt.
//   - Transactions whole after kill -9 (decisions.go, repair.go): kfake writes the markers of a transaction one partition
//     after the other, and after a crash takes what has no marker for aborted: a kill between two markers would tear the
//     transaction. It also writes no marker for what it aborts so, and readers of the partition would then leave out the next
//     transaction of that producer as well.
//   - Producers' sequences after kill -9 (windows.go): kfake keeps them in memory, and would take a batch twice that it wrote but
//     could not answer.
//   - Compaction whole after kill -9: kfake deletes a segment before it writes the compacted one, so compaction and retention
//     are off: the data of a trial stays.
package embedded
