package retrain

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Keys of the ledger's checkpoint: each model, kept alert and command, the ledger's time and id, and the policy.
const (
	modelPrefix   = "model/"
	alertPrefix   = "alert/"
	commandPrefix = "command/"
	ledgerKey     = "ledger"
	policyKey     = "policy"
)

// changedKeys are the keys that have changed since the last Snapshot.
type changedKeys struct {
	models, alerts, commands map[string]bool
	ledger, policy           bool
}

func newChangedKeys() changedKeys {
	return changedKeys{models: map[string]bool{}, alerts: map[string]bool{}, commands: map[string]bool{}}
}

// Restore gives back one key of the checkpoint; a nil value says that it is gone, a later call for a key replaces an earlier
// one.
func (c *Controller) Restore(key, value []byte) error {
	c.unlinked = true
	kind, name := string(key), ""
	for _, prefix := range []string{modelPrefix, alertPrefix, commandPrefix} {
		if rest, ok := strings.CutPrefix(kind, prefix); ok {
			kind, name = prefix, rest
		}
	}
	d := new(decoder)
	if value != nil {
		*d = decode(value)
	}
	switch kind {
	case modelPrefix:
		delete(c.models, name)
		if value != nil {
			c.models[name] = d.readModel(name)
		}
	case alertPrefix:
		delete(c.alerts, name)
		if value != nil {
			c.alerts[name] = d.readKept(name)
		}
	case commandPrefix:
		delete(c.commands, name)
		if value != nil {
			c.commands[name] = d.readCommand(name)
		}
	case ledgerKey:
		if value != nil {
			c.readLedger(d)
		}
	case policyKey:
		if value != nil {
			return c.readPolicy(d)
		}
	default:
		return damaged("%q is no key of a ledger's checkpoint", key)
	}
	if err := d.end(); err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	return nil
}

func (c *Controller) readLedger(d *decoder) {
	c.now, c.ledgerID = d.int(), d.text()
	if c.ledgerID != "" {
		if id, err := uuid.Parse(c.ledgerID); err == nil {
			c.ledger = id
		} else {
			d.fail()
		}
	}
}

func (c *Controller) readPolicy(d *decoder) error {
	revision, text := int32(d.int()), []byte(d.text())
	if err := d.end(); err != nil {
		return err
	}
	p, err := ReadPolicy(text)
	if err != nil {
		return fmt.Errorf("%w: in the checkpoint: %w", ErrPolicyUnreadable, err)
	}
	p.Revision = revision
	c.policy = p
	return nil
}

// link computes what is not in the checkpoint, once all keys are there. A checkpoint whose keys do not fit together is damaged.
func (c *Controller) link() error {
	if !c.unlinked {
		return c.damage
	}
	c.unlinked = false
	if c.damage = c.complete(); c.damage != nil {
		return c.damage
	}
	// order: each model is reset by itself
	for _, m := range c.models {
		m.open, m.alerts, m.timers, m.control = nil, nil, [timerKinds]timer{}, c.policy.control(m.name)
	}
	c.wakes.heap, c.deadlines.heap, c.ended, c.opened = nil, nil, nil, 0
	for _, link := range []func() error{c.linkCommands, c.linkAlerts} {
		if c.damage = link(); c.damage != nil {
			return c.damage
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.models)) {
		if m := c.models[name]; m.exists {
			c.schedule(m)
		}
	}
	return nil
}

// complete says whether the keys are there that every decision needs.
func (c *Controller) complete() error {
	if c.ledgerID == "" || c.policy == nil {
		if n := len(c.models) + len(c.alerts) + len(c.commands); n > 0 || c.policy != nil {
			return damaged("it has no ledger id or no policy, but %d models, alerts and commands", n)
		}
	}
	return nil
}

func (c *Controller) linkCommands() error {
	for _, id := range slices.Sorted(maps.Keys(c.commands)) {
		cmd := c.commands[id]
		m := c.models[cmd.model]
		switch {
		case m == nil || !m.exists:
			return damaged("command %s is of model %q, which is not in it", id, cmd.model)
		case !cmd.open():
			c.ended = append(c.ended, endOfCommand{cmd.endedAt, id})
		case m.open != nil:
			return damaged("the commands %s and %s of model %q are both open", m.open.id, id, cmd.model)
		default:
			m.open = cmd
			c.opened++
		}
	}
	slices.SortStableFunc(c.ended, func(a, b endOfCommand) int { return cmp.Compare(a.at, b.at) })
	return nil
}

func (c *Controller) linkAlerts() error {
	for _, key := range slices.Sorted(maps.Keys(c.alerts)) {
		a := c.alerts[key]
		for _, x := range a.concerns {
			m := c.models[x.model.name]
			if m == nil || !m.exists {
				return damaged("alert %q is of model %q, which is not in it", key, x.model.name)
			}
			x.model = m
			m.insert(x)
		}
		c.bind(a)
	}
	return nil
}

// Snapshot gives every key that has changed since the last Snapshot, or with all every key there is; a nil value removes the
// key. put copies what it is given.
func (c *Controller) Snapshot(all bool, put func(key, value []byte)) {
	if c.link() != nil {
		return // the next Step says it
	}
	changed := c.changed
	if all {
		changed = c.everything()
	}
	c.changed = newChangedKeys()
	write := func(key string, there bool, fields func(e *encoder)) {
		if !there {
			put([]byte(key), nil)
			return
		}
		e := encoder{b: []byte{format}}
		fields(&e)
		put([]byte(key), e.b)
	}
	for _, name := range slices.Sorted(maps.Keys(changed.models)) {
		m := c.models[name]
		write(modelPrefix+name, m != nil, func(e *encoder) { e.stateOfModel(m) })
	}
	for _, key := range slices.Sorted(maps.Keys(changed.alerts)) {
		a := c.alerts[key]
		write(alertPrefix+key, a != nil, func(e *encoder) { e.kept(a) })
	}
	for _, id := range slices.Sorted(maps.Keys(changed.commands)) {
		cmd := c.commands[id]
		write(commandPrefix+id, cmd != nil, func(e *encoder) { e.command(cmd) })
	}
	if changed.ledger {
		write(ledgerKey, true, func(e *encoder) { e.int(c.now); e.text(c.ledgerID) })
	}
	if changed.policy && c.policy != nil {
		write(policyKey, true, func(e *encoder) { e.int(int64(c.policy.Revision)); e.text(string(c.policy.Canonical())) })
	}
}

func (c *Controller) everything() changedKeys {
	all := newChangedKeys()
	all.ledger, all.policy = true, true
	for name := range c.models {
		all.models[name] = true
	}
	for key := range c.alerts {
		all.alerts[key] = true
	}
	for id := range c.commands {
		all.commands[id] = true
	}
	return all
}
