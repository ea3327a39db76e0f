package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/consumer/wire"
)

const (
	transactionTimeoutMillis = 10_000
	offsetMetadata           = "retrainer" // marks an offset as committed by us
)

// commit (7) moves the outputs, the changed keys if a checkpoint is due, the position and the offset in one transaction.
// On any error (8) the life ends: the next fence aborts what is open, and the next load sees what became of it.
func (t *task) commit() error {
	now := t.c.cfg.Now()
	next := position{topicID: t.topicID, offset: t.input.next, checkpoint: t.saved.checkpoint, revision: t.revision.Number, writer: t.c.cfg.Writer}
	records := t.outputs
	full := t.in.EachCommit || t.everyKey || t.outside || t.checkpointDue()
	if full {
		next.checkpoint = next.offset
		t.handler.Snapshot(t.everyKey, func(key, value []byte) {
			records = append(records, record.Output{Topic: t.in.Checkpoint, Key: append([]byte{keyPrefix}, key...), Value: slices.Clone(value)})
		})
	}
	if err := t.transact(next, records); err != nil {
		return err
	}
	t.discard()
	t.everyKey, t.outside = false, false
	t.committedAt = now
	if full {
		t.folded, t.checkpointAt = 0, now
		t.c.poison.forget(t.in.Topic, t.partition, next.checkpoint)
	}
	return nil
}

// discard empties what waits: it has been committed, or was committed before and came again in a replay.
func (t *task) discard() {
	clear(t.outputs)
	t.outputs, t.waiting = t.outputs[:0], 0
}

// transact is a transaction that the watcher is told of.
func (t *task) transact(next position, records []record.Output) error {
	before := t.saved
	t.after, t.asked = t.counts(t.after[:0]), false
	err := t.transaction(next, records)
	t.told(before, next, err)
	return err
}

// transaction writes next as the position, with records, in one transaction: AddPartitions, Produce, AddOffsets,
// TxnOffsetCommit, EndTxn, each only after the one before is answered. The order is the promise: EndTxn with a Produce
// unanswered could commit without it; an offset outside the transaction would not be fenced by the group.
func (t *task) transaction(next position, records []record.Output) error {
	ctx := t.g.hard
	t.log.Debug().Str("state", stateCommitting).Int64("offset", next.offset).Msg("task")
	records = append(records, record.Output{Topic: t.in.Checkpoint, Key: []byte(positionKey), Value: next.append(nil)})
	batches, err := t.producer.pack(records, t.partitionFor)
	if err != nil {
		return err
	}
	t.writing = batches
	if err := t.addPartitions(ctx, batches); err != nil {
		return err
	}
	if err := t.producer.produce(ctx, batches); err != nil {
		return err
	}
	if err := t.notCut(batches); err != nil {
		return err
	}
	if err := t.addOffsets(ctx); err != nil {
		return err
	}
	if err := t.commitOffset(ctx, next.offset); err != nil {
		return err
	}
	if err := t.endTransaction(ctx, true); err != nil {
		return err
	}
	t.saved, t.known, t.writing = next, true, nil
	t.retry.Reset()
	return nil
}

// partitionFor tells where a record goes: the checkpoint beside its input, everything else by its key.
func (t *task) partitionFor(o *record.Output) (int32, error) {
	if o.Topic == t.in.Checkpoint {
		return t.partition, nil
	}
	info, err := t.c.cluster.topic(t.g.hard, o.Topic)
	if err != nil {
		return 0, err
	}
	return wire.PartitionFor(o.Key, int32(len(info.leaders))), nil
}

func (t *task) transactionalID() string {
	return fmt.Sprintf("%s.%s.%d", t.c.cfg.App, t.in.Topic, t.partition)
}

// toWrite is the right that a transaction needs.
func (t *task) toWrite() string { return "Write on transactional-id " + t.producer.txn }

// step is one request to the transaction's coordinator. Without an answer its fate is unknown.
func (t *task) step(ctx context.Context, what string, needs rights, send func(context.Context, int32) (int16, error)) error {
	route, lost := t.c.cluster.toCoordinator(transactions, t.producer.txn)
	err := t.c.cluster.persist(ctx, requestTimeout, ask{what: what, route: route, lost: lost, send: send, unknown: true, rights: needs})
	if err != nil {
		t.c.cluster.misrouted(transactions, t.producer.txn)
	}
	return err
}

func (t *task) addPartitions(ctx context.Context, batches []*batch) error {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = t.producer.txn, t.producer.id, t.producer.epoch
	var last partitionOf
	for _, b := range batches {
		if b.partitionOf == last {
			continue
		}
		if b.topic != last.topic {
			at := kmsg.NewAddPartitionsToTxnRequestTopic()
			at.Topic = b.topic
			req.Topics = append(req.Topics, at)
		}
		last = b.partitionOf
		at := &req.Topics[len(req.Topics)-1]
		at.Partitions = append(at.Partitions, b.partition)
	}
	needs := rights{53: t.toWrite()}
	return t.step(ctx, "AddPartitionsToTxn", needs, func(ctx context.Context, node int32) (int16, error) {
		res, err := wire.Do[*kmsg.AddPartitionsToTxnResponse](ctx, t.c.client, node, req)
		if err != nil {
			return 0, err
		}
		var worst int16
		for i := range res.Topics {
			for _, p := range res.Topics[i].Partitions {
				if fateOf(p.ErrorCode) > fateOf(worst) {
					worst, needs[29] = p.ErrorCode, "Write on topic "+res.Topics[i].Topic
				}
			}
		}
		return worst, nil
	})
}

