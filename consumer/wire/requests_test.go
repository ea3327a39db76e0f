package wire

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/visutility/retrainer/consumer/record"
)

const (
	topic = "monitoring.drift"
	group = "retrainer"
	txn   = "retrainer-0"
)

// requests sends one request of every kind that the consumer needs, as one exactly-once step, and checks the answers.
type requests struct {
	*testing.T
	k *cluster
	c *Client

	id          [16]byte
	leader      int32
	groupNode   int32
	txnNode     int32
	member      string
	generation  int32
	producer    int64
	epoch       int16
	transaction []record.Output
}

func (r *requests) run() {
	r.discover()
	r.join()
	r.transact()
	r.read()
	r.leave()
}

func (r *requests) discover() {
	t, c := r.T, r.c
	ask[*kmsg.ApiVersionsResponse](t, c, AnyNode, kmsg.NewPtrApiVersionsRequest())

	create := kmsg.NewPtrCreateTopicsRequest()
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = topic, 1, 1
	create.Topics, create.TimeoutMillis = append(create.Topics, ct), 1000
	meta := ask[*kmsg.MetadataResponse](t, c, AnyNode, brokersOnly())
	created := ask[*kmsg.CreateTopicsResponse](t, c, meta.ControllerID, create)
	noError(t, "CreateTopics", created.Topics[0].ErrorCode)

	name := topic
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	meta = ask[*kmsg.MetadataResponse](t, c, AnyNode, req)
	noError(t, "Metadata", meta.Topics[0].ErrorCode, meta.Topics[0].Partitions[0].ErrorCode)
	r.id, r.leader = meta.Topics[0].TopicID, meta.Topics[0].Partitions[0].Leader

	describe := kmsg.NewPtrDescribeConfigsRequest()
	describe.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: topic}}
	noError(t, "DescribeConfigs", ask[*kmsg.DescribeConfigsResponse](t, c, AnyNode, describe).Resources[0].ErrorCode)

	r.groupNode, r.txnNode = r.coordinator(group, 0), r.coordinator(txn, 1)
}

func (r *requests) coordinator(key string, kind int8) int32 {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey, req.CoordinatorKeys, req.CoordinatorType = key, []string{key}, kind
	res := ask[*kmsg.FindCoordinatorResponse](r.T, r.c, AnyNode, req)
	if len(res.Coordinators) == 0 {
		noError(r.T, "FindCoordinator", res.ErrorCode)
		return res.NodeID
	}
	noError(r.T, "FindCoordinator", res.Coordinators[0].ErrorCode)
	return res.Coordinators[0].NodeID
}

func (r *requests) join() {
	t, c := r.T, r.c
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = group, 6000, 6000, "consumer"
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "sticky", Metadata: []byte{}}}
	res := ask[*kmsg.JoinGroupResponse](t, c, r.groupNode, req)
	if res.ErrorCode == 79 { // MEMBER_ID_REQUIRED
		req.MemberID = res.MemberID
		res = ask[*kmsg.JoinGroupResponse](t, c, r.groupNode, req)
	}
	noError(t, "JoinGroup", res.ErrorCode)
	r.member, r.generation = res.MemberID, res.Generation

	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.Generation, sync.MemberID = group, r.generation, r.member
	kind, protocol := "consumer", "sticky"
	sync.ProtocolType, sync.Protocol = &kind, &protocol
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: r.member, MemberAssignment: []byte("mine")}}
	synced := ask[*kmsg.SyncGroupResponse](t, c, r.groupNode, sync)
	noError(t, "SyncGroup", synced.ErrorCode)
	if string(synced.MemberAssignment) != "mine" {
		t.Fatalf("assigned %q", synced.MemberAssignment)
	}

	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Group, beat.Generation, beat.MemberID = group, r.generation, r.member
	noError(t, "Heartbeat", ask[*kmsg.HeartbeatResponse](t, c, r.groupNode, beat).ErrorCode)

	plain := kmsg.NewPtrOffsetCommitRequest()
	plain.Group, plain.Generation, plain.MemberID = group, r.generation, r.member
	plain.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: topic, TopicID: r.id,
		Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 1, LeaderEpoch: -1}}}}
	noError(t, "OffsetCommit", ask[*kmsg.OffsetCommitResponse](t, c, r.groupNode, plain).Topics[0].Partitions[0].ErrorCode)
	plain.Generation--
	if code := ask[*kmsg.OffsetCommitResponse](t, c, r.groupNode, plain).Topics[0].Partitions[0].ErrorCode; code != kerr.IllegalGeneration.Code {
		t.Fatalf("a commit of an earlier generation was answered %d", code)
	}
}

