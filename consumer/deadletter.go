package consumer

import (
	"slices"
	"strconv"
	"time"

	"github.com/visutility/retrainer/consumer/record"
)

// A dead letter that would be larger than the topic takes is cut; the header retrain.dlq.truncated gives its whole size.
const (
	largestDeadLetter = 2<<20 - 64<<10 // below max.message.bytes of the dead letter topic, with room for headers
	truncatedTo       = 64 << 10
)

// ReasonHeader is the header of a dead letter that says its reason. The record's own headers stand before it, perhaps of the same name.
const ReasonHeader = "retrain.dlq.reason"

// deadLetter appends a refused record, untouched, with where it came from and why (KIP-1034's names for what Kafka Streams
// says too, our own for the rest).
func (t *task) deadLetter(r *record.Record, dead *record.Dead, out []record.Output) ([]record.Output, error) {
	if t.c.cfg.DeadLetters == "" {
		return out, stop("%s/%d at %d: %w, and no topic for dead letters is given", r.Topic, r.Partition, r.Offset, dead)
	}
	t.outside = t.outside || dead.Outside
	t.log.Warn().Int64("offset", r.Offset).Str("reason", dead.Reason).Str("dead_letters", t.c.cfg.DeadLetters).Msg(dead.Message)
	h := make([]record.Header, 0, len(r.Headers)+10)
	for _, x := range r.Headers {
		h = append(h, record.Header{Key: x.Key, Value: slices.Clone(x.Value)})
	}
	add := func(key, value string) { h = append(h, record.Header{Key: key, Value: []byte(value)}) }
	add("__streams.errors.exception", dead.Reason)
	add("__streams.errors.message", dead.Message)
	add("__streams.errors.topic", r.Topic)
	add("__streams.errors.partition", strconv.Itoa(int(r.Partition)))
	add("__streams.errors.offset", strconv.FormatInt(r.Offset, 10))
	add(ReasonHeader, dead.Reason)
	add("retrain.dlq.stage", dead.Stage)
	if dead.SchemaID != "" {
		add("retrain.dlq.schema-id", dead.SchemaID)
	}
	add("retrain.dlq.failed-at", t.c.cfg.Now().UTC().Format(time.RFC3339Nano))
	key, value := r.Key, r.Value
	if rest := len(key) + sizeOf(&record.Output{Headers: h}); rest+len(value) > largestDeadLetter && rest > truncatedTo {
		h, key = h[len(r.Headers):], nil // the record's own key and headers are too large: the place above finds them
		add("retrain.dlq.truncated-key", strconv.Itoa(len(r.Key)))
	}
	if len(value) > largestDeadLetter-truncatedTo {
		add("retrain.dlq.truncated", strconv.Itoa(len(value)))
		value = value[:truncatedTo]
	}
	return append(out, record.Output{Topic: t.c.cfg.DeadLetters, Key: slices.Clone(key), Value: slices.Clone(value), Headers: h}), nil
}
