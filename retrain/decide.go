package retrain

// assessment is what a model's alerts come to at a moment, each list in evidence order.
type assessment struct {
	counting   []*keptAlert
	undeployed []*keptAlert // held back: a version just trained waits to be deployed
	stale      []*keptAlert // too old when they came
	held       hold         // the last of all that hold those back
	release    int64        // the first moment at which one of them is held back no longer; 0: none is
}

// hold is a version that holds an alert back.
type hold struct {
	until   int64
	place   int // in the registry
	version *Version
}

func (c *Controller) assess(m *model) assessment {
	var a assessment
	for _, x := range m.alerts {
		if !x.active || m.answered(x.keptAlert) {
			continue
		}
		if x.stale {
			a.stale = append(a.stale, x.keptAlert)
			continue
		}
		h := c.holds(m, x.alert)
		if h.version == nil {
			a.counting = append(a.counting, x.keptAlert)
			continue
		}
		a.undeployed = append(a.undeployed, x.keptAlert)
		if a.release == 0 || h.until < a.release {
			a.release = h.until
		}
		if a.held.version == nil || h.place > a.held.place {
			a.held = h
		}
	}
	return a
}

// answered says whether a success came after the alert, by an action at least as severe.
func (m *model) answered(a *keptAlert) bool {
	soft, full := m.success[0], m.success[1]
	return full != nil && a.time <= *full || a.alert.Action == SoftRetrain && soft != nil && a.time <= *soft
}

// holds is the last version that holds the alert back: registered less than deploy_within ago, by an action at least as
// severe, after the drift began or trained from the version that the alert names. Versions stand in order of their time, so
// the last one is the one that holds longest.
func (c *Controller) holds(m *model, a *Alert) hold {
	named, since := m.namesVersion(a), c.now
	if a.Since != nil {
		since = *a.Since
	}
	for i := len(m.versions) - 1; i >= 0; i-- {
		v := &m.versions[i]
		until := v.RegisteredAt + m.control.DeployWithin
		if until <= c.now {
			break
		}
		trainedFrom := named != nil && v.Parent != nil && *v.Parent == *named && v.Version != *named
		if v.Action != nil && v.Action.severity() >= a.Action.severity() && (since <= v.RegisteredAt || trainedFrom) {
			return hold{until, i, v}
		}
	}
	return hold{}
}

// decide is a pure function of the model's state and ledger time. Said again with nothing changed, it says nothing.
func (c *Controller) decide(m *model) {
	a := c.assess(m)
	switch end := c.cooldownEnd(m); {
	case m.open != nil:
		if !m.open.answersAll(a.counting) {
			c.change(m, &saying{said: said{NoAction, ReasonInFlight, m.open.id}, until: m.open.deadline, evidence: a.counting})
		}
	case len(a.counting) == 0 && len(a.undeployed) > 0:
		c.change(m, &saying{said: said{NoAction, ReasonUndeployed, orEmpty(a.held.version.CommandID)}, until: a.held.until,
			evidence: a.undeployed, heldBy: a.held.version})
	case len(a.counting) == 0 && len(a.stale) > 0:
		c.change(m, &saying{said: said{NoAction, ReasonStale, ""}, evidence: a.stale})
	case len(a.counting) == 0:
		c.change(m, &saying{said: said{NoAction, ReasonQuiet, ""}})
	case end > c.now:
		c.change(m, &saying{said: said{NoAction, ReasonCooldown, m.endedBy}, until: end, evidence: a.counting})
	default:
		c.act(m, a.counting[0].alert.Action, nil) // evidence order puts the most severe first
	}
}

// saying is a decision on its way.
type saying struct {
	said
	until    int64 // 0: none
	evidence []*keptAlert
	request  *Request
	command  *Command // that it gives
	heldBy   *Version // of undeployed
}

// change says it if it differs from what was said last.
func (c *Controller) change(m *model, s *saying) {
	if m.last != s.said {
		c.say(m, s)
	}
}

// say writes a Decision.
func (c *Controller) say(m *model, s *saying) {
	m.last = s.said
	m.decisionNumber++
	m.decisionID = decisionID(c.ledger, m.name, m.decisionNumber)
	d := &Decision{
		DecisionID: m.decisionID, Model: m.name, ModelVersion: m.baseVersion(s.evidence), DecidedAt: c.now,
		DecisionNumber: m.decisionNumber, CommandNumber: m.commandNumber, Action: s.action, Reason: s.reason,
		PolicyRevision: c.policy.Revision, Evidence: evidenceOf(s.evidence, mostEvidence),
	}
	if s.until != 0 {
		d.Until = &s.until
	}
	if s.blockedBy != "" {
		d.BlockedBy = &s.blockedBy
	}
	if s.request != nil {
		d.RequestID = &s.request.RequestID
	}
	if s.command != nil {
		d.CommandID = &s.command.CommandID
		s.command.DecisionID = d.DecisionID
	}
	d.Explanation = cut(c.explain(m, s), maxExplanation)
	if s.command != nil {
		s.command.Explanation = d.Explanation
	}
	c.out = append(c.out, d)
}
