package embedded

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// decisions remembers on disk which transactions are to be committed, before kfake writes the first marker of one: what a
// transaction coordinator's log is for. There is one file a producer id, which holds its last decision until the next
// transaction of that id begins. kfake's request loop calls the methods; what they cannot write ends the broker, for going on
// would break the promise.
type decisions struct {
	folder string
	failed func(error)            // is told what could not be written
	open   map[int64]*transaction // by producer id
	ids    map[string]int64       // producer ids by transactional id
}

// transaction is what is known of a producer's current transaction, or of its last one if decided.
type transaction struct {
	ProducerID int64
	Epoch      int16
	Partitions []partition
	Offsets    []offset
	decided    bool
}

type partition struct {
	Topic     string
	Partition int32
}

// offset is a committed offset of a group.
type offset struct {
	Group string
	partition
	Offset      int64
	LeaderEpoch int32
	Metadata    *string
}

func openDecisions(folder string, failed func(error)) (*decisions, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	return &decisions{folder: folder, failed: failed, open: map[int64]*transaction{}, ids: map[string]int64{}}, nil
}

// of is the producer's transaction at an epoch; nil where a later epoch has been seen.
func (d *decisions) of(id int64, epoch int16) *transaction {
	t := d.open[id]
	if t == nil || t.Epoch < epoch {
		t = &transaction{ProducerID: id, Epoch: epoch}
		d.open[id] = t
		d.forget(id)
	}
	if t.Epoch > epoch {
		return nil
	}
	return t
}

// wrote notes a batch of a transaction. The first one after a decision begins the next.
func (d *decisions) wrote(topic string, number int32, batch []byte) {
	if !whole(batch) || binary.BigEndian.Uint16(batch[atAttributes:])&transactional == 0 {
		return
	}
	t := d.of(int64(binary.BigEndian.Uint64(batch[atProducer:])), int16(binary.BigEndian.Uint16(batch[atEpoch:])))
	if t == nil {
		return
	}
	if t.decided {
		d.forget(t.ProducerID)
		*t = transaction{ProducerID: t.ProducerID, Epoch: t.Epoch}
	}
	t.Partitions = append(t.Partitions, partition{topic, number})
}

// offsets notes the offsets that go with a transaction.
func (d *decisions) offsets(req *kmsg.TxnOffsetCommitRequest) {
	d.ids[req.TransactionalID] = req.ProducerID
	t := d.of(req.ProducerID, req.ProducerEpoch)
	if t == nil || t.decided {
		return
	}
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			p := &req.Topics[i].Partitions[j]
			t.Offsets = append(t.Offsets, offset{Group: req.Group, partition: partition{req.Topics[i].Topic, p.Partition},
				Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: p.Metadata})
		}
	}
}

// end writes the decision to commit.
func (d *decisions) end(req *kmsg.EndTxnRequest) {
	d.ids[req.TransactionalID] = req.ProducerID
	t := d.of(req.ProducerID, req.ProducerEpoch)
	if t == nil || t.decided {
		return
	}
	t.decided = true
	if req.Commit && len(t.Partitions) > 0 {
		if err := d.write(t); err != nil {
			d.failed(err)
		}
	}
}

// fence ends what the last owner of a transactional id left open.
func (d *decisions) fence(req *kmsg.InitProducerIDRequest) {
	if req.TransactionalID == nil {
		return
	}
	if id, ok := d.ids[*req.TransactionalID]; ok && d.open[id] != nil {
		d.forget(id)
		*d.open[id] = transaction{ProducerID: id, Epoch: d.open[id].Epoch, decided: true}
	}
}

func (d *decisions) path(id int64) string {
	return filepath.Join(d.folder, strconv.FormatInt(id, 10)+".json")
}

// write puts the file in place whole or not at all.
func (d *decisions) write(t *transaction) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return replaceFile(d.path(t.ProducerID), text)
}

func (d *decisions) forget(id int64) {
	if err := os.Remove(d.path(id)); err != nil && !os.IsNotExist(err) {
		d.failed(err)
	}
}

// read gives the decisions that a crash has left.
func (d *decisions) read() (map[int64]*transaction, error) {
	entries, err := os.ReadDir(d.folder)
	if err != nil {
		return nil, err
	}
	left := map[int64]*transaction{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(d.folder, e.Name()))
		if err != nil {
			return nil, err
		}
		t := new(transaction)
		if err := json.Unmarshal(text, t); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		left[t.ProducerID] = t
	}
	return left, nil
}

// clear removes all files.
func (d *decisions) clear() error {
	if err := os.RemoveAll(d.folder); err != nil {
		return err
	}
	return os.MkdirAll(d.folder, 0o755)
}
