package wire

import (
	"testing"

	"github.com/visutility/retrainer/consumer/record"
)

func BenchmarkReader(b *testing.B) {
	for codec, name := range codecNames[:codecZstd+1] {
		b.Run(name, func(b *testing.B) {
			const count, n = 16, 600
			raw := manyRecords(b, codec, count, n)
			r := NewReader(batchLimit)
			defer r.Close()
			var rec record.Record
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(raw, nil, 0, false)
				for {
					ok, err := r.Next(&rec)
					if err != nil {
						b.Fatal(err)
					}
					if !ok {
						break
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(count*n), "ns/record")
		})
	}
}
