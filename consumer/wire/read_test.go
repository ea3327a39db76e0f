package wire

import (
	"bytes"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
)

type abortedList = []kmsg.FetchResponseTopicPartitionAbortedTransaction

const batchLimit = 16 << 20 // bytes, decompressed

// readAll reads raw with a fresh Reader, and gives copies of the records and the Reader's last position.
func readAll(t testing.TB, raw []byte, aborted abortedList, from int64, uncommitted bool) ([]record.Record, int64) {
	t.Helper()
	got, next, err := tryReadAll(raw, aborted, from, uncommitted)
	if err != nil {
		t.Fatal(err)
	}
	return got, next
}

func tryReadAll(raw []byte, aborted abortedList, from int64, uncommitted bool) ([]record.Record, int64, error) {
	r := NewReader(batchLimit)
	defer r.Close()
	r.Reset(raw, aborted, from, uncommitted)
	var got []record.Record
	var rec record.Record
	for {
		ok, err := r.Next(&rec)
		if !ok {
			return got, r.Position(), err
		}
		got = append(got, clone(rec))
	}
}

func clone(r record.Record) record.Record {
	r.Key, r.Value, r.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)
	for i := range r.Headers {
		r.Headers[i].Value = bytes.Clone(r.Headers[i].Value)
	}
	return r
}
