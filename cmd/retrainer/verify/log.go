package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/consumer/wire"
)

// Source gives the records of one partition in order, then io.EOF.
type Source interface {
	Next(ctx context.Context) (*record.Record, error)
}

// Partition is what is looked at of a partition.
type Partition struct {
	Source Source
	Cut    bool // its beginning is gone: retention took it
}

// item is a record with what was read of it.
type item struct {
	*record.Record
	id    string
	plain []byte
}

func placeOf(r *record.Record) string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset) }

func newItem(k *kind, r *record.Record) (*item, error) {
	x := &item{Record: r}
	err := errors.New("it has no value")
	if r.Value != nil {
		x.id, x.plain, err = k.read(r.Value)
	}
	if err != nil {
		return nil, &Difference{Problem: Unreadable, Noun: k.noun, Topic: r.Topic, Place: placeOf(r), Key: string(r.Key), Expected: "a " + k.noun, Found: err.Error()}
	}
	return x, nil
}

// log is a topic of which every record is kept.
type log struct {
	topic      string
	kind       *kind
	partitions []*partition
	find       Find
	counts     Counts
}

// partition is a partition of a log, and how far it is compared.
type partition struct {
	Partition
	head  *record.Record // the next one; nil: not fetched, or none
	read  *item          // the same, once it had to be read
	ended bool
	met   bool // a record of it was expected: from here on all must be there
}

// fetch takes the next record, if that has not happened yet.
func (p *partition) fetch(ctx context.Context) (err error) {
	if p.head != nil || p.ended {
		return nil
	}
	if p.head, err = p.Source.Next(ctx); errors.Is(err, io.EOF) {
		p.ended = true
		return nil
	}
	return err
}

// peek reads the next record; nil: there is none.
func (p *partition) peek(ctx context.Context, k *kind) (*item, error) {
	if err := p.fetch(ctx); err != nil || p.head == nil || p.read != nil {
		return p.read, err
	}
	var err error
	p.read, err = newItem(k, p.head)
	return p.read, err
}

// is tells whether the next record is an output, byte by byte. Most are.
func (p *partition) is(o *record.Output) bool {
	return p.head != nil && bytes.Equal(p.head.Value, o.Value) && bytes.Equal(p.head.Key, o.Key) &&
		slices.EqualFunc(p.head.Headers, o.Headers, func(a, b record.Header) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) })
}

// take goes on to the record behind.
func (p *partition) take() { p.head, p.read, p.met = nil, nil, true }

// lost tells whether a record that is not the next one may have been taken by retention.
func (p *partition) lost() bool { return p.Cut && !p.met }

// expect compares the next record of its partition with an output of the ledger. What is not certain to have been committed
// by then may lie behind the end.
func (l *log) expect(ctx context.Context, o *record.Output, by *record.Record, certain bool) error {
	home := l.partitions[wire.PartitionFor(o.Key, int32(len(l.partitions)))]
	if err := home.fetch(ctx); err != nil {
		return err
	}
	if home.is(o) {
		home.take()
		l.counts.Equal++
		return nil
	}
	id, plain, err := l.kind.read(o.Value)
	if err != nil {
		return err
	}
	lost := home.lost()
	for i := -1; i < len(l.partitions); i++ { // its own first; a topic that was given more partitions has older records elsewhere
		p := home
		if i >= 0 {
			p = l.partitions[i]
		}
		x, err := p.peek(ctx, l.kind)
		if err != nil {
			return err
		}
		if x != nil && x.id == id {
			return l.take(p, o, plain, by)
		}
		lost = lost || p.lost() && x != nil
	}
	switch {
	case lost:
		l.counts.Gone++
		return nil
	case home.head == nil && !certain:
		return nil
	}
	return l.unlike(ctx, home, id, o, by)
}

// take compares a record with the output that it is.
func (l *log) take(p *partition, o *record.Output, plain []byte, by *record.Record) error {
	if d := fieldDifference(l.kind, p.read, o.Key, o.Headers, plain); d != nil {
		d.Entry = placeOf(by)
		return d
	}
	p.take()
	l.counts.Equal++
	return nil
}

// unlike says why the next record of a partition is not the one expected: that is missing, or this is one too many.
func (l *log) unlike(ctx context.Context, home *partition, id string, o *record.Output, by *record.Record) error {
	d := &Difference{Problem: Missing, Noun: l.kind.noun, Topic: l.topic, Key: string(o.Key), Expected: l.kind.describe(o.Value), Found: nothing, Entry: placeOf(by)}
	if home.head != nil {
		d.Found = l.kind.describe(home.head.Value) + " at " + placeOf(home.head)
	}
	var before *record.Record // what stands before the record expected, in its partition
	err := l.find(ctx, l.topic, func(r *record.Record) bool {
		if int(r.Partition) < len(l.partitions) {
			head := l.partitions[r.Partition].head
			if x, err := newItem(l.kind, r); err == nil && x.id == id && head != nil {
				before = head
			}
		}
		return before == nil
	})
	if err != nil {
		return err
	}
	if before == nil {
		return d
	}
	return l.extra(ctx, before, d.Expected, d.Entry)
}

// extra says that a record is one too many.
func (l *log) extra(ctx context.Context, r *record.Record, expected, entry string) error {
	x, err := newItem(l.kind, r)
	if err != nil {
		return err
	}
	d := &Difference{Problem: Extra, Noun: l.kind.noun, Topic: l.topic, Place: placeOf(r), Key: string(r.Key), Expected: expected, Found: l.kind.describe(r.Value), Entry: entry}
	err = l.find(ctx, l.topic, func(r *record.Record) bool {
		other, err := newItem(l.kind, r)
		if err == nil && other.id == x.id && (r.Partition != x.Partition || r.Offset < x.Offset) {
			d.Problem, d.First = Doubled, placeOf(r)
		}
		return d.First == ""
	})
	if err != nil {
		return err
	}
	return d
}

// end looks for what stands behind all that was expected.
func (l *log) end(ctx context.Context) error {
	for _, p := range l.partitions {
		if err := p.fetch(ctx); err != nil {
			return err
		}
		if p.head != nil {
			return l.extra(ctx, p.head, "nothing more", "")
		}
	}
	return nil
}
