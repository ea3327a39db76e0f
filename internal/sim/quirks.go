package sim

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Quirk is an answer that Apache Kafka gives now and then and kfake never by itself.
type Quirk struct {
	Name string
	Keys []kmsg.Key // the requests that it answers
	Err  *kerr.Error

	// Applied says that the broker does the work and answers the error all the same.
	Applied bool
}

// Quirks are the answers that a client must live through, each named with what makes a broker give it. Whoever retries the
// same request gets through.
func Quirks() []Quirk {
	coordinator := []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn}
	return []Quirk{
		{Name: "51 while the last transaction ends", Keys: []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.EndTxn}, Err: kerr.ConcurrentTransactions},
		{Name: "14 while the coordinator loads", Keys: coordinator, Err: kerr.CoordinatorLoadInProgress},
		{Name: "14 of the group while its coordinator loads", Keys: []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetFetch}, Err: kerr.CoordinatorLoadInProgress},
		{Name: "15 before there is a coordinator", Keys: append([]kmsg.Key{kmsg.FindCoordinator}, coordinator...), Err: kerr.CoordinatorNotAvailable},
		{Name: "16 when the coordinator has moved", Keys: coordinator, Err: kerr.NotCoordinator},
		{Name: "16 of the group when its coordinator has moved", Keys: []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetFetch}, Err: kerr.NotCoordinator},
		{Name: "19 when the leader cannot ask the coordinator", Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas},
		{Name: "20 after the append", Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend, Applied: true},
		{Name: "7 after the append", Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Applied: true},
		{Name: "7 after the offsets", Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.RequestTimedOut, Applied: true},
		{Name: "6 after an election", Keys: []kmsg.Key{kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets}, Err: kerr.NotLeaderForPartition},
		{Name: "56 when the leader's disk is full", Keys: []kmsg.Key{kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets}, Err: kerr.KafkaStorageError},
		{Name: "-1 when a broker fails at it", Keys: append([]kmsg.Key{kmsg.FindCoordinator, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetFetch, kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets}, coordinator...), Err: kerr.UnknownServerError},
		{Name: "78 while a new leader finds its high watermark", Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.OffsetNotAvailable},
		{Name: "88 while a transaction ends", Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit},
	}
}

// Install makes one of the quirk's kinds of request (a key of q.Keys) answer so, for requests that when accepts (nil: all),
// count times (-1: always). when is asked once a request and need not be free of memory.
func (w *World) Install(q Quirk, key kmsg.Key, count int, when func(kmsg.Request) bool) *kfake.FaultHandle {
	return w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: q.Err, Count: count, When: once(when)})
}

// once remembers the answer for a request: kfake asks again for each topic and partition in it.
func once(when func(kmsg.Request) bool) func(kmsg.Request) bool {
	if when == nil {
		return nil
	}
	var last kmsg.Request
	var said bool
	return func(r kmsg.Request) bool {
		if r != last {
			last, said = r, when(r)
		}
		return said
	}
}

// Concurrent makes the brokers end transactions as Apache Kafka does: EndTxn answers before the markers are written, and the
// next n AddPartitionsToTxn or InitProducerID of that transactional id are answered 51.
func (w *World) Concurrent(n int) *kfake.FaultHandle {
	var mu sync.Mutex
	ending := map[string]int{}
	w.Cluster.ControlKey(kmsg.EndTxn.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		ending[r.(*kmsg.EndTxnRequest).TransactionalID] = n
		mu.Unlock()
		return nil, nil, false
	})
	return w.Cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.InitProducerID}, Err: kerr.ConcurrentTransactions, Count: -1,
		When: once(func(r kmsg.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			id := (&Exchange{Request: r}).TxnID()
			ending[id]--
			return ending[id] >= 0
		}),
	})
}

// forgiveUserData takes a restarted static member back as Apache Kafka does, which asks only whether the group would choose
// another protocol. kfake also compares the user data, which of a fresh process never holds what it owned before, and
// rebalances; so it is given what the member sent last. (The test on Apache Kafka: TestRollingRestartLoadsEachPartitionOnce.)
func (w *World) forgiveUserData() {
	var mu sync.Mutex
	sent := map[string][]kmsg.JoinGroupRequestProtocol{}
	w.Cluster.ControlKey(kmsg.JoinGroup.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		join := r.(*kmsg.JoinGroupRequest)
		if join.InstanceID == nil {
			return nil, nil, false
		}
		mu.Lock()
		defer mu.Unlock()
		member := join.Group + "/" + *join.InstanceID
		if last, ok := sent[member]; ok && join.MemberID == "" {
			join.Protocols = last
		}
		sent[member] = join.Protocols
		return nil, nil, false
	})
}

// logAppendTime is the bit of a batch's attributes that says whose clock its time is.
const logAppendTime = 1 << 3

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stampAppendTime keeps message.timestamp.type=LogAppendTime, which kfake ignores. It stamps a batch that has the bit set, but
// leaves the checksum of what the producer sent; so the bit, the times and the checksum are set here, on the batch's way in,
// and kfake's own stamp of the same virtual millisecond changes nothing.
func (w *World) stampAppendTime() {
	stamped := map[string]bool{}
	for _, t := range w.topics {
		stamped[t.Name] = t.Configs["message.timestamp.type"] == "LogAppendTime"
	}
	w.Cluster.ControlKey(kmsg.Produce.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		for _, t := range r.(*kmsg.ProduceRequest).Topics {
			name := t.Topic
			if name == "" {
				name = w.Trace.name(t.TopicID)
			}
			for _, p := range t.Partitions {
				if stamped[name] && len(p.Records) >= 61 {
					stamp(p.Records, time.Now().UnixMilli())
				}
			}
		}
		return nil, nil, false
	})
}

// stamp sets the times of a record batch v2: attributes at byte 21, first and last time at 27 and 35, checksum of all from 21
// on at 17.
func stamp(batch []byte, now int64) {
	binary.BigEndian.PutUint16(batch[21:], binary.BigEndian.Uint16(batch[21:])|logAppendTime)
	binary.BigEndian.PutUint64(batch[27:], uint64(now))
	binary.BigEndian.PutUint64(batch[35:], uint64(now))
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], castagnoli))
}
