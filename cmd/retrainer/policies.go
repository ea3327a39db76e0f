package main

import (
	"context"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// policies are those that were ever active, by revision.
type policies struct {
	active   record.Revision      // the greatest of them
	entry    *retrain.PolicyEntry // the same, decoded; nil: none yet
	byNumber map[int32]*retrain.Policy
}

// policies reads them. One that this build cannot read is left out: it explains nothing, but stops nobody from looking.
func (c *configuration) policies(ctx context.Context, client *consumer.Client) (policies, error) {
	all := policies{byNumber: map[int32]*retrain.Policy{}}
	err := each(ctx, client, c.names().policy(), func(r *record.Record) error {
		e, err := handlers.DecodePolicy(r.Value)
		if err != nil {
			return foreign(r, err)
		}
		if p, err := retrain.ReadPolicy(e.Policy); err == nil {
			all.byNumber[e.Revision] = p
		}
		if all.entry == nil || e.Revision > all.active.Number {
			all.active, all.entry = record.Revision{Number: e.Revision, Value: r.Value}, e
		}
		return nil
	})
	return all, err
}
