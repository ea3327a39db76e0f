package verify

import (
	"context"
	"errors"
	"fmt"
	"io"

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

func (x *item) place() string { return placeOf(x.Record) }

func placeOf(r *record.Record) string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset) }

func newItem(k *kind, r *record.Record) (*item, error) {
	x := &item{Record: r}
	err := errors.New("it has no value")
	if r.Value != nil {
		x.id, x.plain, err = k.read(r.Value)
	}
	if err != nil {
		return nil, &Difference{Problem: Unreadable, Noun: k.noun, Topic: r.Topic, Place: x.place(), Key: string(r.Key), Expected: "a " + k.noun, Found: err.Error()}
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
	head  *item // the next record; nil: not read, or none
	ended bool
	met   bool // a record of it was expected: from here on all must be there
}

// peek reads the next record, if that has not happened yet.
func (p *partition) peek(ctx context.Context, k *kind) error {
	if p.head != nil || p.ended {
		return nil
	}
	r, err := p.Source.Next(ctx)
	if errors.Is(err, io.EOF) {
		p.ended = true
		return nil
	}
	if err != nil {
		return err
	}
	p.head, err = newItem(k, r)
	return err
}

// lost tells whether a record that is not the next one may have been taken by retention.
func (p *partition) lost() bool { return p.Cut && !p.met }

// expect compares the next record of its partition with an output of the ledger. What is not certain to have been committed
// by then may lie behind the end.
func (l *log) expect(ctx context.Context, o *record.Output, by *record.Record, certain bool) error {
	id, plain, err := l.kind.read(o.Value)
	if err != nil {
		return err
	}
	home := l.partitions[wire.PartitionFor(o.Key, int32(len(l.partitions)))]
	if err := home.peek(ctx, l.kind); err != nil {
		return err
	}
	lost := home.lost()
	for i := -1; i < len(l.partitions); i++ { // its own first; a topic that was given more partitions has older records elsewhere
		p := home
		if i >= 0 {
			p = l.partitions[i]
		}
		if err := p.peek(ctx, l.kind); err != nil {
			return err
		}
		if p.head != nil && p.head.id == id {
			return l.take(p, o, plain, by)
		}
		lost = lost || p.lost() && p.head != nil
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
	if d := fieldDifference(l.kind, p.head, o.Key, o.Headers, plain); d != nil {
		d.Entry = placeOf(by)
		return d
	}
	p.head, p.met = nil, true
	l.counts.Equal++
	return nil
}

// unlike says why the next record of a partition is not the one expected: that is missing, or this is one too many.
func (l *log) unlike(ctx context.Context, home *partition, id string, o *record.Output, by *record.Record) error {
	d := &Difference{Problem: Missing, Noun: l.kind.noun, Topic: l.topic, Key: string(o.Key), Expected: l.kind.describe(o.Value), Found: nothing, Entry: placeOf(by)}
	if home.head != nil {
		d.Found = l.kind.describe(home.head.Value) + " at " + home.head.place()
	}
	var before *item // what stands before the record expected, in its partition
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
func (l *log) extra(ctx context.Context, x *item, expected, entry string) error {
	d := &Difference{Problem: Extra, Noun: l.kind.noun, Topic: l.topic, Place: x.place(), Key: string(x.Key), Expected: expected, Found: l.kind.describe(x.Value), Entry: entry}
	err := l.find(ctx, l.topic, func(r *record.Record) bool {
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
		if err := p.peek(ctx, l.kind); err != nil {
			return err
		}
		if p.head != nil {
			return l.extra(ctx, p.head, "nothing more", "")
		}
	}
	return nil
}
