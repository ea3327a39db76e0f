// Package consumer runs pure handlers over Kafka's partitions, exactly once. It knows groups, transactions, checkpoints,
// bytes and offsets; it must not know what the bytes mean.
//
// The way of a record: group.go (membership) starts a task for each partition (task.go: fence, load, check, replay, run,
// end), which reads (fetch.go), folds its handler, and moves outputs, checkpoint, position and offset in one transaction
// (commit.go). What each error code means stands in one table (fate.go). Recovery of any kind is the same path: drop the
// handler, fence, load, replay.
//
// The way of a record whose work may take hours is another: a Queue (queue.go) reads it by a lane (lane.go), gives it to Work,
// whatever the group does meanwhile, and commits its offset when it is done, at least once (shift.go).
package consumer
