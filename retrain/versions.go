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
