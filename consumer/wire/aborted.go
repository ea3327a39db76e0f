package wire

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// aborted tells which transactional batches of a fetch answer were aborted, by the list that came with it (KIP-98): a
// producer's transaction runs from its first offset on the list to the producer's next abort marker. Compaction may have
// taken the data and left the marker, or have left gaps; both ends still hold.
type aborted struct {
	list   []kmsg.FetchResponseTopicPartitionAbortedTransaction // by first offset; not yet begun
	sorted []kmsg.FetchResponseTopicPartitionAbortedTransaction
	open   map[int64]struct{} // producers whose transaction was begun and is aborted further on
}

// reset takes a list, in any order (Redpanda's is not sorted).
func (a *aborted) reset(list []kmsg.FetchResponseTopicPartitionAbortedTransaction) {
	a.sorted = append(a.sorted[:0], list...)
	slices.SortFunc(a.sorted, func(x, y kmsg.FetchResponseTopicPartitionAbortedTransaction) int {
		return cmp.Compare(x.FirstOffset, y.FirstOffset)
	})
	a.list = a.sorted
	clear(a.open)
}

// begin opens every transaction that starts at or before a batch's base offset.
func (a *aborted) begin(base int64) {
	for len(a.list) > 0 && a.list[0].FirstOffset <= base {
		if a.open == nil {
			a.open = map[int64]struct{}{}
		}
		a.open[a.list[0].ProducerID] = struct{}{}
		a.list = a.list[1:]
	}
}

// has reports whether a transactional batch of producer was aborted.
func (a *aborted) has(producer int64) bool {
	_, ok := a.open[producer]
	return ok
}

// end takes an abort marker of producer.
func (a *aborted) end(producer int64) { delete(a.open, producer) }
