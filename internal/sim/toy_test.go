package sim

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// bug is a rule that the toy breaks.
type bug int

const (
	none         bug = iota
	resend           // a Produce of unknown fate is sent again under the next sequence
	offsetAfter      // the offset is committed after the transaction, not in it
	offsetBefore     // the offset is fetched before the fence
	earlyEnd         // EndTxn does not wait for Produce's answer
	assume           // an EndTxn of unknown fate counts as a commit
)

// toy copies partition 0 of "in" to "out", each record in a transaction of its own with the offset after it. It knows one
// broker, no group, and fences by its transactional id alone.
type toy struct {
	bug    bug
	dial   Dial
	conn   net.Conn
	pid    int64
	epoch  int16
	seq    int32
	offset int64
}

const toyTxn = "toy.in.0"

var bg = context.Background()

func (b bug) run(ctx context.Context, dial Dial) error {
	t := &toy{bug: b, dial: dial}
	for ctx.Err() == nil {
		err := t.session(ctx)
		t.hangUp()
		if err != nil && ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

func (t *toy) session(ctx context.Context) error {
	begin := []func() error{t.fence, t.load}
	if t.bug == offsetBefore {
		begin[0], begin[1] = begin[1], begin[0]
	}
	for _, f := range begin {
		if err := f(); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		values, err := t.fetch()
		if err != nil {
			return err
		}
		for _, v := range values {
			if err := t.publish(v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *toy) fence() error {
	r := kmsg.NewPtrInitProducerIDRequest()
	id := toyTxn
	r.TransactionalID, r.TransactionTimeoutMillis = &id, 10_000
	a, err := r.RequestWith(bg, t)
	if err != nil {
		return err
	}
	t.pid, t.epoch, t.seq = a.ProducerID, a.ProducerEpoch, 0
	return kerr.ErrorForCode(a.ErrorCode)
}

func (t *toy) load() error {
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Group, r.RequireStable = "g", t.bug != offsetBefore
	p := kmsg.NewOffsetFetchRequestTopic()
	p.Topic, p.Partitions = "in", []int32{0}
	r.Topics = append(r.Topics, p)
	a, err := r.RequestWith(bg, t)
	if err != nil {
		return err
	}
	if a.ErrorCode == kerr.GroupIDNotFound.Code { // Apache Kafka says -1 for each partition
		t.offset = 0
		return nil
	}
	if a.ErrorCode != 0 {
		return kerr.ErrorForCode(a.ErrorCode)
	}
	t.offset = max(0, a.Topics[0].Partitions[0].Offset)
	return kerr.ErrorForCode(a.Topics[0].Partitions[0].ErrorCode)
}

func (t *toy) fetch() (values []string, err error) { return t.fetchFrom("in") }

func (t *toy) fetchFrom(topic string) (values []string, err error) {
	r := kmsg.NewPtrFetchRequest()
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.IsolationLevel, r.SessionEpoch = 4000, 1, 1<<20, 1, -1
	ft := kmsg.NewFetchRequestTopic()
	ft.Topic = topic
	fp := kmsg.NewFetchRequestTopicPartition()
	fp.FetchOffset, fp.PartitionMaxBytes = t.offset, 1<<20
	ft.Partitions = append(ft.Partitions, fp)
	r.Topics = append(r.Topics, ft)
	a, err := r.RequestWith(bg, t)
	if err != nil {
		return nil, err
	}
	f, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: t.offset}, &a.Topics[0].Partitions[0], decompressor{}, nil)
	for _, r := range f.Records {
		values = append(values, string(r.Value))
	}
	return values, f.Err
}

// publish is one transaction.
func (t *toy) publish(v string) error {
	add := kmsg.NewPtrAddPartitionsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch = toyTxn, t.pid, t.epoch
	at := kmsg.NewAddPartitionsToTxnRequestTopic()
	at.Topic, at.Partitions = "out", []int32{0}
	add.Topics = append(add.Topics, at)
	for {
		a, err := add.RequestWith(bg, t)
		if err != nil {
			return err
		}
		if c := a.Topics[0].Partitions[0].ErrorCode; c == kerr.ConcurrentTransactions.Code {
			time.Sleep(2 * time.Millisecond)
		} else if c != 0 {
			return kerr.ErrorForCode(c)
		} else {
			break
		}
	}
	if t.bug == earlyEnd {
		if err := t.send(t.produce(v)); err != nil {
			return err
		}
		t.seq++
		t.conn = nil // its answer is left unread; the rest goes over a new connection
	} else if err := t.append(v); err != nil {
		return err
	}
	t.offset++
	if t.bug != offsetAfter {
		if err := t.offsetInTxn(); err != nil {
			return err
		}
	}
	err := t.end(true)
	if err != nil && t.bug == assume {
		t.hangUp()
		return nil
	}
	if err == nil && t.bug == offsetAfter {
		err = t.offsetAlone()
	}
	return err
}

func (t *toy) end(commit bool) error {
	r := kmsg.NewPtrEndTxnRequest()
	r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = toyTxn, t.pid, t.epoch, commit
	a, err := r.RequestWith(bg, t)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(a.ErrorCode)
}

func (t *toy) append(v string) error {
	a, err := t.produce(v).RequestWith(bg, t)
	if err != nil && t.bug == resend {
		t.hangUp()
		t.seq++
		a, err = t.produce(v).RequestWith(bg, t)
	}
	if err != nil {
		return err
	}
	t.seq++
	return kerr.ErrorForCode(a.Topics[0].Partitions[0].ErrorCode)
}

func (t *toy) produce(v string) *kmsg.ProduceRequest {
	rec := kmsg.Record{Value: []byte(v)}
	rec.Length = int32(len(rec.AppendTo(nil)) - 1)
	b := kmsg.RecordBatch{PartitionLeaderEpoch: -1, Magic: 2, Attributes: transactional, FirstTimestamp: time.Now().UnixMilli(), MaxTimestamp: time.Now().UnixMilli(),
		ProducerID: t.pid, ProducerEpoch: t.epoch, FirstSequence: t.seq, NumRecords: 1, Records: rec.AppendTo(nil)}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], castagnoli))
	r := kmsg.NewPtrProduceRequest()
	id := toyTxn
	r.TransactionID, r.Acks, r.TimeoutMillis = &id, -1, 1000
	pt := kmsg.NewProduceRequestTopic()
	pt.Topic = "out"
	pp := kmsg.NewProduceRequestTopicPartition()
	pp.Records = raw
	pt.Partitions = append(pt.Partitions, pp)
	r.Topics = append(r.Topics, pt)
	return r
}

