package retrain

import (
	"cmp"
	"slices"
)

// A command is forgotten so long after its last end.
const rememberEnded = 30 * day

// command is what the controller keeps of a command.
type command struct {
	id, model  string
	number     int64
	action     RetrainAction
	base       *string
	dataset    *string
	issuedAt   int64
	maxRuntime int64
	evidence   []string // alert ids

	state     ResultState // empty: open
	startedAt *int64
	worker    *string
	deadline  int64 // to be started by, then to be ended by
	endedAt   int64 // the last end
}

type endOfCommand struct {
	at int64
	id string
}

func (c *command) open() bool { return c.state == "" }

// manyComparisons is how many comparisons of ids cost more than a map of them.
const manyComparisons = 64

// answersAll says whether every alert is in the command's evidence.
func (c *command) answersAll(alerts []*keptAlert) bool {
	if len(alerts)*len(c.evidence) > manyComparisons {
		known := make(map[string]bool, len(c.evidence))
		for _, id := range c.evidence {
			known[id] = true
		}
		return !slices.ContainsFunc(alerts, func(a *keptAlert) bool { return !known[a.alert.AlertID] })
	}
	return !slices.ContainsFunc(alerts, func(a *keptAlert) bool { return !slices.Contains(c.evidence, a.alert.AlertID) })
}

// news are the alerts that are not in the command's evidence.
func (c *command) news(alerts []*keptAlert) []*keptAlert {
	return slices.DeleteFunc(slices.Clone(alerts), func(a *keptAlert) bool { return slices.Contains(c.evidence, a.alert.AlertID) })
}

// act gives a command.
func (c *Controller) act(m *model, action RetrainAction, r *Request) {
	a := c.assess(m)
	m.commandNumber++
	id, train, base := commandID(c.ledger, m.name, m.commandNumber), &m.control.Train, m.baseVersion(a.counting)
	reason := ReasonAlert
	if r != nil {
		reason = ReasonRequested
	}
	cmd := &Command{
		CommandID: id, Kind: KindTrain, Claim: ClaimNone, Action: action, Model: m.name, BaseVersion: base,
		Modality: train.Modality, IssuedAt: c.now, StartBy: c.now + train.StartBy, MaxRuntimeMs: train.MaxRuntime,
		Dataset: train.dataset(a.counting), DriftSince: driftSince(a.counting, c.now), Tuner: train.Tuner,
		Objective: train.Objective, Space: train.Space, Trials: train.trials(id, m.bestParams(base)),
		PolicyRevision: c.policy.Revision, Evidence: evidenceOf(a.counting, mostEvidence),
	}
	c.say(m, &saying{said: said{action, reason, ""}, evidence: a.counting, request: r, command: cmd})
	kept := &command{
		id: id, model: m.name, number: m.commandNumber, action: action, base: base, dataset: cmd.Dataset, issuedAt: c.now,
		maxRuntime: train.MaxRuntime, deadline: cmd.StartBy,
	}
	for _, x := range a.counting[:min(len(a.counting), mostAnswered)] {
		kept.evidence = append(kept.evidence, x.alert.AlertID)
	}
	m.open, c.commands[id] = kept, kept
	c.opened++
	c.changed.commands[id] = true
	c.out = append(c.out, cmd)
}

// endOverdue ends the open commands whose deadline has come, in order of (deadline, model).
func (c *Controller) endOverdue() {
	var due []*command
	for _, m := range c.touched { // by wake
		if m.open != nil && m.open.deadline <= c.now {
			due = append(due, m.open)
		}
	}
	slices.SortFunc(due, func(a, b *command) int {
		return cmp.Or(cmp.Compare(a.deadline, b.deadline), cmp.Compare(a.model, b.model))
	})
	for _, cmd := range due {
		code := "unclaimed"
		if cmd.startedAt != nil {
			code = "max_runtime"
		}
		c.end(cmd, ResultExpired, &Progress{ErrorCode: &code}, false)
	}
}

// end ends a command and writes its Result. A command that has superseded as its end changes nothing else.
func (c *Controller) end(cmd *command, state ResultState, p *Progress, late bool) {
	m := c.models[cmd.model]
	cmd.state, cmd.endedAt = state, c.now
	c.ended = append(c.ended, endOfCommand{c.now, cmd.id})
	c.changed.commands[cmd.id] = true
	c.touch(m)
	if m.open == cmd {
		m.open = nil
		c.opened--
	}
	var registered *string
	if state != ResultSuperseded {
		m.endedAt, m.endedBy = new(c.now), cmd.id
		m.failures++
	}
	if state == ResultSucceeded {
		m.failures = 0
		registered = new(m.register(cmd, p, c.now))
	}
	r := &Result{
		CommandID: cmd.id, Model: cmd.model, Action: cmd.action, BaseVersion: cmd.base, NewVersion: registered, State: state,
		Late: late, ErrorCode: p.ErrorCode, ErrorMessage: p.ErrorMessage, Retryable: p.Retryable,
		Metrics: notNil(p.Metrics), BestParams: notNil(p.BestParams), Worker: cmd.worker, IssuedAt: cmd.issuedAt,
		StartedAt: cmd.startedAt, FinishedAt: c.now,
	}
	if state != ResultSuperseded {
		m.result = r
	}
	c.out = append(c.out, r)
}

func notNil[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// forgetCommands forgets those that ended 30 days ago or more.
func (c *Controller) forgetCommands() {
	for len(c.ended) > 0 && c.now >= c.ended[0].at+rememberEnded {
		end := c.ended[0]
		c.ended = c.ended[1:]
		if cmd := c.commands[end.id]; cmd != nil && cmd.endedAt == end.at { // else it has ended once more since
			delete(c.commands, end.id)
			c.changed.commands[end.id] = true
		}
	}
}

// forgetAnswered removes the alerts that a success has answered for every model that they concern.
func (c *Controller) forgetAnswered() {
	for _, m := range c.touched {
		for i := len(m.alerts) - 1; i >= 0; i-- {
			a := m.alerts[i].keptAlert
			if m.answered(a) && !slices.ContainsFunc(a.concerns, func(x *concern) bool { return !x.model.answered(a) }) {
				c.removeAlert(a)
			}
		}
	}
}