func (t *task) addOffsets(ctx context.Context) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = t.producer.txn, t.producer.id, t.producer.epoch, t.c.cfg.App
	return t.step(ctx, "AddOffsetsToTxn", rights{30: "Read on group " + t.c.cfg.App, 53: t.toWrite()}, func(ctx context.Context, node int32) (int16, error) {
		res, err := wire.Do[*kmsg.AddOffsetsToTxnResponse](ctx, t.c.client, node, req)
		if err != nil {
			return 0, err
		}
		return res.ErrorCode, nil
	})
}

// commitOffset is the fence by the group: it is refused unless generation and member are the live ones.
func (t *task) commitOffset(ctx context.Context, offset int64) error {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group = t.producer.txn, t.c.cfg.App
	req.ProducerID, req.ProducerEpoch = t.producer.id, t.producer.epoch
	req.Generation, req.MemberID = t.g.number, t.g.member
	if t.c.cfg.InstanceID != "" {
		req.InstanceID = &t.c.cfg.InstanceID
	}
	rt := kmsg.NewTxnOffsetCommitRequestTopic()
	rt.Topic = t.in.Topic
	rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = t.partition, offset, -1, kmsg.StringPtr(offsetMetadata)
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	route, lost := t.c.cluster.toCoordinator(groups, t.c.cfg.App)
	return t.c.cluster.persist(ctx, requestTimeout, ask{what: "TxnOffsetCommit", route: route, lost: lost, unknown: true,
		rights: rights{29: "Read on topic " + t.in.Topic, 30: "Read on group " + t.c.cfg.App, 53: t.toWrite()},
		send: func(ctx context.Context, node int32) (int16, error) {
			res, err := wire.Do[*kmsg.TxnOffsetCommitResponse](ctx, t.c.client, node, req)
			if err != nil {
				return 0, err
			}
			if len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
				return 0, errors.New("an answer without the partition")
			}
			return res.Topics[0].Partitions[0].ErrorCode, nil
		}})
}

func (t *task) endTransaction(ctx context.Context, commit bool) error {
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = t.producer.txn, t.producer.id, t.producer.epoch, commit
	t.asked = commit
	return t.step(ctx, "EndTxn", rights{53: t.toWrite()}, func(ctx context.Context, node int32) (int16, error) {
		res, err := wire.Do[*kmsg.EndTxnResponse](ctx, t.c.client, node, req)
		if err != nil {
			return 0, err
		}
		return res.ErrorCode, nil
	})
}

// notCut compares where the checkpoint records landed with what the load had read: an offset that was there before says
// that the log was cut (an unclean election), and what was loaded is not what the next owner will find.
func (t *task) notCut(batches []*batch) error {
	for _, b := range batches {
		if b.topic != t.in.Checkpoint {
			continue
		}
		if b.base < t.floor {
			return drop(causeCut, "Produce", fmt.Errorf("%s/%d gave offset %d, but was read or written up to %d before: the log was cut", b.topic, b.partition, b.base, t.floor))
		}
		t.floor = b.base + int64(b.records)
	}
	return nil
}

// hangs says that offsets were unstable for the whole time of the request, after a fence that aborts what its coordinator knows.
func hangs(err error) bool {
	var f *fault
	return errors.As(err, &f) && f.err == nil && f.code == kerr.UnstableOffsetCommit.Code
}

// closeHanging ends a transaction that is open to partitions and not to its coordinator, and drops the task. The marker was cut off
// the checkpoint partition; or a broker that was killed between the decision and its markers takes them for written when it is back
// (Apache Kafka 4.4 does, alone on its cluster). InitProducerID does not close it: an abort under the new epoch does, by markers of
// the same producer id.
func (t *task) closeHanging(why error, sentence string, open []*batch) error {
	t.log.Error().Err(why).Msg(sentence + "; closing what it left open")
	if err := t.abortIn(open); err != nil {
		return err
	}
	return drop(causeHanging, "load", why)
}

// abortIn aborts a transaction of partitions and the group's offsets in which nothing was written.
func (t *task) abortIn(partitions []*batch) error {
	ctx := t.g.hard
	if err := t.addPartitions(ctx, partitions); err != nil {
		return err
	}
	if err := t.addOffsets(ctx); err != nil {
		return err
	}
	return t.endTransaction(ctx, false)
}

// beside is the checkpoint partition.
func (t *task) beside() []*batch {
	return []*batch{{partitionOf: partitionOf{t.in.Checkpoint, t.partition}}}
}

// leftOpen are the partitions in which a transaction is open whose offset is: the checkpoint's, and where that is open all that it may
// have written to. Left alone there, its records would be committed by the next commit, beside those that are folded again. A
// checkpoint that is not open has got its marker: then the rest may have, and the next commit is right for what has not.
func (t *task) leftOpen(ctx context.Context) ([]*batch, error) {
	open := t.beside()
	end, err := t.c.cluster.offsetAt(ctx, t.in.Checkpoint, t.partition, latest)
	if err != nil {
		return nil, err
	}
	stable, err := t.c.cluster.offsetOf(ctx, t.in.Checkpoint, t.partition, latest, committedRecords)
	if err != nil || stable >= end {
		return open, err
	}
	for _, topic := range append(slices.Clone(t.in.Outputs), t.c.cfg.DeadLetters) {
		if topic == "" {
			continue
		}
		info, err := t.c.cluster.topic(ctx, topic)
		if err != nil {
			return nil, err
		}
		for p := range int32(len(info.leaders)) {
			open = append(open, &batch{partitionOf: partitionOf{topic, p}})
		}
	}
	return open, nil
}
