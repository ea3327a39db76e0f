package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// act opens a command, and says the decision that it carries out.
func (c *controller) act(name string, m *model, action, reason string, request any) {
	counting := c.counting(name, m)
	m.commands++
	id := c.uuid(name + "\n" + itoa(m.commands))
	t := c.policy.control(name).Train
	base := c.base(name, m, counting)
	c.say(name, m, decision{action: action, reason: reason, evidence: counting, request: request, command: id})
	var best map[string]any
	for _, v := range m.versions {
		if v["version"] == base {
			best, _ = v["best_params"].(map[string]any)
			break
		}
	}
	space := parameters(t.Space)
	tries := trials(t, space, best, id)
	if first, ok := tries[0].(map[string]any); ok && len(best) > 0 && reflect.DeepEqual(first["values"], any(best)) {
		c.seen["commands that begin with the parent's parameters"]++
	}
	value := map[string]any{
		"command_id": id, "kind": "train", "claim": "none", "action": action, "model": name, "base_version": base,
		"modality": t.Modality, "issued_at": c.now, "start_by": c.now + t.StartBy, "max_runtime_ms": t.MaxRuntime,
		"dataset": t.dataset(counting), "drift_since": c.driftSince(counting), "tuner": t.Tuner, "objective": nil,
		"space": space, "trials": tries, "decision_id": m.decisionID, "policy_revision": c.policy.Revision,
		"evidence": evidence(counting),
	}
	if t.Objective != nil {
		value["objective"] = map[string]any{"metric": t.Objective.Metric, "goal": t.Objective.Goal}
	}
	m.open = &command{value: value, number: m.commands, state: "open", deadline: c.now + t.StartBy}
	c.commands[id] = m.open
	c.emit("Command", name, value)
}

func (t *train) dataset(hs []*held) any {
	stream := ""
	for _, h := range hs {
		if h.alert["data_ref"] != nil {
			return h.alert["data_ref"]
		}
		if s, ok := h.alert["stream"].(string); ok && stream == "" {
			stream = s
		}
	}
	if t.Dataset == nil || stream == "" && strings.Contains(*t.Dataset, "{stream}") {
		return nil
	}
	return strings.ReplaceAll(*t.Dataset, "{stream}", stream)
}

func (c *controller) driftSince(hs []*held) any {
	least, found := c.now, false
	for _, h := range hs {
		if t, ok := h.alert["since"].(int64); ok {
			least, found = min(least, t), true
		}
	}
	if !found {
		return nil
	}
	return least
}

var numbered = regexp.MustCompile(`^v[0-9]+(\.[0-9]+)*$`)

// register enters a success: the version that it names, else the next free number (full counts the first up, soft the last).
func (c *controller) register(m *model, x *command, v map[string]any) any {
	name := v["new_version"]
	taken := func(n any) bool {
		return slices.ContainsFunc(m.versions, func(v map[string]any) bool { return v["version"] == n })
	}
	if name == nil {
		numbers := []*big.Int{new(big.Int)}
		if base, ok := x.value["base_version"].(string); ok && numbered.MatchString(base) {
			numbers = nil
			for _, s := range strings.Split(base[1:], ".") {
				n, _ := new(big.Int).SetString(s, 10) // it is of digits
				numbers = append(numbers, n)
			}
			if x.value["action"] == "full" {
				numbers = numbers[:1]
			} else if len(numbers) == 1 {
				numbers = append(numbers, new(big.Int))
			}
		}
		for name = any(nil); name == nil || taken(name); {
			last := numbers[len(numbers)-1]
			last.Add(last, big.NewInt(1))
			name = "v" + strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", "."), "[]")
		}
	}
	m.versions = slices.DeleteFunc(m.versions, func(v map[string]any) bool { return v["version"] == name })
	m.versions = append(m.versions, map[string]any{
		"version": name, "parent": x.value["base_version"], "command_id": x.id(), "action": x.value["action"],
		"dataset": x.value["dataset"], "metrics": table(v["metrics"]), "best_params": table(v["best_params"]), "registered_at": c.now,
	})
	m.versions = m.versions[max(0, len(m.versions)-100):]
	m.success[x.value["action"].(string)] = c.now
	m.top = max(m.top, x.number)
	return name
}

// parameters are the space in order of the names, as a command carries it.
func parameters(space map[string]map[string]json.RawMessage) []any {
	list := []any{}
	for _, name := range sorted(space) {
		for _, kind := range []string{"double", "int", "categorical", "discrete"} {
			raw, ok := space[name][kind]
			if !ok {
				continue
			}
			var of []any
			_ = json.Unmarshal(raw, &of) // a normalised policy holds lists here
			p := map[string]any{"name": name, "type": kind, "low": nil, "high": nil, "log": string(space[name]["log"]) == "true", "values": []any{}}
			if kind == "double" || kind == "int" {
				p["low"], p["high"] = of[0], of[1]
			} else {
				values := []any{}
				for _, v := range of {
					if x, ok := v.(float64); ok {
						v = decimal(x)
					}
					values = append(values, v)
				}
				p["values"] = values
			}
			list = append(list, p)
		}
	}
	return list
}

