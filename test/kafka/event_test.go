//go:build kafka

package kafka

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/schemas"
)

const (
	models     = 1999 // a prime: whatever is done every n-th time comes to all of them
	sources    = 251  // of drift, and as many of concept drift; a prime
	partitions = 8
)

// event is a performance event as a pipeline writes it.
type event struct {
	ModelID     string            `avro:"model_id"`
	Change      *float64          `avro:"mAP_change"`
	Timestamp   int64             `avro:"timestamp"`
	EventID     *string           `avro:"event_id"`
	Version     *string           `avro:"model_version"`
	Method      *string           `avro:"method"`
	Value       *float64          `avro:"value"`
	SampleSize  *int64            `avro:"sample_size"`
	WindowStart *int64            `avro:"window_start"`
	WindowEnd   *int64            `avro:"window_end"`
	DataRef     *string           `avro:"data_ref"`
	Labels      map[string]string `avro:"labels"`
}

// driftEvent is one of data drift, or without a stream of concept drift.
type driftEvent struct {
	Stream      *string           `avro:"stream_id"`
	ModelID     *string           `avro:"model_id"`
	PValue      *float64          `avro:"p_value"`
	Divergence  *float64          `avro:"kl_divergence"`
	Timestamp   int64             `avro:"timestamp"`
	EventID     *string           `avro:"event_id"`
	Version     *string           `avro:"model_version"`
	Method      *string           `avro:"method"`
	Value       *float64          `avro:"value"`
	SampleSize  *int64            `avro:"sample_size"`
	WindowStart *int64            `avro:"window_start"`
	WindowEnd   *int64            `avro:"window_end"`
	DataRef     *string           `avro:"data_ref"`
	Labels      map[string]string `avro:"labels"`
}

var (
	eventCodec = schemas.MustCodec[event]("PerformanceEvent")
	driftCodec = schemas.MustCodec[driftEvent]("DriftEvent")
)

func encode[T any](codec *schemas.Codec[T], v *T) []byte {
	b, err := codec.Append(nil, v)
	if err != nil {
		panic(err) // the struct is the schema
	}
	return b
}

// record is the n-th event: half of them of performance, a quarter each of drift and concept drift.
func (l *load) record(n int, now int64) *kgo.Record {
	if n%2 == 1 && (n%1000 < 101 || n%1000 > 110) {
		return l.drift(n, now)
	}
	model := n * 7919 % models
	return &kgo.Record{Topic: "monitoring.performance", Partition: int32(model % partitions), Key: fmt.Appendf(nil, "m%04d", model), Value: l.value(n, model, now)}
}

// value is the n-th record: mostly small changes, one in 100 a drop that the model's next event takes back; here and there
// what a topic of many producers also holds.
func (l *load) value(n, model int, now int64) []byte {
	change := 0.001 * float64(n%17-8)
	if n%100 == 6 {
		change = -0.06 - 0.001*float64(n%50)
	}
	id := fmt.Sprintf("e%d", n)
	e := event{ModelID: fmt.Sprintf("m%04d/v%d", model, 1+n/(l.total/2+1)), Change: &change, Timestamp: now, EventID: &id}
	switch n % 1000 {
	case 101:
		return []byte("no Avro at all")
	case 102:
		return nil
	case 103:
		nan := math.NaN()
		e.Change = &nan
	case 104:
		e.EventID = nil
	case 105:
		e.Timestamp = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	case 106:
		e.Timestamp = now - time.Hour.Milliseconds()
	case 107:
		e.Change = nil
	case 108:
		e.ModelID = ""
	case 109:
		return append(encode(eventCodec, &e), 0)
	case 110:
		return binary.LittleEndian.AppendUint64([]byte{0xc3, 1}, 12345)
	}
	return encode(eventCodec, &e)
}

// drift is the n-th record where that is one of drift. One source in seven drifts for 6 checks of 20; the others stay as they
// are.
func (l *load) drift(n int, now int64) *kgo.Record {
	source, check := n/4%sources, n/4/sources
	id, drifts := fmt.Sprintf("e%d", n), source%7 == 0 && (check+source)%20 > 13
	e := driftEvent{Timestamp: now, EventID: &id}
	number := 0.4 + 0.1*float64(check%3)
	if n%4 == 1 {
		stream := fmt.Sprintf("cam-%d", source)
		e.Stream, e.PValue = &stream, &number
		if drifts {
			number = 0.0001
		}
	} else {
		model := fmt.Sprintf("c%03d/v%d", source, 1+n/(l.total/2+1))
		number /= 100
		e.ModelID, e.Divergence = &model, &number
		if drifts {
			number = 0.5
		}
	}
	r := &kgo.Record{Topic: "monitoring.drift", Partition: int32(source % partitions)}
	switch n % 1000 {
	case 201:
		r.Value = []byte("no Avro at all")
		return r
	case 203:
		return r // without a value
	case 205:
		number = 1.5
	case 207:
		e.ModelID = nil // and it has no stream
	case 209:
		e.EventID = nil
	case 211:
		e.Timestamp = now - time.Hour.Milliseconds()
	case 213:
		number = math.NaN()
	}
	r.Value = encode(driftCodec, &e)
	return r
}
