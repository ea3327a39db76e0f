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
	mostTrials = 10_000
	maxRing    = 100_000
	maxCount   = math.MaxInt32
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
	if tuner != "" {
		n.at("defaults", nil).at("train", nil).at("tuner", tuner).oneOf(TunerNames()...)
	}
	f := n.fields("revision", "bind", "bind_default", "observe", "models", "defaults", "max_event_age", "resend_delay", "source_ttl")
	p := &Policy{
		Revision:    int32(f.or("revision", 1.0).whole(0, math.MaxInt32)),
		bindDefault: f.or("bind_default", []any{"{stream}"}).modelNames(),
		defaults:    readControl(f.or("defaults", map[string]any{}).fields("cooldown", "deploy_within", "train"), builtInControl(tuner)),
		MaxEventAge: f.or("max_event_age", day).duration(),
		ResendDelay: f.or("resend_delay", hour/6).duration(),
		SourceTTL:   f.or("source_ttl", 30*day).duration(),
	}
	for _, b := range f.or("bind", []any{}).list() {
		line := b.fields("stream", "models")
		p.bind = append(p.bind, bindLine{line.need("stream", "a pattern for streams").text(), line.need("models", "a list of names of models").modelNames()})
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
	size := 0
	for _, m := range f.or("models", []any{}).list() {
		line := readModel(m, p.defaults)
		p.models = append(p.models, line)
		if n.problemsSoFar() == 0 {
			size += len(canonical(nil, line.tree()))
		}
		if size > maxPolicy { // before it is built: each line repeats the defaults
			break
		}
	}
	if n.problemsSoFar() == 0 && size <= maxPolicy {
		p.canonical = canonical(nil, p.tree())
	}
	if size = max(size, len(p.canonical)); size > maxPolicy {
		n.fail("with every default written out it has more than %d bytes, which one record does not take: fewer lines are needed, with patterns that match more", maxPolicy)
	}
	if err := n.problems.errors(); err != nil {
		return nil, err
	}
	p.doubts = n.problems.doubts
	return p, nil
}

func readModel(n node, defaults Control) modelLine {
	const pattern = "a pattern for names of models"
	f := n.fields("match", "cooldown", "deploy_within", "train")
	match := f.need("match", "a mapping with model, "+pattern).fields("model")
	return modelLine{match.need("model", pattern).text(), readControl(f, defaults)}
}

func readObserve(n node) observeLine {
	f := n.fields("on", "match", "rules")
	line := observeLine{on: On(f.need("on", "drift, concept_drift or performance").oneOf(string(OnDrift), string(OnConceptDrift), string(OnPerformance)))}
	match := f.or("match", map[string]any{}).fields("stream", "model")
	if match.has("stream") {
		line.stream = new(match.get("stream").text())
	}
	if match.has("model") {
		line.model = new(match.get("model").text())
	}
	for _, r := range f.need("rules", "a list of rules").list() {
		rule := readRule(line.on, r)
		same := func(other *Rule) bool { return other.ID == rule.ID }
		if i := slices.IndexFunc(line.rules, same); i >= 0 && rule.ID != "" {
			r.fail("the same rule twice in one line: rules[%d] is the same but perhaps for its name; leave one out", i)
		}
		if rule.ID != "" {
			rule.doubtOrder(line.rules, r)
		}
		line.rules = append(line.rules, rule)
	}
	return line
}

func readControl(f fields, base Control) Control {
	return Control{
		Cooldown:     f.or("cooldown", base.Cooldown).duration(),
		DeployWithin: f.or("deploy_within", base.DeployWithin).duration(),
		Train:        readTrain(f.or("train", map[string]any{}), base.Train),
	}
}

func readTrain(n node, t Train) Train {
	before := n.problemsSoFar()
	f := n.fields("modality", "start_by", "max_runtime", "dataset", "tuner", "trials", "objective", "space")
	if f.has("modality") {
		if t.Modality = ""; f.get("modality").value != "" { // it may be empty
			t.Modality = f.get("modality").text()
		}
	}
	if f.has("dataset") {
		t.Dataset = new(f.get("dataset").longText(maxDataset))
	}
	t.StartBy, t.MaxRuntime = f.atLeastASecond("start_by", t.StartBy), f.atLeastASecond("max_runtime", t.MaxRuntime)
	if f.has("tuner") {
		t.Tuner = f.get("tuner").oneOf(TunerNames()...)
	}
	if f.has("trials") {
		t.Trials = int(f.get("trials").whole(1, mostTrials))
	}
	if f.has("objective") {
		o := f.get("objective").fields("metric", "goal")
		t.Objective = &Objective{o.need("metric", "the name of a metric").text(), Goal(o.need("goal", "minimize or maximize").oneOf(string(Minimize), string(Maximize)))}
	}
	if f.has("space") {
		space := f.get("space").mapping()
		t.Space = []Parameter{}
		for _, name := range space.names() {
			t.Space = append(t.Space, readParameter(name, space.get(name)))
		}
	}
	for _, key := range []string{"trials", "space"} {
		if f.has(key) && n.problemsSoFar() == before && t.size() > maxTrialBytes {
			f.get(key).fail("%d trials over this space take up to %d bytes in a command, at most %d are possible: fewer trials, or fewer and shorter values, are needed", t.Trials, t.size(), maxTrialBytes)
		}
	}
	return t
}

func (f fields) atLeastASecond(key string, otherwise int64) int64 {
	if !f.has(key) {
		return otherwise
	}
	n, before := f.get(key), f.problemsSoFar()
	ms := n.duration()
	if ms < second && n.problemsSoFar() == before {
		n.needs("a duration of at least 1s")
	}
	return ms
}

func readParameter(name string, n node) Parameter {
	types := []string{string(Double), string(Int), string(Categorical), string(Discrete)}
	f := n.fields(append(types, "log")...)
	if problem := checkID(name); problem != "" {
		n.fail("the name of the parameter cannot be used: %s", problem)
	}
	p := Parameter{Name: name, Type: ParameterType(f.only(types)), Values: []string{}}
	if p.Type == "" {
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
		f.get(string(p.Type)).fail("[low, high] is needed, not %d values", len(list))
		return p
	}
	bound := func(n node) *float64 {
		if p.Type == Int {
			return new(float64(n.whole(-1<<53, 1<<53)))
		}
		return new(n.real())
	}
	p.Low, p.High, p.Log = bound(list[0]), bound(list[1]), f.or("log", false).boolean()
	switch interval := f.get(string(p.Type)); {
	case *p.Low > *p.High:
		interval.fail("low, %s, is above high, %s", number(*p.Low), number(*p.High))
	case p.Log && *p.Low <= 0:
		interval.fail("low must be above 0 where log, not %s", number(*p.Low))
	case math.IsInf(*p.High-*p.Low, 1):
		interval.fail("low and high lie too far apart for numbers of 64 bits")
	}
	return p
}

func readChoices(n node, kind ParameterType) []string {
	values, seen := []string{}, map[string]bool{}
	for _, v := range n.list() {
		before := n.problemsSoFar()
		text, ok := v.value.(string)
		switch {
		case kind == Discrete:
			if x := v.real(); !math.IsNaN(x) {
				text = number(x)
			}
		case !ok && v.finite():
			text = string(canonical(nil, floats(v.value)))
		}
		if seen[text] && n.problemsSoFar() == before {
			v.fail("the value %s stands there twice", shownText(text))
		}
		seen[text] = true
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
