package main

import (
	"crypto/sha1" // RFC 9562 defines UUIDv5 by it
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

const (
	day = int64(86_400_000)
	// A command is forgotten this long after its last end.
	forgetAfter = 30 * day
)

// controller folds the ledger: one entry is one step, at its append time.
type controller struct {
	now      int64
	started  bool
	ledger   string
	policy   *policy
	alerts   map[string]*held            // by source, version, rule, topic, partition
	byModel  map[string]map[string]*held // the same, by the models that they concern
	models   map[string]*model
	commands map[string]*command
	names    []string // of the models, in order
	late     []int64  // of each timer that fired, in ms
	seen     map[string]int
	emit     func(kind, key string, value map[string]any)
}

// held is an alert with what is fixed when its entry arrives.
type held struct {
	alert  map[string]any
	time   int64
	stale  bool
	models []string
}

type model struct {
	exists             bool
	named              any // the version that an alert of the model named last
	versions           []map[string]any
	success            map[string]int64 // ledger time of the last success, by action
	top                int64            // number of the newest command that succeeded
	open               *command
	ended              bool
	endedAt            int64
	endedBy            string
	failures           int
	commands, decided  int64 // numbers
	last               [3]any
	decisionID, record any
	touched            bool  // this step changed what it is decided by
	wake               int64 // when time alone changes that; 0: never
	tick               int64 // when a Tick is wanted for it; 0: never
}

type command struct {
	value    map[string]any
	number   int64
	state    string
	started  any
	worker   any
	deadline int64
	endedAt  int64
}

func newController(emit func(kind, key string, value map[string]any)) *controller {
	return &controller{alerts: map[string]*held{}, byModel: map[string]map[string]*held{}, models: map[string]*model{},
		commands: map[string]*command{}, seen: map[string]int{}, emit: emit}
}

func (c *controller) step(at int64, v map[string]any) error {
	if !c.started || at > c.now {
		c.started, c.now = true, at
	}
	kind := v[""].(string)
	if c.ledger == "" && kind != "Policy" {
		return nil // only ledger time passes before the first policy
	}
	for id, x := range c.commands {
		if x.state != "open" && c.now >= x.endedAt+forgetAfter {
			delete(c.commands, id)
		}
	}
	c.timersFired()
	c.expire()
	switch kind {
	case "Policy":
		if err := c.policyEntry(v); err != nil {
			return err
		}
	case "Alert":
		c.alertEntry(v)
	case "Request":
		c.requestEntry(v)
	case "Progress":
		c.progressEntry(v)
	case "Tick":
	default:
		return fmt.Errorf("a %s in the ledger", kind)
	}
	c.decideAll()
	return nil
}

// decideAll decides, in order of the names, for each model whose alerts, command or policy this step touched, or for which a
// cool-down or a hold has ended; for any other nothing can have changed.
func (c *controller) decideAll() {
	var due []string
	for _, n := range c.names {
		if m := c.models[n]; m.touched || m.wake > 0 && m.wake <= c.now {
			due = append(due, n)
		}
	}
	for _, n := range due {
		c.decide(n, c.models[n])
	}
	for _, n := range due {
		c.removeAnswered(n)
	}
	for _, n := range due {
		m := c.models[n]
		c.writeModel(n, m)
		m.touched, m.wake, m.tick = false, c.nextChange(n, m), c.tickAt(n, m)
	}
}

// nextChange is the first moment at which a cool-down or a hold of the model ends.
func (c *controller) nextChange(name string, m *model) int64 {
	next := c.cooling(name, m)
	for _, h := range c.standing(name, m) {
		for _, x := range c.holds(name, m, h) {
			if next == 0 || x.end < next {
				next = x.end
			}
		}
	}
	return next
}

// expire ends the open commands whose deadline has come, in order of (deadline, model).
func (c *controller) expire() {
	var due []*command
	for _, n := range c.names {
		if x := c.models[n].open; x != nil && x.deadline <= c.now {
			due = append(due, x)
		}
	}
	slices.SortStableFunc(due, func(a, b *command) int { return int(min(1, max(-1, a.deadline-b.deadline))) })
	for _, x := range due {
		code := "max_runtime"
		if x.started == nil {
			code = "unclaimed"
		}
		c.end(x, "expired", map[string]any{"error_code": code}, false)
	}
}

func (c *controller) policyEntry(v map[string]any) error {
	revision := v["revision"].(int64)
	if c.policy != nil && revision <= c.policy.Revision {
		return nil
	}
	p, err := readPolicy(v["policy"].([]byte))
	if err != nil {
		return err
	}
	c.policy = p
	if c.ledger == "" {
		c.ledger = v["ledger_id"].(string)
	}
	for _, m := range c.models {
		m.touched = true
	}
	c.emit("Policy", fmt.Sprint(revision), with(v, map[string]any{"ledger_id": c.ledger, "activated_at": c.now}))
	return nil
}

func (c *controller) alertEntry(v map[string]any) {
	key := fmt.Sprintf("%q %q %q %q %q %d", v["stream"], v["model"], v["model_version"], v["rule_id"], v["topic"], v["partition"])
	if old := c.alerts[key]; old != nil {
		if v["offset"].(int64) < old.alert["offset"].(int64) {
			return
		}
		c.remove(key, old)
	}
	if !c.policy.gives(v) {
		return
	}
	h := &held{alert: v, time: min(v["event_time"].(int64), c.now), models: c.policy.models(v),
		stale: c.now-v["event_time"].(int64) > c.policy.MaxEventAge}
	for _, name := range h.models {
		m := c.mention(name)
		if v["model"] == name && v["model_version"] != nil {
			m.named = v["model_version"]
		}
	}
	if v["state"] != "firing" || len(h.models) == 0 {
		return
	}
	c.alerts[key] = h
	for _, name := range h.models {
		if c.byModel[name] == nil {
			c.byModel[name] = map[string]*held{}
		}
		c.byModel[name][key] = h
	}
}

func (c *controller) remove(key string, h *held) {
	delete(c.alerts, key)
	for _, name := range h.models {
		delete(c.byModel[name], key)
		c.models[name].touched = true
	}
}

// removeAnswered drops the alerts of a model that a success answered for every model they concern.
func (c *controller) removeAnswered(name string) {
	for key, h := range c.byModel[name] {
		if !slices.ContainsFunc(h.models, func(n string) bool { return !c.models[n].answers(h) }) {
			c.remove(key, h)
		}
	}
}

func (c *controller) requestEntry(v map[string]any) {
	name := v["model"].(string)
	action, _ := v["action"].(string)
	if v["verb"] != "trigger" || action != "soft" && action != "full" {
		return
	}
	m := c.at(name)
	if !m.exists && v["create"] != true {
		c.say(name, m, decision{action: "none", reason: "unknown_model", request: v["request_id"]})
		return
	}
	m = c.mention(name)
	m.failures = 0
	if m.open != nil {
		c.say(name, m, decision{action: "none", reason: "in_flight", until: m.open.deadline, blockedBy: m.open.id(),
			evidence: c.counting(name, m), request: v["request_id"]})
		return
	}
	c.act(name, m, action, "requested", v["request_id"])
}

func (c *controller) progressEntry(v map[string]any) {
	x := c.commands[v["command_id"].(string)]
	kind := v["kind"].(string)
	if x == nil || !slices.Contains([]string{"started", "progress", "succeeded", "failed"}, kind) {
		c.seen["words on no command"]++
		return
	}
	open := x.state == "open"
	if late := kind == "succeeded" && (x.state == "failed" || x.state == "expired"); !open && !late {
		c.seen["words after the end"]++
		return
	}
	c.models[x.model()].touched = true
	if v["worker"] != nil {
		x.worker = v["worker"]
	}
	switch {
	case !open && c.models[x.model()].top > x.number:
		c.end(x, "superseded", v, true)
	case !open:
		c.end(x, "succeeded", v, true)
	case kind == "succeeded" || kind == "failed":
		c.end(x, kind, v, false)
	case x.started == nil:
		x.started, x.deadline = c.now, c.now+x.value["max_runtime_ms"].(int64)
	}
}

func (c *controller) at(name string) *model {
	m := c.models[name]
	if m == nil {
		m = &model{success: map[string]int64{}, last: [3]any{"none", "quiet", nil}}
		c.models[name] = m
	}
	return m
}

func (c *controller) mention(name string) *model {
	m := c.at(name)
	m.touched = true
	if !m.exists {
		m.exists = true
		at, _ := slices.BinarySearch(c.names, name)
		c.names = slices.Insert(c.names, at, name)
	}
	return m
}

// end is the end of a command, however it comes about.
func (c *controller) end(x *command, state string, v map[string]any, late bool) {
	m := c.models[x.model()]
	m.touched = true
	x.state, x.endedAt = state, c.now
	switch {
	case state == "expired":
		c.seen["trainings "+v["error_code"].(string)]++
	case late && state == "succeeded":
		c.seen["trainings succeeded late"]++
	default:
		c.seen["trainings "+state]++
	}
	if m.open == x {
		m.open = nil
	}
	if state != "superseded" {
		m.ended, m.endedAt, m.endedBy = true, c.now, x.id()
		if m.failures++; state == "succeeded" {
			m.failures = 0
		}
	}
	var registered any
	if state == "succeeded" {
		registered = c.register(m, x, v)
	}
	c.emit("Result", x.model(), map[string]any{
		"command_id": x.id(), "model": x.model(), "action": x.value["action"], "base_version": x.value["base_version"],
		"new_version": registered, "state": state, "late": late, "error_code": v["error_code"], "error_message": v["error_message"],
		"retryable": v["retryable"], "metrics": table(v["metrics"]), "best_params": table(v["best_params"]), "worker": x.worker,
		"issued_at": x.value["issued_at"], "started_at": x.started, "finished_at": c.now,
	})
}

func (x *command) id() string    { return x.value["command_id"].(string) }
func (x *command) model() string { return x.value["model"].(string) }

func table(v any) any {
	if v == nil {
		return map[string]any{}
	}
	return v
}

// uuid is UUIDv5 (RFC 9562, section 5.5) of a text in the ledger's name space.
func (c *controller) uuid(text string) string {
	space, err := hex.DecodeString(strings.ReplaceAll(c.ledger, "-", ""))
	if err != nil {
		return "the ledger's id is no UUID: " + c.ledger
	}
	sum := sha1.Sum(append(space, text...))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