func (r *requests) transact() {
	t, c := r.T, r.c
	id := txn
	initialise := kmsg.NewPtrInitProducerIDRequest()
	initialise.TransactionalID, initialise.TransactionTimeoutMillis = &id, 10_000
	initialise.ProducerID, initialise.ProducerEpoch = -1, -1
	got := ask[*kmsg.InitProducerIDResponse](t, c, r.txnNode, initialise)
	noError(t, "InitProducerID", got.ErrorCode)
	r.producer, r.epoch = got.ProducerID, got.ProducerEpoch

	add := kmsg.NewPtrAddPartitionsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch = txn, r.producer, r.epoch
	add.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	noError(t, "AddPartitionsToTxn", ask[*kmsg.AddPartitionsToTxnResponse](t, c, r.txnNode, add).Topics[0].Partitions[0].ErrorCode)

	r.transaction = []record.Output{{Key: []byte("stream"), Value: []byte("event")}, {Value: []byte("other")}}
	produce := kmsg.NewPtrProduceRequest()
	produce.TransactionID, produce.Acks, produce.TimeoutMillis = &id, -1, 1000
	produce.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, TopicID: r.id, Partitions: []kmsg.ProduceRequestTopicPartition{{
		Records: AppendBatch(nil, Header{ProducerID: r.producer, ProducerEpoch: r.epoch, Transactional: true, Time: 1000}, r.transaction),
	}}}}
	noError(t, "Produce", ask[*kmsg.ProduceResponse](t, c, r.leader, produce).Topics[0].Partitions[0].ErrorCode)

	offsets := kmsg.NewPtrAddOffsetsToTxnRequest()
	offsets.TransactionalID, offsets.ProducerID, offsets.ProducerEpoch, offsets.Group = txn, r.producer, r.epoch, group
	noError(t, "AddOffsetsToTxn", ask[*kmsg.AddOffsetsToTxnResponse](t, c, r.txnNode, offsets).ErrorCode)

	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.Group, commit.ProducerID, commit.ProducerEpoch = txn, group, r.producer, r.epoch
	commit.Generation, commit.MemberID = r.generation, r.member
	commit.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: topic, TopicID: r.id,
		Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Offset: 2, LeaderEpoch: -1}}}}
	noError(t, "TxnOffsetCommit", ask[*kmsg.TxnOffsetCommitResponse](t, c, r.groupNode, commit).Topics[0].Partitions[0].ErrorCode)

	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = txn, r.producer, r.epoch, true
	noError(t, "EndTxn", ask[*kmsg.EndTxnResponse](t, c, r.txnNode, end).ErrorCode)
}

func (r *requests) read() {
	t, c := r.T, r.c
	list := kmsg.NewPtrListOffsetsRequest()
	list.ReplicaID, list.IsolationLevel = -1, 1
	list.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic,
		Partitions: []kmsg.ListOffsetsRequestTopicPartition{{CurrentLeaderEpoch: -1, Timestamp: -1}}}}
	end := ask[*kmsg.ListOffsetsResponse](t, c, r.leader, list).Topics[0].Partitions[0]
	noError(t, "ListOffsets", end.ErrorCode)
	if end.Offset != 3 { // two records and the marker
		t.Fatalf("the log ends at %d", end.Offset)
	}

	r.checkFetch([16]byte{}) // by name
	if v := r.k.version(kmsg.Fetch); v > 12 {
		t.Fatalf("a fetch without topic id went out in version %d", v)
	}
	r.checkFetch(r.id)

	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Group, fetch.RequireStable = group, true
	fetch.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: topic, TopicID: r.id, Partitions: []int32{0}}}
	fetch.Groups = append(fetch.Groups, g)
	res := ask[*kmsg.OffsetFetchResponse](t, c, r.groupNode, fetch)
	var committed int64
	if len(res.Groups) > 0 {
		noError(t, "OffsetFetch", res.Groups[0].ErrorCode, res.Groups[0].Topics[0].Partitions[0].ErrorCode)
		committed = res.Groups[0].Topics[0].Partitions[0].Offset
	} else {
		noError(t, "OffsetFetch", res.ErrorCode, res.Topics[0].Partitions[0].ErrorCode)
		committed = res.Topics[0].Partitions[0].Offset
	}
	if committed != 2 {
		t.Fatalf("committed offset %d", committed)
	}
}

func fetchRequest(name string, id [16]byte, from int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes, req.IsolationLevel, req.SessionEpoch, req.ReplicaID = 1, 1<<30, 1, -1, -1
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LastFetchedEpoch = from, 1<<20, -1, -1
	req.Topics = []kmsg.FetchRequestTopic{{Topic: name, TopicID: id, Partitions: []kmsg.FetchRequestTopicPartition{p}}}
	return req
}

