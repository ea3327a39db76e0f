package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// watched is what the program last saved of the sources of all event topics.
type watched struct {
	*configuration
	client     *consumer.Client
	known      policies
	sources    []*watchedSource // those that were asked for
	all        int
	partitions int
	behind     int64 // records that were folded since, and are not in what was saved
	unjudged   int   // sources for which the policy has no rules
}

// watchedSource is one source as one partition knows it.
type watchedSource struct {
	*retrain.SourceView
	topic     string
	partition int32
	saved     consumer.Saved
}

// watched reads the checkpoints of the event topics and gives the sources for which keep says so.
func (c *configuration) watched(ctx context.Context, client *consumer.Client, keep func(v *retrain.SourceView) bool) (*watched, error) {
	w := &watched{configuration: c, client: client}
	var err error
	if w.known, err = c.policies(ctx, client); err != nil || w.known.entry == nil {
		return w, err
	}
	for _, t := range c.drift {
		if err := w.read(ctx, t, handlers.NewDrift, keep); err != nil {
			return w, err
		}
	}
	for _, t := range c.performance {
		if err := w.read(ctx, t, handlers.NewPerformance, keep); err != nil {
			return w, err
		}
	}
	slices.SortStableFunc(w.sources, func(a, b *watchedSource) int {
		return cmp.Or(cmp.Compare(phrases.OrDash(a.Stream), phrases.OrDash(b.Stream)), cmp.Compare(phrases.OrDash(a.Model), phrases.OrDash(b.Model)),
			cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
	return w, nil
}

// read takes one topic's checkpoint, under the active policy: series of rules that it does not have are left out.
func (w *watched) read(ctx context.Context, topic string, handler func(handlers.Settings) *handlers.Events, keep func(v *retrain.SourceView) bool) error {
	parts, err := w.restored(ctx, topic, handler)
	if err != nil {
		return err
	}
	switch err = w.catchUp(ctx, topic, parts); {
	case errors.Is(err, errElsewise): // the checkpoint alone then; w.behind says so
		if parts, err = w.restored(ctx, topic, handler); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	for partition, at := range parts.saved {
		w.partitions++
		w.behind += at.Position - at.Checkpoint
		if h := parts.handlers[partition]; h != nil {
			h.View(func(v *retrain.SourceView) {
				w.all++
				if !v.Judged {
					w.unjudged++
				}
				if keep(v) {
					w.sources = append(w.sources, &watchedSource{v, topic, partition, at})
				}
			})
		}
	}
	return nil
}

// partitions are those of a topic.
type partitions struct {
	saved    map[int32]consumer.Saved
	handlers map[int32]*handlers.Events
	policy   record.Revision
	make     func(handlers.Settings) *handlers.Events
	registry bool // schemas can be had from one
}

// of is the handler of a partition, made where it is not there yet.
func (p *partitions) of(partition int32) (h *handlers.Events, err error) {
	if h = p.handlers[partition]; h == nil {
		h = p.make(handlers.Settings{Registry: p.registry})
		p.handlers[partition], err = h, h.Use(p.policy)
	}
	return h, err
}

// restored are the partitions as the checkpoint has them.
func (w *watched) restored(ctx context.Context, topic string, handler func(handlers.Settings) *handlers.Events) (p *partitions, err error) {
	p = &partitions{handlers: map[int32]*handlers.Events{}, policy: w.known.active, make: handler, registry: w.registry != nil}
	p.saved, err = w.client.ReadCheckpoint(ctx, w.names().checkpoint(topic), func(partition int32, key, value []byte) error {
		h, err := p.of(partition)
		if err == nil {
			err = h.Restore(key, value)
		}
		return err
	})
	return p, err
}

// mostCaughtUp is how many records of a topic are folded behind its checkpoints, so that looking takes a few seconds at most.
const mostCaughtUp = 1_000_000

// catchUp folds the records between checkpoint and position, as a task does that starts there; what they say is known already.
func (w *watched) catchUp(ctx context.Context, topic string, parts *partitions) error {
	pieces, total := map[int32]consumer.Range{}, int64(0)
	for partition, at := range parts.saved {
		if at.Position > at.Checkpoint && at.Revision == w.known.active.Number {
			pieces[partition] = consumer.Range{From: at.Checkpoint, To: at.Position}
			total += at.Position - at.Checkpoint
		}
	}
	if total == 0 || total > mostCaughtUp {
		return nil
	}
	find := w.resolve()
	r, err := w.client.NewRangeReader(ctx, topic, pieces)
	if err != nil {
		return err
	}
	err = drain(ctx, r, func(rec *record.Record) (more bool, err error) {
		h, err := parts.of(rec.Partition)
		if err == nil {
			err = foldQuietly(ctx, h, rec, find)
		}
		return true, err
	})
	if err != nil {
		return err
	}
	for partition := range pieces {
		at := parts.saved[partition]
		at.Checkpoint = at.Position
		parts.saved[partition] = at
	}
	return nil
}

// errElsewise says that a handler did otherwise than that of serve: it panicked, or lacks what serve has, a registry or a setting.
// Its state shows nothing that serve has ever had.
var errElsewise = errors.New("it cannot be folded as serve does")

// findSchema finds the text of a schema that a handler needs.
type findSchema = func(ctx context.Context, schema string) (string, error)

// foldQuietly folds a record and drops what it says. One that cannot be used is a dead letter already.
func foldQuietly(ctx context.Context, h record.Handler, r *record.Record, find findSchema) (err error) {
	defer func() {
		if v := recover(); v != nil { // serve makes a dead letter of the record, and says why
			err = errElsewise
		}
	}()
	_, err = h.Fold(r, nil)
	if needs := (*record.Needs)(nil); errors.As(err, &needs) {
		if find == nil {
			return errElsewise
		}
		text, err := find(ctx, needs.Schema)
		if err != nil {
			return errElsewise
		}
		h.(record.Supplied).Supply(needs.Schema, text)
		return foldQuietly(ctx, h, r, find)
	}
	var dead *record.Dead
	switch {
	case !errors.As(err, &dead):
		return err
	case dead.Outside: // a commit of serve with such a one is a checkpoint: it was none there
		return errElsewise
	}
	return nil
}

// asOf says how old what was read is.
func (w *watched) asOf() string {
	if w.known.entry == nil {
		return fmt.Sprintf("no policy is active yet: it becomes so at the first start of `%s`", w.given.command("serve"))
	}
	text := fmt.Sprintf("%s watched in %s, under policy revision %d, as of the last commit (every 5 s at the latest)",
		phrases.Count(w.all, "source"), phrases.Count(w.partitions, "partition"), w.known.active.Number)
	if w.unjudged > 0 {
		text += fmt.Sprintf("; no rule of the policy (observe) judges %s of them", retrain.Thousands(w.unjudged))
	}
	return text + w.without()
}

// without says what is not in it.
func (w *watched) without() string {
	if w.behind == 0 {
		return ""
	}
	return fmt.Sprintf("; without %s since the last checkpoint (every 30 s)", phrases.Count(int(w.behind), "record"))
}

func (s *watchedSource) asOf() string {
	text := fmt.Sprintf("as of offset %s of %s/%d", retrain.Thousands(s.saved.Checkpoint), s.topic, s.partition)
	if n := s.saved.Position - s.saved.Checkpoint; n > 0 {
		text += fmt.Sprintf(", without %s since", phrases.Count(int(n), "record"))
	}
	return text
}