// trials: the parent's best parameters first, where they lie in the space, then those of the tuner without them.
func trials(t train, space []any, best map[string]any, command string) []any {
	var rows []map[string]any
	if t.Tuner == "grid" {
		rows = grid(space, t.Trials)
	} else {
		rows = random(space, t.Trials, command)
	}
	if len(best) > 0 && len(best) == len(space) && !slices.ContainsFunc(space, func(p any) bool { return !liesIn(p.(map[string]any), best) }) {
		rows = slices.DeleteFunc(rows, func(r map[string]any) bool { return reflect.DeepEqual(r, best) })
		rows = append([]map[string]any{best}, rows...)
		rows = rows[:min(len(rows), t.Trials)]
	}
	list := []any{}
	for i, r := range rows {
		list = append(list, map[string]any{"number": int64(i), "values": r})
	}
	return list
}

var numberText = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
var wholeText = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func liesIn(p map[string]any, best map[string]any) bool {
	s, ok := best[p["name"].(string)].(string)
	if !ok {
		return false
	}
	if p["low"] == nil {
		return slices.Contains(p["values"].([]any), any(s))
	}
	if len(s) > 64 || !numberText.MatchString(s) || p["type"] == "int" && !wholeText.MatchString(s) {
		return false
	}
	x, err := strconv.ParseFloat(s, 64)
	return err == nil && p["low"].(float64) <= x && x <= p["high"].(float64)
}

// grid: lists give all their values, ranges r points each, r the greatest number for which the product fits in most.
func grid(space []any, most int) []map[string]any {
	ranges, product := 0, 1
	for _, p := range space {
		if n := len(p.(map[string]any)["values"].([]any)); n > 0 {
			product *= n
		} else {
			ranges++
		}
	}
	r := 1
	for ranges > 0 && math.Pow(float64(r+1), float64(ranges))*float64(product) <= float64(most) {
		r++
	}
	rows := []map[string]any{{}}
	for _, p := range space {
		p := p.(map[string]any)
		values := p["values"].([]any)
		for i := 0; len(p["values"].([]any)) == 0 && i < r; i++ {
			u := 0.5
			if r > 1 {
				u = float64(i) / float64(r-1)
			}
			if v := any(point(p, u)); !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		var wider []map[string]any
		for _, row := range rows {
			for _, v := range values {
				wider = append(wider, with(row, map[string]any{p["name"].(string): v}))
			}
		}
		rows = wider
	}
	return rows[:min(len(rows), most)]
}

// random draws from PCG, seeded by the hash of the command's id.
func random(space []any, n int, command string) []map[string]any {
	sum := sha256.Sum256([]byte(command))
	pcg := rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))
	rows := make([]map[string]any, n)
	for i := range rows {
		rows[i] = map[string]any{}
		for _, p := range space {
			p := p.(map[string]any)
			var v any
			if values := p["values"].([]any); len(values) > 0 {
				v = values[pcg.Int64N(int64(len(values)))]
			} else if p["type"] == "int" && p["log"] == false {
				low, high := int64(p["low"].(float64)), int64(p["high"].(float64))
				v = itoa(low + pcg.Int64N(high-low+1))
			} else {
				v = point(p, pcg.Float64())
			}
			rows[i][p["name"].(string)] = v
		}
	}
	return rows
}

// point is the one at u in [0, 1] of a range, as it is written.
func point(p map[string]any, u float64) string {
	low, high := p["low"].(float64), p["high"].(float64)
	x := low + float64((high-low)*u)
	switch {
	case low == high || u == 0:
		x = low
	case u == 1:
		x = high
	case p["log"] == true:
		x = math.Exp(math.Log(low) + float64((math.Log(high)-math.Log(low))*u))
	}
	if p["type"] == "int" {
		return itoa(int64(math.Round(x)))
	}
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 9, 64), 64)
	return decimal(x)
}

// decimal is the shortest text of a double, laid out as in JSON (ECMAScript's).
func decimal(x float64) string {
	if x == 0 {
		return "0"
	}
	if a := math.Abs(x); a >= 1e-6 && a < 1e21 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	s := strconv.FormatFloat(x, 'e', -1, 64)
	return strings.NewReplacer("e-0", "e-", "e+0", "e+").Replace(s)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
