package retrain

import "strings"

// LatestModel is, of the models that the active policy binds the stream to, the one with the newest version, and that version.
// Where none has a registered one it is the first in order of name, with the version that its alerts named last. "": the
// stream is bound to none, or no policy is active.
func (c *Controller) LatestModel(stream StreamID) ModelID {
	if c.link() != nil || c.policy == nil {
		return ""
	}
	var latest ModelID
	var newest int64
	for _, name := range c.policy.modelsOf(new(string(stream)), nil) {
		m := c.models[name]
		if m == nil {
			m = newModel(name)
		}
		registered := int64(-1)
		if n := len(m.versions); n > 0 {
			registered = m.versions[n-1].RegisteredAt
		}
		if latest == "" || registered > newest {
			latest, newest = modelID(name, m.baseVersion(nil)), registered
		}
	}
	return latest
}

// modelID leaves out a version of which nobody could tell where the name ends.
func modelID(name string, version *string) ModelID {
	if version == nil || !isVersion(*version) {
		return ModelID(name)
	}
	return ModelID(name + "/" + *version)
}

// NextVersion is the version that a success of the action would register now, had it trained from base and given no name of
// its own.
func (c *Controller) NextVersion(base ModelID, action RetrainAction) ModelID {
	_ = c.link() // a damaged checkpoint stops the next step; a name can be told all the same
	name, version := c.namedBy(string(base))
	m := c.models[name]
	if m == nil {
		m = newModel(name)
	}
	var from *string
	if version != "" {
		from = &version
	}
	return ModelID(name + "/" + m.nextVersion(from, action))
}

// namedBy takes a ModelID apart. A version of another form than v and digits is told by the model, if that is known.
func (c *Controller) namedBy(id string) (name, version string) {
	name, version = SplitModel(id)
	if i := strings.LastIndexByte(id, '/'); version == "" && c.models[id] == nil && i > 0 && c.models[id[:i]] != nil {
		return id[:i], id[i+1:]
	}
	return name, version
}

// Binds says whether a bind line of the policy names models for the stream. Without one its models are that of the event,
// else bind_default's.
func (p *Policy) Binds(stream StreamID) bool {
	for _, b := range p.bind {
		if matchText(b.stream, string(stream)) {
			return true
		}
	}
	return false
}
