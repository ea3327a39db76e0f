package main

import (
	"context"
	"fmt"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
)

// mostCounted is up to how many offsets the dead letters are counted one by one: the ends of transactions take offsets too.
const mostCounted = 2000

// deadLetters says how many records could not be used and are still kept, and how to see them; "": none.
func (c *configuration) deadLetters(ctx context.Context, client *consumer.Client) (string, error) {
	topic := c.names().dlq()
	pieces, err := client.Offsets(ctx, topic)
	if err != nil {
		return "", err
	}
	n, atMost := int64(0), "at most "
	for _, piece := range pieces {
		n += piece.To - piece.From
	}
	if n <= mostCounted {
		atMost = ""
		if n, err = countRecords(ctx, client, topic, pieces); err != nil {
			return "", err
		}
	}
	if n == 0 {
		return "", nil
	}
	return fmt.Sprintf("dead letters: %s%s that could not be used in %s; `%s` shows each with its reason",
		atMost, phrases.Count(int(n), "record"), topic, c.given.command("tail "+topic+" --from start --until end")), nil
}

func countRecords(ctx context.Context, client *consumer.Client, topic string, pieces map[int32]consumer.Range) (n int64, err error) {
	r, err := client.NewRangeReader(ctx, topic, pieces)
	if err != nil {
		return 0, err
	}
	err = drain(ctx, r, func(*record.Record) (more bool, err error) { n++; return true, nil })
	return n, err
}