func (t *toy) offsetInTxn() error {
	o := kmsg.NewPtrAddOffsetsToTxnRequest()
	o.TransactionalID, o.ProducerID, o.ProducerEpoch, o.Group = toyTxn, t.pid, t.epoch, "g"
	oa, err := o.RequestWith(bg, t)
	if err == nil {
		err = kerr.ErrorForCode(oa.ErrorCode)
	}
	if err != nil {
		return err
	}
	c := kmsg.NewPtrTxnOffsetCommitRequest()
	c.TransactionalID, c.Group, c.ProducerID, c.ProducerEpoch, c.Generation = toyTxn, "g", t.pid, t.epoch, -1
	ct := kmsg.NewTxnOffsetCommitRequestTopic()
	ct.Topic = "in"
	cp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	cp.Offset = t.offset
	ct.Partitions = append(ct.Partitions, cp)
	c.Topics = append(c.Topics, ct)
	ca, err := c.RequestWith(bg, t)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(ca.Topics[0].Partitions[0].ErrorCode)
}

func (t *toy) offsetAlone() error {
	c := kmsg.NewPtrOffsetCommitRequest()
	c.Group = "g"
	ct := kmsg.NewOffsetCommitRequestTopic()
	ct.Topic = "in"
	cp := kmsg.NewOffsetCommitRequestTopicPartition()
	cp.Offset = t.offset
	ct.Partitions = append(ct.Partitions, cp)
	c.Topics = append(c.Topics, ct)
	a, err := c.RequestWith(bg, t)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(a.Topics[0].Partitions[0].ErrorCode)
}

// versions are those that keep transactions in their V1 form.
var versions = map[kmsg.Key]int16{kmsg.Produce: 9, kmsg.Fetch: 12, kmsg.OffsetCommit: 7, kmsg.OffsetFetch: 7, kmsg.InitProducerID: 4,
	kmsg.AddPartitionsToTxn: 3, kmsg.AddOffsetsToTxn: 3, kmsg.TxnOffsetCommit: 3, kmsg.EndTxn: 3}

// send writes one request on the toy's connection, which it opens if need be. Its answer is due in 5 s.
func (t *toy) send(r kmsg.Request) (err error) {
	if t.conn == nil {
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		if t.conn, err = t.dial(ctx, "tcp", Seed); err != nil {
			t.conn = nil
			return err
		}
	}
	r.SetVersion(versions[kmsg.Key(r.Key())])
	t.conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, err = t.conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, r, 1))
	return err
}

// Request is one request and its answer.
func (t *toy) Request(_ context.Context, r kmsg.Request) (kmsg.Response, error) {
	if err := t.send(r); err != nil {
		return nil, err
	}
	frame, err := readFrame(t.conn)
	if err != nil {
		return nil, err
	}
	return readResponse(kmsg.Key(r.Key()), r.GetVersion(), frame), nil
}

func (t *toy) hangUp() {
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}
