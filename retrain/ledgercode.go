package retrain

// What the ledger's checkpoint says of a model, a kept alert and a command, each behind the format.

func (e *encoder) stateOfModel(m *model) {
	e.bool(m.exists)
	e.optText(m.named)
	e.versions(m.versions)
	e.optInt(m.success[0])
	e.optInt(m.success[1])
	e.int(m.succeeded)
	e.optInt(m.endedAt)
	e.text(m.endedBy)
	e.int(m.failures)
	e.int(m.commandNumber)
	e.int(m.decisionNumber)
	e.text(string(m.last.action))
	e.text(string(m.last.reason))
	e.text(m.last.blockedBy)
	e.text(m.decisionID)
	e.b = append(e.b, m.written[:]...)
}

func (d *decoder) readModel(name string) *model {
	m := &model{name: name, exists: d.bool(), named: d.optText(), versions: d.versions()}
	m.success[0], m.success[1] = d.optInt(), d.optInt()
	m.succeeded, m.endedAt, m.endedBy, m.failures = d.int(), d.optInt(), d.text(), d.int()
	m.commandNumber, m.decisionNumber = d.int(), d.int()
	m.last = said{RetrainAction(d.text()), Reason(d.text()), d.text()}
	m.decisionID = d.text()
	copy(m.written[:], d.take(uint64(len(m.written))))
	return m
}

func (e *encoder) versions(versions []Version) {
	e.uint(uint64(len(versions)))
	for i := range versions {
		v := &versions[i]
		e.text(v.Version)
		e.optText(v.Parent)
		e.optText(v.CommandID)
		optional(e, v.Action, func(a RetrainAction) { e.text(string(a)) })
		e.optText(v.Dataset)
		e.doubles(v.Metrics)
		e.texts(v.BestParams)
		e.int(v.RegisteredAt)
	}
}

func (d *decoder) versions() []Version {
	var versions []Version
	for range d.count() {
		versions = append(versions, Version{
			Version: d.text(), Parent: d.optText(), CommandID: d.optText(),
			Action: readOptional(d, func() RetrainAction { return RetrainAction(d.text()) }), Dataset: d.optText(), Metrics: d.doubles(),
			BestParams: d.texts(), RegisteredAt: d.int(),
		})
	}
	return versions
}

// kept: which models it concerned was fixed when its entry came, so it stands here.
func (e *encoder) kept(a *keptAlert) {
	e.alert(a.alert)
	e.int(a.time)
	e.bool(a.stale)
	e.uint(uint64(len(a.concerns)))
	for _, x := range a.concerns {
		e.text(x.model.name)
	}
}

// readKept names the models; link finds them.
func (d *decoder) readKept(key string) *keptAlert {
	a := &keptAlert{key: key, alert: d.alert(), time: d.int(), stale: d.bool()}
	for range d.count() {
		a.concerns = append(a.concerns, &concern{keptAlert: a, model: &model{name: d.text()}})
	}
	return a
}

func (e *encoder) command(c *command) {
	e.text(c.model)
	e.int(c.number)
	e.text(string(c.action))
	e.optText(c.base)
	e.optText(c.dataset)
	e.int(c.issuedAt)
	e.int(c.maxRuntime)
	e.uint(uint64(len(c.evidence)))
	for _, id := range c.evidence {
		e.text(id)
	}
	e.text(string(c.state))
	e.optInt(c.startedAt)
	e.optText(c.worker)
	e.int(c.deadline)
	e.int(c.endedAt)
}

func (d *decoder) readCommand(id string) *command {
	c := &command{
		id: id, model: d.text(), number: d.int(), action: RetrainAction(d.text()), base: d.optText(), dataset: d.optText(),
		issuedAt: d.int(), maxRuntime: d.int(),
	}
	for range d.count() {
		c.evidence = append(c.evidence, d.text())
	}
	c.state, c.startedAt, c.worker, c.deadline, c.endedAt = ResultState(d.text()), d.optInt(), d.optText(), d.int(), d.int()
	return c
}

// model is every field of a Model record but updated_at, for its hash.
func (e *encoder) model(m *Model) {
	e.text(m.Name)
	e.optText(m.Latest)
	e.text(string(m.Phase))
	e.text(string(m.Action))
	e.text(string(m.Reason))
	e.optInt(m.Until)
	e.uint(uint64(len(m.Alerts)))
	for i := range m.Alerts {
		e.evidence(&m.Alerts[i])
	}
	e.optText(m.CommandID)
	e.optText(m.Worker)
	e.optText(m.DecisionID)
	e.versions(m.Versions)
}

func (e *encoder) evidence(v *Evidence) {
	e.alert(&Alert{
		AlertID: v.AlertID, Stream: v.Stream, Model: v.Model, ModelVersion: v.ModelVersion, On: v.On, RuleID: v.RuleID,
		Rule: v.Rule, Action: v.Action, Field: v.Field, Value: v.Value, Level: v.Level, Since: v.Since, EventID: v.EventID,
		EventTime: v.EventTime, Topic: v.Topic, Partition: v.Partition, Offset: v.Offset,
	})
}
