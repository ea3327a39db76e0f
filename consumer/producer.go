package consumer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/consumer/wire"
)

// producer is a producer id with its epoch and sequences: transactional with txn, else plain and idempotent.
type producer struct {
	c   *cluster
	now func() int64
	txn string
	to  string // without txn: a topic that is written to

	id    int64
	epoch int16
	seq   map[partitionOf]int32
}

type partitionOf struct {
	topic     string
	partition int32
}

// batch is what one Produce carries for one partition. Its bytes are made once: a repetition has the same sequence.
type batch struct {
	partitionOf
	records int32
	data    []byte
	base    int64 // the offset that the broker gave
	done    bool
}

// maxBatchBytes bounds a batch of several records: a broker takes 1 MiB unless told otherwise.
const maxBatchBytes = 768 << 10

// init asks for the producer id. With a transactional id this is the fence: the coordinator raises the epoch and aborts what
// the earlier owner left open, and answers only when its markers are written.
func (p *producer) init(ctx context.Context) error {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.ProducerID, req.ProducerEpoch, req.TransactionTimeoutMillis = -1, -1, transactionTimeoutMillis
	route := func(context.Context) (int32, error) { return wire.AnyNode, nil }
	lost := func(context.Context) {}
	if p.txn != "" {
		req.TransactionalID = &p.txn
		route, lost = p.c.toCoordinator(transactions, p.txn)
	}
	return p.c.persist(ctx, 2*requestTimeout, ask{what: "InitProducerID " + p.txn, route: route, lost: lost,
		rights: rights{31: "Write on topic " + p.to, 53: "Write on transactional-id " + p.txn},
		send: func(ctx context.Context, node int32) (int16, error) {
			ctx, cancel := context.WithTimeout(ctx, requestTimeout)
			defer cancel()
			res, err := wire.Do[*kmsg.InitProducerIDResponse](ctx, p.c.client, node, req)
			if err != nil {
				return 0, err
			}
			p.id, p.epoch, p.seq = res.ProducerID, res.ProducerEpoch, map[partitionOf]int32{}
			return res.ErrorCode, nil
		}})
}

// pack makes batches of outputs, in their order within each partition; partition tells where one goes.
func (p *producer) pack(outputs []record.Output, partition func(o *record.Output) (int32, error)) ([]*batch, error) {
	groups := map[partitionOf][]record.Output{}
	for i := range outputs {
		n, err := partition(&outputs[i])
		if err != nil {
			return nil, err
		}
		at := partitionOf{outputs[i].Topic, n}
		groups[at] = append(groups[at], outputs[i])
	}
	var batches []*batch
	for _, at := range slices.SortedFunc(maps.Keys(groups), partitionOf.compare) {
		for rest := groups[at]; len(rest) > 0; {
			n, size := 0, 0
			for ; n < len(rest) && (n == 0 || size+sizeOf(&rest[n]) <= maxBatchBytes); n++ {
				size += sizeOf(&rest[n])
			}
			h := wire.Header{ProducerID: p.id, ProducerEpoch: p.epoch, Sequence: p.seq[at], Transactional: p.txn != "", Time: p.now()}
			batches = append(batches, &batch{partitionOf: at, records: int32(n), data: wire.AppendBatch(nil, h, rest[:n])})
			p.seq[at] += int32(n)
			rest = rest[n:]
		}
	}
	return batches, nil
}

func (a partitionOf) compare(b partitionOf) int {
	if a.topic != b.topic {
		if a.topic < b.topic {
			return -1
		}
		return 1
	}
	return int(a.partition - b.partition)
}

func sizeOf(o *record.Output) int {
	n := len(o.Key) + len(o.Value) + 32
	for i := range o.Headers {
		n += len(o.Headers[i].Key) + len(o.Headers[i].Value) + 10
	}
	return n
}

// produce sends the batches, one a partition at a time, one request a leader, each after the one before is answered.
// Retriable answers are repeated with the same sequence. A transactional batch without an answer leaves a fate unknown: no
// EndTxn may follow it.
func (p *producer) produce(ctx context.Context, batches []*batch) error {
	for {
		done, err := p.round(ctx, batches)
		if done || err != nil {
			return err
		}
	}
}

// round sends the next batch of every partition until all of these are answered; done says that none is left.
func (p *producer) round(ctx context.Context, batches []*batch) (done bool, _ error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	again, slow := delays(2*time.Millisecond), delays(20*time.Millisecond)
	for {
		byLeader, err := p.next(ctx, batches)
		if err == nil && len(byLeader) == 0 {
			return true, nil
		}
		for _, node := range slices.Sorted(maps.Keys(byLeader)) {
			if e := p.send(ctx, node, byLeader[node]); e != nil && err == nil {
				err = e
			}
		}
		if err == nil {
			return false, nil
		}
		f := asFault("Produce", err)
		if f.fate != fateAgain && f.fate != fateRoute {
			return false, f
		}
		wait := again
		if f.fate == fateRoute {
			wait = slow
			_ = p.c.refresh(ctx)
		}
		if pause(ctx, wait.NextBackOff()) != nil {
			f.fate = fateDrop
			return false, f
		}
	}
}

// next is the first unanswered batch of every partition, by the node that leads it.
func (p *producer) next(ctx context.Context, batches []*batch) (map[int32][]*batch, error) {
	byLeader := map[int32][]*batch{}
	var last partitionOf
	for _, b := range batches {
		if b.done || b.partitionOf == last { // batches of one partition follow one another
			continue
		}
		last = b.partitionOf
		node, err := p.c.leader(ctx, b.topic, b.partition)
		if err != nil {
			return nil, err
		}
		byLeader[node] = append(byLeader[node], b)
	}
	return byLeader, nil
}

// send is one Produce. The worst answer of its partitions comes back.
func (p *producer) send(ctx context.Context, node int32, batches []*batch) error {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, int32(requestTimeout.Milliseconds())
	if p.txn != "" {
		req.TransactionID = &p.txn
	}
	for _, b := range batches {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != b.topic {
			t := kmsg.NewProduceRequestTopic()
			t.Topic = b.topic
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Partition, rp.Records = b.partition, b.data
		t := &req.Topics[len(req.Topics)-1]
		t.Partitions = append(t.Partitions, rp)
	}
	res, err := wire.Do[*kmsg.ProduceResponse](ctx, p.c.client, node, req)
	if err != nil {
		f := &fault{fate: fateRoute, what: "Produce", err: err}
		if p.txn != "" {
			f.fate = fateDrop
		}
		return f
	}
	var worst *fault
	for i := range res.Topics {
		for j := range res.Topics[i].Partitions {
			rp := &res.Topics[i].Partitions[j]
			at := partitionOf{res.Topics[i].Topic, rp.Partition}
			k := slices.IndexFunc(batches, func(b *batch) bool { return b.partitionOf == at })
			if k < 0 {
				continue
			}
			if rp.ErrorCode == 0 {
				batches[k].done, batches[k].base = true, rp.BaseOffset
				continue
			}
			f := &fault{fate: fateOf(rp.ErrorCode), what: fmt.Sprintf("Produce to %s/%d", at.topic, at.partition), code: rp.ErrorCode, want: "Write on topic " + at.topic}
			if worst == nil || f.fate > worst.fate {
				worst = f
			}
		}
	}
	if worst != nil {
		return worst
	}
	for _, b := range batches {
		if !b.done {
			return &fault{fate: fateDrop, what: fmt.Sprintf("Produce to %s/%d", b.topic, b.partition), err: fmt.Errorf("an answer without the partition")}
		}
	}
	return nil
}
