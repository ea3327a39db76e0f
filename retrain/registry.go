package retrain

import (
	"math/big"
	"slices"
	"strings"
)

// keptVersions is how many versions of a model the registry keeps.
const keptVersions = 100

// register registers the version that a command has trained and gives its name: the trainer's, else the next number.
func (m *model) register(cmd *command, p *Progress, now int64) string {
	name := ""
	if p.NewVersion != nil {
		name = *p.NewVersion
	} else {
		name = m.nextVersion(cmd.base, cmd.action)
	}
	versions := slices.Clone(m.versions) // Model.Latest of the last record points into the old one
	versions = slices.DeleteFunc(versions, func(v Version) bool { return v.Version == name })
	versions = append(versions, Version{
		Version: name, Parent: cmd.base, CommandID: &cmd.id, Action: &cmd.action, Dataset: cmd.dataset,
		Metrics: notNil(p.Metrics), BestParams: notNil(p.BestParams), RegisteredAt: now,
	})
	m.versions = newest(versions)
	if cmd.action == FullRetrain {
		m.success[1] = &now
	} else {
		m.success[0] = &now
	}
	m.succeeded = max(m.succeeded, cmd.number)
	return name
}

// newest are the last versions, as many as the registry keeps.
func newest(versions []Version) []Version {
	first, size := len(versions), 0
	for first > 0 && len(versions)-first < keptVersions {
		if size += versions[first-1].size(); size > mostVersions && first < len(versions) {
			break
		}
		first--
	}
	return versions[first:]
}

// nextVersion numbers a version: full counts the first number up and drops the rest, soft the last (a single number has .0
// behind it); a base of another form counts as v0, by full; the next that is not taken.
func (m *model) nextVersion(base *string, action RetrainAction) string {
	one := big.NewInt(1)
	numbers := []*big.Int{new(big.Int)}
	if base != nil && isVersion(*base) {
		numbers = numbers[:0]
		for digits := range strings.SplitSeq((*base)[1:], ".") {
			n, _ := new(big.Int).SetString(digits, 10)
			numbers = append(numbers, n)
		}
		switch {
		case action == FullRetrain:
			numbers = numbers[:1]
		case len(numbers) == 1:
			numbers = append(numbers, new(big.Int))
		}
	}
	last := numbers[len(numbers)-1]
	for {
		last.Add(last, one)
		texts := make([]string, len(numbers))
		for i, n := range numbers {
			texts[i] = n.String()
		}
		name := "v" + strings.Join(texts, ".")
		if !slices.ContainsFunc(m.versions, func(v Version) bool { return v.Version == name }) {
			return name
		}
	}
}

// bestParams are those of a registered version; nil: not known.
func (m *model) bestParams(version *string) map[string]string {
	if version == nil {
		return nil
	}
	for _, v := range m.versions {
		if v.Version == *version {
			return v.BestParams
		}
	}
	return nil
}

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
