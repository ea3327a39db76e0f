package retrain

import "crypto/sha256"

// model is what the controller knows of a model, by its name.
type model struct {
	name     string
	exists   bool    // false: only a refused Request named it
	named    *string // the version that an alert of the model named last
	versions []Version

	success   [2]*int64 // ledger time of the last success by soft, by full
	succeeded int64     // greatest command number that succeeded
	open      *command
	endedAt   *int64 // of the last command's end
	endedBy   string // that command
	failures  int64  // ends in a row that were no success

	commandNumber, decisionNumber int64
	last                          said
	decisionID                    string
	written                       [sha256.Size]byte // of the Model record last written, but for updated_at; zero: none

	// Not in the checkpoint, but computed from it.
	control *Control
	alerts  []*concern // in evidence order
	timers  [timerKinds]timer
	touched bool
	result  *Result // of the command that ended in this step
}

// said is what a decision says as far as it is compared with the one before.
type said struct {
	action    RetrainAction
	reason    Reason
	blockedBy string // empty: by nothing
}

func newModel(name string) *model {
	return &model{name: name, last: said{NoAction, ReasonQuiet, ""}}
}

// mention makes the model exist.
func (c *Controller) mention(name string) *model {
	m := c.known(name)
	if !m.exists {
		m.exists = true
		m.control = c.policy.control(name)
	}
	c.touch(m)
	return m
}

// known is the model with its numbers, whether it exists or not.
func (c *Controller) known(name string) *model {
	m := c.models[name]
	if m == nil {
		m = newModel(name)
		c.models[name] = m
	}
	c.changed.models[name] = true
	return m
}

// writeModel writes the Model record when the model begins to exist and when any field but updated_at differs.
func (c *Controller) writeModel(m *model) {
	a := c.assess(m)
	v := &Model{
		Name: m.name, Phase: PhaseQuiet, Action: m.last.action, Reason: m.last.reason, Alerts: evidenceOf(a.counting, mostShown),
		Versions: m.versions, UpdatedAt: 0,
	}
	if n := len(m.versions); n > 0 {
		v.Latest = &m.versions[n-1].Version
	}
	if m.decisionID != "" {
		v.DecisionID = &m.decisionID
	}
	switch end := c.cooldownEnd(m); {
	case m.open != nil:
		v.Phase, v.Until, v.CommandID, v.Worker = PhaseTraining, new(m.open.deadline), new(m.open.id), m.open.worker
	case end > c.now:
		v.Phase, v.Until = PhaseCooling, &end
	case a.held.until != 0:
		v.Until = &a.held.until
	}
	var e encoder
	e.model(v)
	if sum := sha256.Sum256(e.b); sum != m.written {
		m.written = sum
		v.UpdatedAt = c.now
		v.Versions = append([]Version{}, m.versions...)
		if v.DecisionID != nil {
			v.DecisionID = new(m.decisionID)
		}
		c.out = append(c.out, v)
	}
}
