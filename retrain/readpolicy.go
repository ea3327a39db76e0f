package retrain

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
)

// The built-in policy, in the grammar, where a policy says nothing itself.
const builtInObserve = `[
{"on":"drift","rules":[
 {"cusum":{"of":"p_value","scale":"p"},"action":"full"},
 {"name":"backstop","sustained":{"of":"p_value","below":0.001,"k":20,"n":24},"action":"full"}]},
{"on":"concept_drift","rules":[
 {"cusum":{"of":"kl_divergence","scale":"log"},"action":"soft"},
 {"name":"backstop","sustained":{"of":"kl_divergence","above":0.07,"k":20,"n":24},"action":"soft"}]},
{"on":"performance","rules":[
 {"threshold":{"of":"mAP_change","below":-0.05,"clear":-0.02},"action":"soft"}]}]`

const (
	second = int64(1000) // ms
	hour   = 3600 * second
	day    = 24 * hour

	// Limits that no policy in earnest meets; beyond them a record or a series would grow past reason.
	maxTrials = 10_000
	maxRing   = 100_000
	maxCount  = math.MaxInt32
)

func builtInControl(tuner string) Control {
	if tuner == "" {
		tuner = defaultTuner
	}
	low, high := 1e-5, 1e-2
	return Control{Cooldown: hour / 2, DeployWithin: 7 * day, Train: Train{
		StartBy: hour, MaxRuntime: 12 * hour, Tuner: tuner, Trials: 8,
		Space: []Parameter{
			{Name: "batch_size", Type: Discrete, Values: []string{"16", "24", "32", "64"}},
			{Name: "lr", Type: Double, Low: &low, High: &high, Log: true, Values: []string{}},
		}}}
}

// normalise reads the grammar; what is left out has the built-in policy's value.
func normalise(n node, tuner string) (*Policy, error) {
	f := n.fields("revision", "bind", "bind_default", "observe", "models", "defaults", "max_event_age", "resend_delay", "source_ttl")
	p := &Policy{
		Revision:    int32(f.or("revision", 1.0).whole(0, math.MaxInt32)),
		bindDefault: f.or("bind_default", []any{"{stream}"}).modelNames(),
		defaults:    readControl(f.or("defaults", map[string]any{}), builtInControl(tuner), "cooldown", "deploy_within", "train"),
		MaxEventAge: f.or("max_event_age", day).duration(),
		ResendDelay: f.or("resend_delay", hour/6).duration(),
		SourceTTL:   f.or("source_ttl", 30*day).duration(),
	}
	for _, b := range f.or("bind", []any{}).list() {
		line := b.fields("stream", "models")
		p.bind = append(p.bind, bindLine{line.get("stream").text(), line.get("models").modelNames()})
	}
	var builtIn any
	d := json.NewDecoder(strings.NewReader(builtInObserve))
	d.UseNumber()
	if err := d.Decode(&builtIn); err != nil {
		panic(err) // a constant
	}
	for _, o := range f.or("observe", builtIn).list() {
		p.observe = append(p.observe, readObserve(o))
	}
	for _, m := range f.or("models", []any{}).list() {
		match := m.fields("match", "cooldown", "deploy_within", "train").get("match")
		model := match.fields("model").get("model").text()
		p.models = append(p.models, modelLine{model, readControl(m, p.defaults, "match", "cooldown", "deploy_within", "train")})
	}
	if *n.problem != nil {
		return nil, *n.problem
	}
	p.canonical = canonical(nil, p.tree())
	return p, nil
}

func readObserve(n node) observeLine {
	f := n.fields("on", "match", "rules")
	line := observeLine{on: On(f.get("on").oneOf(string(Drift), string(ConceptDrift), string(Performance)))}
	match := f.or("match", map[string]any{}).fields("stream", "model")
	if match.has("stream") {
		line.stream = new(match.get("stream").text())
	}
	if match.has("model") {
		line.model = new(match.get("model").text())
	}
	for _, r := range f.get("rules").list() {
		rule := readRule(line.on, r)
		if slices.ContainsFunc(line.rules, func(other *Rule) bool { return other.ID == rule.ID }) {
			r.fail("the same rule twice in one line")
		}
		line.rules = append(line.rules, rule)
	}
	return line
}