// checkFetch reads the transaction with a Fetcher and a Reader.
func (r *requests) checkFetch(id [16]byte) {
	t := r.T
	f := r.c.NewFetcher()
	for range 2 { // into a fresh answer, and into the same again
		res, err := f.Do(within(t, 10e9), r.leader, fetchRequest(topic, id, 0))
		if err != nil {
			t.Fatal(err)
		}
		p := &res.Topics[0].Partitions[0]
		noError(t, "Fetch", res.ErrorCode, p.ErrorCode)
		got, next := readAll(t, p.RecordBatches, p.AbortedTransactions, 0, false)
		if len(got) != 2 || next != 3 {
			t.Fatalf("read %d records, next offset %d", len(got), next)
		}
		for i, rec := range got {
			want := r.transaction[i]
			if rec.Offset != int64(i) || rec.Time != 1000 || string(rec.Key) != string(want.Key) || string(rec.Value) != string(want.Value) {
				t.Fatalf("record %d: %+v", i, rec)
			}
		}
	}
}

func (r *requests) leave() {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, r.member
	req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: r.member}}
	noError(r.T, "LeaveGroup", ask[*kmsg.LeaveGroupResponse](r.T, r.c, r.groupNode, req).ErrorCode)
}

func TestEveryRequestIsAnswered(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(3))
		r := &requests{T: t, k: k, c: s.client(t, k)}
		r.run()
		for key, most := range map[kmsg.Key]int16{ // KIP-890 begins above
			kmsg.Produce: 11, kmsg.AddPartitionsToTxn: 3, kmsg.AddOffsetsToTxn: 3, kmsg.EndTxn: 4, kmsg.TxnOffsetCommit: 4,
		} {
			if v := k.version(key); v != most {
				t.Errorf("%s went out in version %d, not %d", key.Name(), v, most)
			}
		}
		if v := k.version(kmsg.Fetch); v < 13 {
			t.Errorf("a fetch with topic id went out in version %d", v)
		}
	})
}

func TestOldBrokersAreAskedInTheirVersions(t *testing.T) {
	for name, versions := range map[string]*kversion.Versions{
		"2.5": kversion.V2_5_0(), "2.8": kversion.V2_8_0(), "3.3": kversion.V3_3_0(), "3.9": kversion.V3_9_0(),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s site) {
				k := s.cluster(t, kfake.NumBrokers(1), kfake.MaxVersions(versions))
				r := &requests{T: t, k: k, c: s.client(t, k)}
				r.run()
				for key, v := range k.seen {
					if most, ok := versions.LookupMaxKeyVersion(key); !ok || v > most {
						t.Errorf("%s went out in version %d to a broker that knows %d", kmsg.NameForKey(key), v, most)
					}
				}
			})
		})
	}
}

func TestTooOldBrokerIsNamed(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(1), kfake.MaxVersions(kversion.V2_3_0()))
		dialled := 0
		c := NewClient(Config{Brokers: k.ListenAddrs(), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled++
			return s.dial(ctx, network, address)
		}})
		defer c.Close()
		if err := toNode(t, c, time.Second, 0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before := dialled
		for range 2 {
			_, err := Do[*kmsg.TxnOffsetCommitResponse](within(t, 1e9), c, 0, kmsg.NewPtrTxnOffsetCommitRequest())
			var u *UnsupportedError
			synctest.Wait() // the connection is given back behind the answer
			if !errors.As(err, &u) || *u != (UnsupportedError{Key: 28, Min: 3, Max: 4, BrokerMin: 0, BrokerMax: 2}) || !errors.Is(err, ErrNotSent) {
				t.Fatalf("TxnOffsetCommit to Kafka 2.3: %v", err)
			}
			_, err = Do[*kmsg.ConsumerGroupHeartbeatResponse](within(t, 1e9), c, AnyNode, kmsg.NewPtrConsumerGroupHeartbeatRequest())
			synctest.Wait()
			if !errors.As(err, &u) || u.Key != 68 || u.BrokerMax != -1 {
				t.Fatalf("ConsumerGroupHeartbeat to Kafka 2.3: %v", err)
			}
			ask[*kmsg.MetadataResponse](t, c, 0, brokersOnly())
			synctest.Wait()
		}
		if dialled != before {
			t.Errorf("%d new connections: the old ones are still good", dialled-before)
		}
	})
}

func TestAnswerOfAnotherKindIsRefused(t *testing.T) {
	c := NewClient(Config{})
	defer c.Close()
	if _, err := Do[*kmsg.FetchResponse](t.Context(), c, AnyNode, kmsg.NewPtrMetadataRequest()); err == nil {
		t.Fatal("a Metadata request was sent for a Fetch answer")
	}
}
