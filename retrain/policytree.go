package retrain

// tree is the policy as it stands in the ledger: a policy of the grammar with every default written out, match always there,
// models whole, optional keys without a default only where given.
func (p *Policy) tree() map[string]any {
	observe := make([]any, len(p.observe))
	for i, o := range p.observe {
		rules := make([]any, len(o.rules))
		for j, r := range o.rules {
			rules[j] = r.tree()
		}
		observe[i] = map[string]any{"on": string(o.on), "match": o.match(), "rules": rules}
	}
	bind := make([]any, len(p.bind))
	for i, b := range p.bind {
		bind[i] = map[string]any{"stream": b.stream, "models": anys(b.models)}
	}
	models := make([]any, len(p.models))
	for i, m := range p.models {
		line := m.Control.tree()
		line["match"] = map[string]any{"model": m.model}
		models[i] = line
	}
	return map[string]any{
		"revision": float64(p.Revision), "bind": bind, "bind_default": anys(p.bindDefault), "observe": observe, "models": models,
		"defaults": p.defaults.tree(), "max_event_age": float64(p.MaxEventAge), "resend_delay": float64(p.ResendDelay),
		"source_ttl": float64(p.SourceTTL),
	}
}

func (o *observeLine) match() map[string]any {
	m := map[string]any{}
	if o.stream != nil {
		m["stream"] = *o.stream
	}
	if o.model != nil {
		m["model"] = *o.model
	}
	return m
}

func (c *Control) tree() map[string]any {
	t := c.Train
	space := map[string]any{}
	for _, p := range t.Space {
		space[p.Name] = p.tree()
	}
	train := map[string]any{
		"modality": t.Modality, "start_by": float64(t.StartBy), "max_runtime": float64(t.MaxRuntime), "tuner": t.Tuner,
		"trials": float64(t.Trials), "space": space,
	}
	if t.Dataset != nil {
		train["dataset"] = *t.Dataset
	}
	if t.Objective != nil {
		train["objective"] = map[string]any{"metric": t.Objective.Metric, "goal": string(t.Objective.Goal)}
	}
	return map[string]any{"cooldown": float64(c.Cooldown), "deploy_within": float64(c.DeployWithin), "train": train}
}

func (p *Parameter) tree() map[string]any {
	switch p.Type {
	case Categorical:
		return map[string]any{string(p.Type): anys(p.Values)}
	case Discrete:
		values := make([]any, len(p.Values))
		for i, text := range p.Values {
			values[i] = parseFloat(text)
		}
		return map[string]any{string(p.Type): values}
	}
	return map[string]any{string(p.Type): []any{*p.Low, *p.High}, "log": p.Log}
}

func anys(texts []string) []any {
	list := make([]any, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}