func readControl(n node, base Control, known ...string) Control {
	f := n.fields(known...)
	return Control{
		Cooldown:     f.or("cooldown", base.Cooldown).duration(),
		DeployWithin: f.or("deploy_within", base.DeployWithin).duration(),
		Train:        readTrain(f.or("train", map[string]any{}), base.Train),
	}
}

func readTrain(n node, t Train) Train {
	f := n.fields("modality", "start_by", "max_runtime", "dataset", "tuner", "trials", "objective", "space")
	if f.has("modality") {
		text, ok := f.get("modality").value.(string)
		if !ok {
			f.get("modality").fail("a text is needed")
		}
		t.Modality = text
	}
	if f.has("dataset") {
		t.Dataset = new(f.get("dataset").text())
	}
	t.StartBy = atLeastASecond(f.or("start_by", t.StartBy))
	t.MaxRuntime = atLeastASecond(f.or("max_runtime", t.MaxRuntime))
	t.Tuner = f.or("tuner", t.Tuner).oneOf(TunerNames()...)
	if f.has("trials") {
		t.Trials = int(f.get("trials").whole(1, maxTrials))
	}
	if f.has("objective") {
		o := f.get("objective").fields("metric", "goal")
		t.Objective = &Objective{o.get("metric").text(), Goal(o.get("goal").oneOf(string(Minimize), string(Maximize)))}
	}
	if f.has("space") {
		space := f.get("space").mapping()
		t.Space = []Parameter{}
		for _, name := range space.names() {
			t.Space = append(t.Space, readParameter(name, space.get(name)))
		}
	}
	return t
}

func atLeastASecond(n node) int64 {
	ms := n.duration()
	if ms < second {
		n.fail("at least 1s is needed")
	}
	return ms
}

func readParameter(name string, n node) Parameter {
	types := []string{string(Double), string(Int), string(Categorical), string(Discrete)}
	f := n.fields(append(types, "log")...)
	p := Parameter{Name: name, Type: ParameterType(f.only(types)), Values: []string{}}
	if *n.problem != nil {
		return p
	}
	list := f.get(string(p.Type)).list()
	if p.Type == Categorical || p.Type == Discrete {
		if f.has("log") {
			f.get("log").fail("log goes with double and int")
		}
		p.Values = readChoices(f.get(string(p.Type)), p.Type)
		return p
	}
	if len(list) != 2 {
		f.get(string(p.Type)).fail("[low, high] is needed")
		return p
	}
	bound := func(n node) *float64 {
		if p.Type == Int {
			return new(float64(n.whole(-1<<53, 1<<53)))
		}
		return new(n.real())
	}
	p.Low, p.High, p.Log = bound(list[0]), bound(list[1]), f.or("log", false).boolean()
	if *p.Low > *p.High || p.Log && *p.Low <= 0 {
		f.get(string(p.Type)).fail("low must not be above high, and above 0 where log")
	}
	return p
}

func readChoices(n node, kind ParameterType) []string {
	values := []string{}
	for _, v := range n.list() {
		text, ok := v.value.(string)
		switch {
		case kind == Discrete:
			text = number(v.real())
		case !ok:
			text = string(canonical(nil, floats(v.value)))
		}
		if slices.Contains(values, text) {
			v.fail("the same value twice")
		}
		values = append(values, text)
	}
	if len(values) == 0 {
		n.fail("at least one value is needed")
	}
	return values
}

// only is the one key of those given that is there.
func (f fields) only(keys []string) string {
	found := ""
	for _, k := range keys {
		if f.has(k) {
			if found != "" {
				f.fail("only one of %s is possible", strings.Join(keys, ", "))
			}
			found = k
		}
	}
	if found == "" {
		f.fail("one of %s is needed", strings.Join(keys, ", "))
	}
	return found
}

// floats replaces the numbers of parsed JSON by doubles and leaves nulls of mappings out.
func floats(v any) any {
	switch v := v.(type) {
	case json.Number:
		x, _ := v.Float64()
		return x
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = floats(x)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			if x != nil {
				m[k] = floats(x)
			}
		}
		return m
	}
	return v
}
