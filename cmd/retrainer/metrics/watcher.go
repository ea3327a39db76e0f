package metrics

import (
	"slices"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// decode reads an output that the program has written, in either framing.
func decode[T any](codec *schemas.Codec[T], o *record.Output) (v T, err error) {
	err = codec.Decode(schemas.Unframe(o.Value, codec.Schema()), &v)
	return v, err
}

// outcomes and the counts of the ledger, in the order in which handlers give them. Immutable.
var (
	outcomes     = handlers.EventOutcomes()
	ledgerCounts = handlers.LedgerCounts()
	openCommands = slices.Index(ledgerCounts, handlers.OpenCommands)
)

func reasonsWithoutEffect() []string { return ledgerCounts[:openCommands] }

// Loaded counts a replay. It is called by the consumer.
func (m *Metrics) Loaded(topic string, _ int32, replayed int64, counts []int64) {
	m.replayTotal.WithLabelValues(topic).Add(float64(replayed))
	if topic == m.cfg.Ledger {
		m.tasks.openCommands.Store(counts[openCommands])
	}
}

// Uncommitted counts a transaction that came to nothing, as far as it is known. It is called by the consumer.
func (m *Metrics) Uncommitted(topic string, _ int32, known bool) {
	outcome := unknown
	if known {
		outcome = aborted
	}
	m.transactions.WithLabelValues(topic, outcome).Inc()
}

// Dropped counts a recovery. It is called by the consumer.
func (m *Metrics) Dropped(_ string, _ int32, cause string) { m.recoveries.WithLabelValues(cause).Inc() }

// Committed counts what a transaction holds. It is called by the consumer.
func (m *Metrics) Committed(c *consumer.Commit) {
	m.transactions.WithLabelValues(c.Topic, committed).Inc()
	switch {
	case m.events[c.Topic]:
		for i, outcome := range outcomes {
			m.eventsTotal.WithLabelValues(c.Topic, outcome).Add(float64(c.After[i] - c.Before[i]))
		}
	case c.Topic == m.cfg.Ledger:
		for i, reason := range reasonsWithoutEffect() {
			m.ineffective.WithLabelValues(reason).Add(float64(c.After[i] - c.Before[i]))
		}
		m.tasks.openCommands.Store(c.After[openCommands])
	}
	for i := range c.Outputs {
		if err := m.count(c, &c.Outputs[i]); err != nil {
			m.cfg.Log.Error().Err(err).Str("topic", c.Outputs[i].Topic).Msg("metrics: a record of ours cannot be read, and is not counted")
		}
	}
}

func (m *Metrics) count(c *consumer.Commit, o *record.Output) error {
	switch o.Topic {
	case m.cfg.DeadLetters:
		m.deadLetters.WithLabelValues(c.Topic, reasonOf(o)).Inc()
	case m.cfg.Ledger:
		if !m.events[c.Topic] {
			return nil // forwarded
		}
		a, err := decode(handlers.AlertCodec, o)
		if err != nil {
			return err
		}
		m.alerts.WithLabelValues(string(a.State), string(a.On), string(a.Action)).Inc()
	case m.cfg.Commands:
		x, err := decode(handlers.CommandCodec, o)
		if err != nil {
			return err
		}
		m.commands.WithLabelValues(string(x.Action)).Inc()
	case m.cfg.Decisions:
		d, err := decode(handlers.DecisionCodec, o)
		if err != nil {
			return err
		}
		m.decide(&d)
	case m.cfg.Results:
		r, err := decode(handlers.ResultCodec, o)
		if err != nil {
			return err
		}
		m.results.WithLabelValues(string(r.Action), string(r.State)).Inc()
	}
	return nil
}

func (m *Metrics) decide(d *retrain.Decision) {
	m.decisions.WithLabelValues(string(d.Action), string(d.Reason)).Inc()
	if d.Reason != retrain.ReasonAlert || len(d.Evidence) == 0 {
		return
	}
	newest := d.Evidence[0].EventTime
	for i := range d.Evidence {
		newest = max(newest, d.Evidence[i].EventTime)
	}
	m.eventToCommand.Observe(m.since(newest))
}

// since is how many seconds ago a moment was (ms since 1970), by this process's clock; 0 for one that is ahead.
func (m *Metrics) since(ms int64) float64 { return since(m.cfg.Now(), ms) }

// reasonOf is the reason of a dead letter. Headers of the record's own stand before ours.
func reasonOf(o *record.Output) string {
	for _, h := range slices.Backward(o.Headers) {
		if h.Key == consumer.ReasonHeader {
			return string(h.Value)
		}
	}
	return unknown
}
