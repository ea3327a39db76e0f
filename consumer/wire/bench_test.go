package wire

import (
	"bytes"
	"encoding/binary"
	"syscall"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
)

func BenchmarkReader(b *testing.B) {
	var raw []byte
	n := 0
	for i := range 16 {
		var recs []record.Output
		for range 600 {
			recs = append(recs, record.Output{Key: []byte("stream-000001"), Value: bytes.Repeat([]byte("x"), 80)})
			n++
		}
		at := len(raw)
		raw = AppendBatch(raw, Header{ProducerID: -1, ProducerEpoch: -1, Sequence: -1, Time: 5}, recs)
		binary.BigEndian.PutUint64(raw[at:], uint64(i*600))
	}
	r := NewReader(1 << 20)
	defer r.Close()
	var rec record.Record
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		r.Reset(raw, nil, 0, false)
		// all batches have base 0
		for {
			ok, err := r.Next(&rec)
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
		}
		_ = n
	}
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	b.ReportMetric(float64(after.Utime.Nano()-before.Utime.Nano())/float64(b.N)/float64(n), "cpu-ns/rec")
}
