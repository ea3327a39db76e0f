package main

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

var evidenceFields = []string{"alert_id", "stream", "model", "model_version", "on", "rule_id", "rule", "action", "field", "value",
	"level", "since", "event_id", "event_time", "topic", "partition", "offset"}

func evidence(hs []*held) []any {
	list := []any{}
	for _, h := range hs {
		e := map[string]any{}
		for _, f := range evidenceFields {
			e[f] = h.alert[f]
		}
		list = append(list, e)
	}
	return list
}

func severity(action any) int { return slices.Index([]string{"none", "soft", "full"}, action.(string)) }

// answers: the last success by an action at least as severe is not earlier than the alert.
func (m *model) answers(h *held) bool {
	for _, action := range []string{"soft", "full"} {
		if t, ok := m.success[action]; ok && severity(action) >= severity(h.alert["action"]) && h.time <= t {
			return true
		}
	}
	return false
}

// standing are the alerts that may count, stale and undeployed ones too, in evidence order.
func (c *controller) standing(name string, m *model) []*held {
	var found []*held
	for _, h := range c.byModel[name] {
		if !m.answers(h) && c.policy.gives(h.alert) && slices.Contains(c.policy.models(h.alert), name) {
			found = append(found, h)
		}
	}
	slices.SortFunc(found, func(a, b *held) int {
		x, y := a.alert, b.alert
		return cmp.Or(severity(y["action"])-severity(x["action"]), cmp.Compare(b.time, a.time), nullFirst(x["stream"], y["stream"]),
			nullFirst(x["model"], y["model"]), strings.Compare(x["rule_id"].(string), y["rule_id"].(string)),
			nullFirst(x["model_version"], y["model_version"]), strings.Compare(x["topic"].(string), y["topic"].(string)),
			cmp.Compare(x["partition"].(int64), y["partition"].(int64)))
	})
	return found
}

// hold is a version that waits to be deployed, and until when it holds an alert back.
type hold struct {
	end, place int64
	command    any
}

func (c *controller) holds(name string, m *model, h *held) (found []hold) {
	within := c.policy.control(name).DeployWithin
	since := c.now
	if t, ok := h.alert["since"].(int64); ok {
		since = t
	}
	for i, v := range m.versions {
		at := v["registered_at"].(int64)
		from := h.alert["model"] == name && h.alert["model_version"] != nil && v["parent"] == h.alert["model_version"] && v["version"] != v["parent"]
		if severity(v["action"]) >= severity(h.alert["action"]) && (since <= at || from) && c.now < at+within {
			found = append(found, hold{at + within, int64(i), v["command_id"]})
		}
	}
	return found
}

func (c *controller) counting(name string, m *model) []*held {
	return slices.DeleteFunc(c.standing(name, m), func(h *held) bool { return h.stale || len(c.holds(name, m, h)) > 0 })
}

// undeployed are the alerts that a version not yet deployed holds back, and the last of those holds.
func (c *controller) undeployed(name string, m *model) (found []*held, last hold) {
	for _, h := range c.standing(name, m) {
		holds := c.holds(name, m, h)
		if h.stale || len(holds) == 0 {
			continue
		}
		found = append(found, h)
		for _, x := range holds {
			if x.end > last.end || x.end == last.end && x.place > last.place {
				last = x
			}
		}
	}
	return found, last
}

// cooling is the end of the cool-down, 0 where there is none: n ends in a row without success double it n-1 times, up to a day.
func (c *controller) cooling(name string, m *model) int64 {
	if !m.ended {
		return 0
	}
	first := c.policy.control(name).Cooldown
	length, most := first, max(day, first)
	for n := 1; n < m.failures && length < most; n++ {
		length *= 2
	}
	if end := m.endedAt + min(length, most); c.now < end {
		return end
	}
	return 0
}

// decision is what say needs to know.
type decision struct {
	action, reason              string
	until                       int64 // 0: none
	blockedBy, request, command any
	evidence                    []*held
}

