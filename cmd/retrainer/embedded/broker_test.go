package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var topics = []string{"one", "three", "two"}

// start begins a broker on a folder, with the topics.
func start(t *testing.T, data string) *Broker {
	t.Helper()
	b, err := Start("127.0.0.1:0", data, zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel))
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		if b.fake.TopicInfo(topic) == nil {
			if err := b.fake.CreateTopic(topic, 1, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

// connect makes a client. Whoever asks for it closes it before the broker, or it waits for that.
func connect(t *testing.T, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Address()))...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func produce(t *testing.T, c *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	if err := c.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// committed reads all that is committed, in order within a topic, until a record "end" that is written to each topic first.
func committed(t *testing.T, b *Broker) string {
	t.Helper()
	w := connect(t, b)
	defer w.Close()
	for _, topic := range topics {
		produce(t, w, &kgo.Record{Topic: topic, Value: []byte("end")})
	}
	c := connect(t, b, kgo.ConsumeTopics(topics...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := map[string][]string{}
	for ends := 0; ends < len(topics); {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%v; read so far: %v", err, got)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if string(r.Value) == "end" {
				ends++
			} else {
				got[r.Topic] = append(got[r.Topic], string(r.Value))
			}
		})
	}
	lines := []string{}
	for _, topic := range topics {
		lines = append(lines, topic+": "+strings.Join(got[topic], " "))
	}
	return strings.Join(lines, "; ")
}

// transact writes a value to every topic and an offset of a group in one transaction, and ends it or leaves it open.
func transact(t *testing.T, b *Broker, value string, offset int64, end bool) {
	t.Helper()
	c := connect(t, b, kgo.TransactionalID("app.in.0"), kgo.TransactionTimeout(time.Minute))
	defer c.Close()
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		produce(t, c, &kgo.Record{Topic: topic, Value: []byte(value)})
	}
	id, epoch, err := c.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = "app.in.0", id, epoch, "app"
	if res, err := add.RequestWith(t.Context(), c); err != nil || res.ErrorCode != 0 {
		t.Fatal(res, err)
	}
	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.ProducerID, commit.ProducerEpoch, commit.Group, commit.Generation = "app.in.0", id, epoch, "app", -1
	rt := kmsg.NewTxnOffsetCommitRequestTopic()
	rt.Topic = "one"
	rt.TopicID = b.fake.TopicInfo("one").TopicID
	rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	rp.Offset, rp.Metadata = offset, kmsg.StringPtr("note")
	rt.Partitions = append(rt.Partitions, rp)
	commit.Topics = append(commit.Topics, rt)
	if res, err := commit.RequestWith(t.Context(), c); err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatal(res, err)
	}
	if end {
		if err := c.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
}

// offsetOf is the group's committed offset.
func offsetOf(t *testing.T, b *Broker) int64 {
	t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = "app"
	gt := kmsg.NewOffsetFetchRequestGroupTopic()
	gt.Topic, gt.TopicID, gt.Partitions = "one", b.fake.TopicInfo("one").TopicID, []int32{0}
	g.Topics = append(g.Topics, gt)
	req.Groups = append(req.Groups, g)
	c := connect(t, b)
	defer c.Close()
	res, err := req.RequestWith(t.Context(), c)
	if err != nil || len(res.Groups) != 1 || len(res.Groups[0].Topics) != 1 {
		t.Fatal(res, err)
	}
	return res.Groups[0].Topics[0].Partitions[0].Offset
}

// killed is a copy of a broker's folder as a kill at this moment would leave it.
func killed(t *testing.T, data string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// withoutMarker takes the last batch of a topic off its files.
func withoutMarker(t *testing.T, data, topic string) {
	t.Helper()
	path := filepath.Join(data, "partitions", topic+"-0", "0")
	raw, err := os.ReadFile(path + ".dat")
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for at := 0; at < len(raw); {
		last = at
		at += lengthFrom + int(binary.BigEndian.Uint32(raw[at+atLength:]))
	}
	if binary.BigEndian.Uint16(raw[last+atAttributes:])&control == 0 {
		t.Fatalf("the last batch of %s is no marker", topic)
	}
	index, err := os.ReadFile(path + ".idx")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{".dat": raw[:last], ".idx": index[:len(index)-indexSize]} {
		if err := os.WriteFile(path+name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAKillInATransactionLeavesItWholeOrGone(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := start(t, data)
	transact(t, b, "first", 1, true)
	atEnd := ""
	b.fake.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		atEnd = killed(t, data)
		return nil, nil, false
	})
	transact(t, b, "second", 2, true)
	after := killed(t, data)
	transact(t, b, "third", 3, false)
	open := killed(t, data)
	b.Close()

	check := func(name, folder, want string, offset int64) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, killed(t, folder))
			defer b.Close()
			if got := offsetOf(t, b); got != offset {
				t.Errorf("offset %d, want %d", got, offset)
			}
		})
		t.Run(name+", and the next transaction", func(t *testing.T) {
			t.Parallel()
			again := killed(t, folder)
			b := start(t, again)
			transact(t, b, "later", 9, true)
			b.Close()
			b = start(t, again)
			defer b.Close()
			if got, all := committed(t, b), strings.ReplaceAll(want, ";", " later;")+" later"; got != all {
				t.Errorf("%s, want %s", got, all)
			}
		})
	}
	whole := "one: first second; three: first second; two: first second"
	check("after the end", killed(t, after), whole, 2)
	check("decided, and no marker written", atEnd, whole, 2)
	check("not decided", open, whole, 2)
	for _, lost := range [][]string{{"one"}, {"two"}, {"three"}, {"one", "two"}, {"two", "three"}, {"one", "three"}} {
		torn := killed(t, after)
		for _, topic := range lost {
			withoutMarker(t, torn, topic)
		}
		check(fmt.Sprintf("no marker in %v", lost), torn, whole, 2)
	}
}

