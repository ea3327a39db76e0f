package sim

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// An unclean election makes a replica the leader that lacks the end of the log: acknowledged batches, markers among them, are
// gone, and the offsets they had are given out again. kfake cannot do that, so its partition is edited in place, on the
// goroutine that owns it. The fields' names are those of the kfake version in go.mod; with another one that has renamed them
// these functions fail the test and say so.

// The first bits of a batch's attributes.
const (
	transactional = 1 << 4
	control       = 1 << 5
)

// CutPartition takes away every batch that holds offset to or a later one, then moves the partition to the next broker. Of a
// transaction that has lost its marker only, the records are open again, and the last stable offset stays before them.
func (w *World) CutPartition(topic string, partition int32, to int64) {
	w.T.Helper()
	all := w.Batches(topic, partition)
	kept := slices.IndexFunc(all, func(b kmsg.RecordBatch) bool { return b.FirstOffset+int64(b.LastOffsetDelta) >= to })
	if kept < 0 {
		w.T.Fatalf("cut %s/%d at %d: the log ends before", topic, partition, to)
	}
	if err := w.cut(topic, partition, kept, openTransactions(all[:kept])); err != nil {
		w.T.Fatalf("cut %s/%d at %d: %v", topic, partition, to, err)
	}
	w.elect(topic, partition)
}

// EmptyPartition takes away all batches: a replica without data became the leader. Its log starts at 0.
func (w *World) EmptyPartition(topic string, partition int32) {
	w.T.Helper()
	if err := w.cut(topic, partition, 0, nil); err != nil {
		w.T.Fatalf("empty %s/%d: %v", topic, partition, err)
	}
	w.elect(topic, partition)
}

// LoseLastMarker takes away the last batch, which must be the marker of a transaction.
func (w *World) LoseLastMarker(topic string, partition int32) {
	w.T.Helper()
	all := w.Batches(topic, partition)
	if len(all) == 0 || all[len(all)-1].Attributes&control == 0 {
		w.T.Fatalf("lose the last marker of %s/%d: its last batch is none", topic, partition)
	}
	w.CutPartition(topic, partition, all[len(all)-1].FirstOffset)
}

// elect moves a partition to the next broker, under the next leader epoch.
func (w *World) elect(topic string, partition int32) {
	brokers := int32(len(w.Cluster.ListenAddrs()))
	if err := w.Cluster.MoveTopicPartition(topic, partition, (w.Cluster.LeaderFor(topic, partition)+1)%brokers); err != nil {
		w.T.Error(err)
	}
}

// openTransactions are the first offsets of transactions without a marker, by producer id.
func openTransactions(bs []kmsg.RecordBatch) map[int64]int64 {
	open := map[int64]int64{}
	for _, b := range bs {
		if b.Attributes&control != 0 {
			delete(open, b.ProducerID)
		} else if _, begun := open[b.ProducerID]; !begun && b.Attributes&transactional != 0 {
			open[b.ProducerID] = b.FirstOffset
		}
	}
	return open
}

// cut keeps the first batches of a partition, and open as its transactions without a marker.
func (w *World) cut(topic string, partition int32, kept int, open map[int64]int64) (err error) {
	w.onCluster(func() {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("this kfake keeps its partitions another way, see cut.go: %v", r)
			}
		}()
		topics := field(reflect.ValueOf(w.Cluster).Elem(), "data", "tps")
		pd := topics.MapIndex(reflect.ValueOf(topic)).MapIndex(reflect.ValueOf(partition)).Elem()
		segments := field(pd, "segments")
		if segments.Len() != 1 {
			err = fmt.Errorf("%d segments, only a partition with one can be cut", segments.Len())
			return
		}
		segment := segments.Index(0)
		index := field(segment, "index")
		end, size := int64(0), int64(0)
		if kept > 0 {
			last := index.Index(kept - 1)
			end = field(last, "firstOffset").Int() + field(last, "lastOffsetDelta").Int() + 1
			size = field(last, "segPos").Int() + field(last, "nbytes").Int()
		} else {
			field(pd, "logStartOffset").SetInt(0)
			field(segment, "base").SetInt(0)
		}
		index.SetLen(kept)
		field(segment, "size").SetInt(size)
		truncate(field(pd, "activeSegFile"), size)
		stable := end
		for _, first := range open {
			stable = min(stable, first)
		}
		field(pd, "highWatermark").SetInt(end)
		field(pd, "lastStableOffset").SetInt(stable)
		field(pd, "nbytes").SetInt(size)
		field(pd, "uncommittedPIDs").Set(reflect.ValueOf(open))
		aborted := field(pd, "abortedTxns")
		n := 0
		for n < aborted.Len() && field(aborted.Index(n), "lastOffset").Int() < end {
			n++
		}
		aborted.SetLen(n)
	})
	return err
}

// onCluster runs f on the goroutine that owns the cluster's state.
func (w *World) onCluster(f func()) {
	done := make(chan struct{})
	field(reflect.ValueOf(w.Cluster).Elem(), "adminCh").Interface().(chan func()) <- func() { f(); close(done) }
	<-done
}

// field follows unexported fields of addressable structs.
func field(v reflect.Value, names ...string) reflect.Value {
	for _, n := range names {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		f := v.FieldByName(n)
		if !f.IsValid() {
			panic(fmt.Sprintf("%s has no field %s", v.Type(), n))
		}
		v = reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
	}
	return v
}

// truncate shortens an open file of kfake's (an interface of its own).
func truncate(file reflect.Value, size int64) {
	if file.IsNil() {
		return
	}
	out := file.Elem().MethodByName("Truncate").Call([]reflect.Value{reflect.ValueOf(size)})
	if !out[0].IsNil() {
		panic(out[0].Interface())
	}
}