func (c *controller) decide(name string, m *model) {
	counting := c.counting(name, m)
	waiting, last := c.undeployed(name, m)
	cooling := c.cooling(name, m)
	switch {
	case m.open != nil:
		known := map[any]bool{}
		for _, e := range m.open.value["evidence"].([]any) {
			known[e.(map[string]any)["alert_id"]] = true
		}
		for _, h := range counting {
			if !known[h.alert["alert_id"]] {
				c.change(name, m, decision{reason: "in_flight", until: m.open.deadline, blockedBy: m.open.id(), evidence: counting})
				return
			}
		}
	case len(counting) == 0 && len(waiting) > 0:
		c.change(name, m, decision{reason: "undeployed", until: last.end, blockedBy: last.command, evidence: waiting})
	case len(counting) == 0:
		stale := slices.DeleteFunc(c.standing(name, m), func(h *held) bool { return !h.stale })
		d := decision{reason: "quiet"}
		if len(stale) > 0 {
			d = decision{reason: "stale", evidence: stale}
		}
		c.change(name, m, d)
	case cooling > 0:
		c.change(name, m, decision{reason: "cooldown", until: cooling, blockedBy: m.endedBy, evidence: counting})
	default:
		c.act(name, m, counting[0].alert["action"].(string), "alert", nil) // evidence begins with the most severe
	}
}

// change says it only if it is not what was said last.
func (c *controller) change(name string, m *model, d decision) {
	d.action = "none"
	if m.last != [3]any{d.action, d.reason, d.blockedBy} {
		c.say(name, m, d)
	}
}

func (c *controller) say(name string, m *model, d decision) {
	m.last = [3]any{d.action, d.reason, d.blockedBy}
	m.decided++
	m.decisionID = c.uuid(name + "\nd" + itoa(m.decided))
	c.emit("Decision", name, map[string]any{
		"decision_id": m.decisionID, "model": name, "model_version": c.base(name, m, d.evidence), "decided_at": c.now,
		"decision_number": m.decided, "command_number": m.commands, "action": d.action, "reason": d.reason, "until": orNil(d.until),
		"blocked_by": d.blockedBy, "request_id": d.request, "command_id": d.command, "policy_revision": c.policy.Revision,
		"evidence": evidence(d.evidence),
	})
}

func orNil(t int64) any {
	if t == 0 {
		return nil
	}
	return t
}

// base is the version that the newest of the alerts names, else the registry's newest, else the last that was named.
func (c *controller) base(name string, m *model, hs []*held) any {
	var newest *held
	for _, h := range hs {
		if h.alert["model"] == name && h.alert["model_version"] != nil && (newest == nil || h.time > newest.time) {
			newest = h
		}
	}
	switch {
	case newest != nil:
		return newest.alert["model_version"]
	case len(m.versions) > 0:
		return m.versions[len(m.versions)-1]["version"]
	}
	return m.named
}

func (c *controller) writeModel(name string, m *model) {
	var until int64
	phase := "quiet"
	_, last := c.undeployed(name, m)
	cooling := c.cooling(name, m)
	var open, worker any
	switch {
	case m.open != nil:
		until, phase, open, worker = m.open.deadline, "training", m.open.id(), m.open.worker
	case cooling > 0:
		until, phase = cooling, "cooling"
	default:
		until = last.end // 0 where nothing is held back
	}
	versions, latest := []any{}, any(nil)
	for _, v := range m.versions {
		versions, latest = append(versions, v), v["version"]
	}
	v := map[string]any{
		"name": name, "latest": latest, "phase": phase, "action": m.last[0], "reason": m.last[1], "until": orNil(until),
		"alerts": evidence(c.counting(name, m)), "command_id": open, "worker": worker, "decision_id": m.decisionID, "versions": versions,
	}
	if !reflect.DeepEqual(m.record, v) {
		m.record = v
		c.emit("Model", name, with(v, map[string]any{"updated_at": c.now}))
	}
}