func TestABatchCutShortGoesAndAnIndexEntryIsMadeAgain(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := start(t, data)
	c := connect(t, b)
	produce(t, c, &kgo.Record{Topic: "one", Value: []byte("a")})
	produce(t, c, &kgo.Record{Topic: "one", Value: []byte("b")})
	c.Close()
	transact(t, b, "open", 1, false)
	cut := killed(t, data)
	b.Close()
	path := filepath.Join(cut, "partitions", "one-0", "0")
	raw, err := os.ReadFile(path + ".dat")
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(path + ".idx")
	if err != nil {
		t.Fatal(err)
	}
	whole := killed(t, cut)
	if err := os.WriteFile(path+".dat", append(slices.Clone(raw), raw[:50]...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".idx", index[:len(index)-indexSize], 0o644); err != nil { // kfake would take "open" for committed
		t.Fatal(err)
	}
	for _, folder := range []string{cut, whole} {
		b := start(t, folder)
		if got, want := committed(t, b), "one: a b; three: ; two: "; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		b.Close()
	}
}

func TestARepairThatIsKilledIsDoneAgain(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := start(t, data)
	transact(t, b, "first", 1, true)
	torn := killed(t, data)
	b.Close()
	withoutMarker(t, torn, "one")
	withoutMarker(t, torn, "two")
	d, err := openDecisions(filepath.Join(torn, "decided"), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	decided, err := d.read()
	if err != nil || len(decided) != 1 {
		t.Fatal(decided, err)
	}
	// The first repair comes as far as one partition.
	if err := repairPartition(filepath.Join(torn, "partitions", "one-0"), decided, windows{}, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	b = start(t, torn)
	defer b.Close()
	if got, want := committed(t, b), "one: first; three: first; two: first"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTopicsWithLogAppendTimeHaveTheBrokersTime(t *testing.T) {
	t.Parallel()
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression()} {
		data := t.TempDir()
		b := start(t, data)
		if err := b.fake.CreateTopic("stamped", 1, map[string]string{"message.timestamp.type": "LogAppendTime"}); err != nil {
			t.Fatal(err)
		}
		began := time.Now().Truncate(time.Millisecond)
		c := connect(t, b, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(50*time.Millisecond))
		at := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
		records := []*kgo.Record{}
		for i, v := range strings.Fields("a b c d") {
			records = append(records, &kgo.Record{Topic: "stamped", Value: []byte(v), Timestamp: at.Add(time.Duration(i) * time.Second)})
		}
		records = append(records, &kgo.Record{Topic: "one", Value: []byte("own"), Timestamp: at})
		produce(t, c, records...)
		c.Close()
		b.Close()
		b = start(t, data) // kfake drops what has not the CRC of its bytes
		r := connect(t, b, kgo.ConsumeTopics("stamped", "one"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		got := ""
		for n := 0; n < 5; {
			fetches := r.PollFetches(ctx)
			if err := fetches.Err0(); err != nil {
				t.Fatal(err)
			}
			fetches.EachRecord(func(rec *kgo.Record) {
				n++
				got += string(rec.Value)
				early, late := began.Add(-3*time.Second), time.Now()
				if codec == kgo.NoCompression() {
					early = began
				}
				if rec.Topic == "one" && !rec.Timestamp.Equal(at) || rec.Topic == "stamped" && (rec.Timestamp.Before(early) || rec.Timestamp.After(late)) {
					t.Errorf("%s of %s has %v", rec.Value, rec.Topic, rec.Timestamp)
				}
			})
		}
		cancel()
		if !strings.Contains(got, "abcd") {
			t.Errorf("%q", got)
		}
		r.Close()
		b.Close()
	}
}

func TestAFolderInUseOrOfNoUseIsRefused(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := start(t, data)
	defer b.Close()
	if _, err := Start("127.0.0.1:0", data, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
	if _, err := Start(b.Address(), t.TempDir(), zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("%v", err)
	}
	locked, undecided := t.TempDir(), t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(locked, "lock"), 0o755), os.WriteFile(filepath.Join(undecided, "decided"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{locked, undecided} {
		if _, err := Start("127.0.0.1:0", data, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "--data") || strings.Contains(err.Error(), "in use") {
			t.Errorf("%v", err)
		}
	}
}
