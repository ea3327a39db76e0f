package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// deadLetters are the bad records by topic/partition/offset: each must be in the dead letter topic, once and whole.
type deadLetters map[string]*deadLetter

type deadLetter struct {
	reason     string
	key, value []byte
	found      int
}

func (d deadLetters) expect(rec *kgo.Record, reason string) {
	d[place(rec.Topic, rec.Partition, rec.Offset)] = &deadLetter{reason, bytes.Clone(rec.Key), bytes.Clone(rec.Value), 0}
}

func place(topic string, partition int32, offset int64) string {
	return fmt.Sprintf("%s/%d/%d", topic, partition, offset)
}

func (d deadLetters) compare(ctx context.Context, k *kafka, topic string, r *report) error {
	_, err := k.read(ctx, topic, r, func(rec *kgo.Record) {
		partition, err1 := strconv.ParseInt(header(rec, "__streams.errors.partition"), 10, 32)
		offset, err2 := strconv.ParseInt(header(rec, "__streams.errors.offset"), 10, 64)
		at := place(header(rec, "__streams.errors.topic"), int32(partition), offset)
		x := d[at]
		switch {
		case err1 != nil || err2 != nil:
			r.mismatch("%s at %d: its headers name no record", topic, rec.Offset)
		case x == nil:
			r.mismatch("%s at %d: the record at %s is not bad, or was never there", topic, rec.Offset, at)
		default:
			if x.found++; x.found > 1 {
				r.mismatch("%s at %d: dead letter of %s, for the %d. time", topic, rec.Offset, at, x.found)
			}
			if reason := header(rec, "retrain.dlq.reason"); reason != x.reason {
				r.mismatch("dead letter of %s: reason %s; it must be %s", at, reason, x.reason)
			}
			if !bytes.Equal(rec.Key, x.key) || !bytes.Equal(rec.Value, x.value) || (rec.Value == nil) != (x.value == nil) {
				r.mismatch("dead letter of %s: its bytes are not those of the record", at)
			}
		}
	})
	for _, at := range sorted(d) {
		if d[at].found == 0 {
			r.mismatch("dead letter of %s (%s) is missing", at, d[at].reason)
		}
	}
	return err
}
