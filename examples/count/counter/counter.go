// Package counter is the smallest handler worth reading: it counts the records of each key and says the total each time it
// reaches a multiple of n. n is the revision's value. It knows nothing of Kafka; consumer makes it exactly once.
package counter

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/visutility/retrainer/consumer/record"
)

// Counter is a record.Versioned handler of one partition.
type Counter struct {
	totals  string // topic of what it says
	every   uint64
	counts  map[string]*count
	changed []*count // since the last Snapshot
}

type count struct {
	key     string
	n       uint64
	changed bool
}

// New makes the handler of one partition, which says its totals to a topic.
func New(totals string) *Counter {
	return &Counter{totals: totals, every: 1, counts: map[string]*count{}}
}

// Fold counts one record. Its value must not be empty.
func (c *Counter) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	if len(r.Value) == 0 {
		return out, &record.Dead{Reason: "no_value", Stage: record.StageValidate, Message: "the value is empty: there is nothing to count"}
	}
	e := c.counts[string(r.Key)]
	if e == nil {
		e = &count{key: string(r.Key)}
		c.counts[e.key] = e
	}
	if e.n++; !e.changed {
		e.changed = true
		c.changed = append(c.changed, e)
	}
	if e.n%c.every == 0 {
		out = append(out, c.say(e, ""))
	}
	return out, nil
}

// Pass leaves a record out: nothing here belongs to every record.
func (c *Counter) Pass(_ *record.Record, out []record.Output) ([]record.Output, error) {
	return out, nil
}

// Use sets how often a total is said.
func (c *Counter) Use(r record.Revision) error {
	n, err := strconv.ParseUint(string(r.Value), 10, 32)
	if err != nil || n == 0 {
		return fmt.Errorf("revision %d: %q is not a number of at least 1", r.Number, r.Value)
	}
	c.every = n
	return nil
}

// Switch says each key's total under the old revision, then goes over to the new one.
func (c *Counter) Switch(r record.Revision, out []record.Output) ([]record.Output, error) {
	for _, k := range slices.Sorted(maps.Keys(c.counts)) {
		out = append(out, c.say(c.counts[k], fmt.Sprintf(" until revision %d", r.Number)))
	}
	return out, c.Use(r)
}

func (c *Counter) say(e *count, why string) record.Output {
	return record.Output{Topic: c.totals, Key: []byte(e.key), Value: fmt.Appendf(nil, "%s %d%s", e.key, e.n, why)}
}

// Restore takes back one key's count.
func (c *Counter) Restore(key, value []byte) error {
	if value == nil {
		delete(c.counts, string(key))
		return nil
	}
	if len(value) != 8 {
		return fmt.Errorf("a count of %d bytes instead of 8", len(value))
	}
	c.counts[string(key)] = &count{key: string(key), n: binary.BigEndian.Uint64(value)}
	return nil
}

// Snapshot gives the changed counts, or all.
func (c *Counter) Snapshot(all bool, put func(key, value []byte)) {
	write := c.changed
	if all {
		write = slices.Collect(maps.Values(c.counts))
	}
	slices.SortFunc(write, func(a, b *count) int { return strings.Compare(a.key, b.key) })
	for _, e := range write {
		put([]byte(e.key), binary.BigEndian.AppendUint64(nil, e.n))
		e.changed = false
	}
	c.changed = nil
}
