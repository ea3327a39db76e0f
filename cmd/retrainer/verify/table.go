package verify

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/visutility/retrainer/consumer/record"
)

// table is a compacted topic: the last word on each key.
type table struct {
	topic  string
	kind   *kind
	cut    bool // its beginning is gone
	found  map[string]*record.Record
	wanted map[string]*wanted
	counts Counts
}

// wanted is what the ledger gives for a key.
type wanted struct {
	last  *word   // certain to have been committed; nil: none
	later []*word // perhaps committed by the time of reading
}

type word struct {
	value []byte
	entry string
}

// read takes the topic as it stands.
func (t *table) read(ctx context.Context, partitions []Partition) error {
	for _, p := range partitions {
		t.cut = t.cut || p.Cut
		for {
			r, err := p.Source.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			t.found[string(r.Key)] = r
		}
	}
	return nil
}

func (t *table) expect(o *record.Output, by *record.Record, certain bool) {
	w := t.wanted[string(o.Key)]
	if w == nil {
		w = &wanted{}
		t.wanted[string(o.Key)] = w
	}
	next := &word{o.Value, placeOf(by)}
	if certain {
		w.last = next
	} else {
		w.later = append(w.later, next)
	}
}

// end compares the last words, in order of the keys.
func (t *table) end() error {
	for _, key := range slices.Sorted(maps.Keys(t.wanted)) {
		w, r := t.wanted[key], t.found[key]
		switch {
		case r != nil:
			if err := t.compare(key, w, r); err != nil {
				return err
			}
			t.counts.Equal++
		case w.last == nil: // it came after the reading
		case t.cut:
			t.counts.Gone++
		default:
			return &Difference{Problem: Missing, Noun: t.kind.noun, Topic: t.topic, Key: key, Expected: t.kind.describe(w.last.value), Found: "nothing of this key", Entry: w.last.entry}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.found)) {
		if r := t.found[key]; t.wanted[key] == nil {
			return &Difference{Problem: Extra, Noun: t.kind.noun, Topic: t.topic, Place: placeOf(r), Key: key, Expected: "nothing of this key", Found: t.kind.describe(r.Value)}
		}
	}
	return nil
}

// compare looks for the word found among those that may stand there. Of a difference, the one certain is told.
func (t *table) compare(key string, w *wanted, r *record.Record) error {
	x, err := newItem(t.kind, r)
	if err != nil {
		return err
	}
	words := w.later
	if w.last != nil {
		words = append([]*word{w.last}, w.later...)
	}
	var first *Difference
	for _, one := range words {
		_, plain, err := t.kind.read(one.value)
		if err != nil {
			return err
		}
		d := fieldDifference(t.kind, x, []byte(key), nil, plain)
		if d == nil {
			return nil
		}
		if d.Entry = one.entry; first == nil {
			first = d
		}
	}
	return first
}
