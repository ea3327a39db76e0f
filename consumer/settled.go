package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// openPatience is how long Settled waits for open transactions: longer than a transaction of a task may take (10 s).
const openPatience = 30 * time.Second

// Offsets gives the offsets that a topic has now, by partition.
func (c *Client) Offsets(ctx context.Context, topic string) (map[int32]Range, error) {
	if err := c.NeedTopics(ctx, topic); err != nil {
		return nil, err
	}
	all := map[int32]Range{}
	for p := range c.cluster.partitions(topic) {
		from, to, err := c.bounds(ctx, ReaderConfig{Topic: topic, ToEnd: true}, p)
		if err != nil {
			return nil, err
		}
		all[p] = Range{from, to}
	}
	return all, nil
}

// Settled gives the offsets that a topic has now, by partition, as soon as all transactions in them are decided: what is
// committed there does not change any more. Whoever reads a position first finds every output of it in there.
func (c *Client) Settled(ctx context.Context, topic string) (map[int32]Range, error) {
	all, err := c.Offsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	late := fmt.Errorf("a transaction in topic %s has been open for more than %v: wait until it has ended, and try again", topic, openPatience)
	ctx, cancel := context.WithTimeoutCause(ctx, openPatience, late)
	defer cancel()
	for p, r := range all { // order: each is waited for
		if err := c.decided(ctx, topic, p, r.To); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// decided waits until no transaction is open below an offset.
func (c *Client) decided(ctx context.Context, topic string, partition int32, below int64) error {
	again := delays(5 * time.Millisecond)
	for {
		var stable int64
		err := c.wait(ctx, func(ctx context.Context) (err error) {
			stable, err = c.cluster.offsetOf(ctx, topic, partition, latest, committedRecords)
			return err
		})
		if err != nil || stable >= below {
			return err
		}
		if pause(ctx, again.NextBackOff()) != nil {
			return context.Cause(ctx)
		}
	}
}

// tailRecords is how many records of a checkpoint are looked at first for its last position: each commit has one.
const tailRecords = 5000

// ReadPosition gives where a partition of a checkpoint topic stands, by its last commit, and does not read its keys; ok is
// false where no task has run on it.
func (c *Client) ReadPosition(ctx context.Context, topic string, partition int32) (s Saved, ok bool, err error) {
	all, err := c.Settled(ctx, topic)
	if err != nil {
		return s, false, err
	}
	whole := all[partition]
	for n := int64(tailRecords); ; n *= 10 {
		piece := Range{max(whole.From, whole.To-n), whole.To}
		if s, ok, err = c.lastPosition(ctx, topic, partition, piece); ok || err != nil || piece.From == whole.From {
			return s, ok, err
		}
	}
}

func (c *Client) lastPosition(ctx context.Context, topic string, partition int32, piece Range) (s Saved, ok bool, err error) {
	r, err := c.NewRangeReader(ctx, topic, map[int32]Range{partition: piece})
	if err != nil {
		return s, false, err
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return s, ok, nil
		}
		if err != nil {
			return s, false, err
		}
		if string(rec.Key) != positionKey || rec.Value == nil {
			continue
		}
		if s, err = savedOf(rec); err != nil {
			return s, false, err
		}
		ok = true
	}
}
