// Package events writes events for the benches: what a cluster is given to read.
package events

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/schemas"
)

// Kinds are the kinds of events, and the records that they are.
var Kinds = map[string]string{"performance": "PerformanceEvent", "drift": "DriftEvent"}

// Quiet are events of sources in turn, none of which gives an alert.
type Quiet struct {
	Topic   string
	Kind    string // a key of Kinds
	Events  int
	Sources int // that they are of
}

// Write writes them in franz-go's batches, and says how many bytes of values they are.
func (q Quiet) Write(ctx context.Context, brokers []string) (size int, err error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(q.Topic), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	var failed error
	began := time.Now().Add(-time.Minute).UnixMilli()
	for i := range q.Events {
		source, at := i%q.Sources, began+int64(i/q.Sources)
		line := fmt.Sprintf(`{"model_id":"vision/model-%06d/v1.2","mAP_change":%g,"timestamp":%d,"event_id":"event-%010d"}`, source, float64(i%7)/1000, at, i)
		if q.Kind == "drift" {
			line = fmt.Sprintf(`{"stream_id":"cameras/stream-%06d","p_value":%g,"timestamp":%d,"event_id":"event-%010d"}`, source, 0.1+float64(i*31%89)/100, at, i)
		}
		value, err := Value(q.Kind, line)
		if err != nil {
			return size, err
		}
		size += len(value)
		cl.Produce(ctx, &kgo.Record{Key: fmt.Appendf(nil, "source-%06d", source), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return size, err
	}
	return size, failed
}

// Value is an event in single-object encoding, of its JSON.
func Value(kind, line string) ([]byte, error) {
	schema, ok := schemas.ByName(Kinds[kind])
	if !ok {
		return nil, fmt.Errorf("kind %q is none of performance, drift", kind)
	}
	return schema.FromJSON(schemas.AppendHeader(nil, schema.Fingerprint()), []byte(line))
}
