package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// judgeCounts folds what examples/count is given: the n-th record of a key says "KEY n" wherever n is a multiple of the
// revision's number. A record without a value is a dead letter and no part of the count.
func judgeCounts(ctx context.Context, k *kafka, o options, r *report) error {
	every, err := k.every(ctx, o, r)
	if err != nil {
		return err
	}
	counts, homes := map[string]int{}, map[string]int32{}
	dead := deadLetters{}
	n := 0
	next, err := k.read(ctx, o.in, r, func(rec *kgo.Record) {
		n++
		if len(rec.Value) == 0 {
			dead.expect(rec, "no_value")
			return
		}
		key := string(rec.Key)
		if p, ok := homes[key]; ok && p != rec.Partition {
			r.mismatch("key %q is in partitions %d and %d: its count cannot be told", key, p, rec.Partition)
		}
		homes[key] = rec.Partition
		counts[key]++
	})
	if err != nil {
		return err
	}
	said, outputs := map[string]int{}, 0
	if _, err := k.read(ctx, o.totals, r, func(rec *kgo.Record) {
		outputs++
		key := string(rec.Key)
		said[key] += every
		if want := fmt.Sprintf("%s %d", key, said[key]); string(rec.Value) != want {
			r.mismatch("%s/%d/%d says %q; the next total of this key is %q", rec.Topic, rec.Partition, rec.Offset, rec.Value, want)
			if n, err := strconv.Atoi(string(rec.Value[min(len(rec.Value), len(key)+1):])); err == nil {
				said[key] = n // one mistake is one line
			}
		}
	}); err != nil {
		return err
	}
	for _, key := range sorted(counts) {
		if want := counts[key] / every * every; said[key] != want {
			r.mismatch("key %q: %d records, the last total said is %d; it must be %d", key, counts[key], said[key], want)
		}
	}
	if err := dead.compare(ctx, k, o.app+".dlq", r); err != nil {
		return err
	}
	r.saw(n, "records")
	r.saw(outputs, "totals")
	r.saw(len(dead), "dead letters")
	return k.folded(ctx, o.app, o.in, next, r)
}

// every is the one revision of the counting example.
func (k *kafka) every(ctx context.Context, o options, r *report) (int, error) {
	values := map[string]string{}
	if _, err := k.read(ctx, o.app+".every", r, func(rec *kgo.Record) { values[string(rec.Key)] = string(rec.Value) }); err != nil {
		return 0, err
	}
	if len(values) != 1 {
		return 0, fmt.Errorf("%s.every holds %d revisions; counts are judged under one", o.app, len(values))
	}
	for _, v := range values {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("%s.every says %q, which is not a number of at least 1", o.app, v)
		}
		return n, nil
	}
	return 0, nil
}
