package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/visutility/retrainer/consumer/record"
)

// A record whose handler needs a schema is held: it stays in t.now, the position stays at its offset, and nothing more is
// fetched. What was folded before it is committed as always, policies are switched, and the schema is asked for meanwhile.

// inTime is within what an answer is not told as waited for: schemas are asked for once, and an instance stays ready meanwhile.
const inTime = time.Second

// holds tells whether a record was put off, and holds it.
func (t *task) holds(err error) bool {
	var needs *record.Needs
	if !errors.As(err, &needs) {
		return false
	}
	t.folded--
	t.held, t.heldSince, t.input.next = needs, t.c.cfg.Now(), t.now.Offset
	t.log.Info().Int64("offset", t.now.Offset).Str("schema", needs.Name).Msg("a record waits for its schema")
	return true
}

// again tells whether what is folded now was folded before, so that the same must come of it. Where the checkpoint topic lost
// something (everyKey in a replay) it may as well have been a dead letter that rests on what was outside.
func (t *task) again() bool { return t.replaying && !t.everyKey }

// read gives the next record, or the held one when what it waited for is there.
func (t *task) read() (bool, error) {
	if t.held == nil {
		return t.input.read(&t.now)
	}
	s := t.c.supplies.look(t.held.Schema)
	switch {
	case s.found:
		t.inHandler = true
		t.handler.(record.Supplied).Supply(t.held.Schema, s.text)
		t.inHandler = false
	case s.final() && !t.again():
		t.refused = &s.refused.Dead
	default:
		return false, nil
	}
	t.held, t.input.next = nil, t.now.Offset+1
	t.because("")
	return true, nil
}

// await asks for the schema of the held record, for no longer than wait, and shows what came of it. In a replay the
// registry had the schema before, so that it must come again: another outcome would be another state.
func (t *task) await(ctx context.Context, wait time.Duration) error {
	if t.c.cfg.Resolve == nil {
		return stop("%s/%d at %d needs schema %s, and nobody was given who finds schemas", t.in.Topic, t.partition, t.now.Offset, t.held.Name)
	}
	s, answered := t.c.supplies.ask(t.held.Schema)
	why := "asking for it"
	if s.err != nil {
		why = s.err.Error()
	}
	if s.refused != nil && t.again() {
		why += "; the record was folded before, so its schema must come back: without it the state cannot be built again"
	}
	if s.err != nil || t.c.cfg.Now().Sub(t.heldSince) >= inTime {
		t.because(fmt.Sprintf("schema %s: %s", t.held.Name, why))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-answered:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
