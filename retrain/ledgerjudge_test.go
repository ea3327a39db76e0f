package retrain

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ledgerJudge knows what the entries of a ledger and the results of its commands say, and from that alone which alerts count
// and which models are left alone. It shares no code with the controller.
type ledgerJudge struct {
	now    int64
	policy judgedPolicy
	alerts map[string]*judgedAlert
	models map[string]*judgedModel
}

// judgedPolicy is the policy as it stands in the ledger.
type judgedPolicy struct {
	Bind []struct {
		Stream string
		Models []string
	}
	BindDefault []string `json:"bind_default"`
	Observe     []struct {
		On    On
		Match judgedMatch
		Rules []map[string]any
	}
	Models []struct {
		Match judgedMatch
		judgedControl
	}
	Defaults    judgedControl
	MaxEventAge int64 `json:"max_event_age"`
	revision    int32
	active      bool
}

type judgedMatch struct{ Stream, Model *string }

type judgedControl struct {
	Cooldown     int64
	DeployWithin int64 `json:"deploy_within"`
}

type judgedAlert struct {
	*Alert
	time   int64
	stale  bool
	models []string // that it concerned when its entry came
}

type judgedModel struct {
	success  map[RetrainAction]int64 // the last by each
	versions []*Result
	open     bool
	ended    *int64
	failures int // ends in a row without success
}

func newLedgerJudge() *ledgerJudge {
	return &ledgerJudge{now: math.MinInt64, alerts: map[string]*judgedAlert{}, models: map[string]*judgedModel{}}
}

// judged runs check after every step of random ledgers, with a judge that has seen it.
func judged(t *testing.T, check func(rt *rapid.T, j *ledgerJudge, out []Output)) {
	t.Helper()
	var j *ledgerJudge
	var of *Controller
	ledgers(t, func(rt *rapid.T, c *Controller, e entryAt, out []Output) {
		if c != of {
			of, j = c, newLedgerJudge()
		}
		j.take(rt, e, out)
		check(rt, j, out)
	})
}

// take takes an entry, and what a step wrote of commands.
func (j *ledgerJudge) take(rt *rapid.T, e entryAt, out []Output) {
	j.now = max(j.now, e.at)
	if p, ok := e.entry.(*PolicyEntry); ok && (!j.policy.active || p.Revision > j.policy.revision) {
		j.policy = judgedPolicy{revision: p.Revision, active: true}
		if err := json.Unmarshal(p.Policy, &j.policy); err != nil {
			rt.Fatal(err)
		}
	}
	for _, o := range out {
		if r, ok := o.(*Result); ok && r.State != ResultSuperseded {
			j.model(r.Model).take(r)
		}
	}
	switch e := e.entry.(type) {
	case *Alert:
		j.takeAlert(e)
	case *Request:
		if m := j.models[e.Model]; m != nil || e.Create {
			j.model(e.Model).failures = 0
		}
	}
	for _, o := range out {
		if cmd, ok := o.(*Command); ok {
			j.model(cmd.Model).open = true
		}
	}
}

func (m *judgedModel) take(r *Result) {
	if !r.Late {
		m.open = false
	}
	m.ended, m.failures = &r.FinishedAt, m.failures+1
	if r.State == ResultSucceeded {
		m.failures, m.success[r.Action] = 0, r.FinishedAt
		m.versions = slices.DeleteFunc(m.versions, func(v *Result) bool { return *v.NewVersion == *r.NewVersion })
		m.versions = append(m.versions, r)
	}
}

func (j *ledgerJudge) model(name string) *judgedModel {
	if j.models[name] == nil {
		j.models[name] = &judgedModel{success: map[RetrainAction]int64{}}
	}
	return j.models[name]
}

func (j *ledgerJudge) takeAlert(a *Alert) {
	key := string(shown([]any{a.Stream, a.Model, a.ModelVersion, a.RuleID, a.Topic, a.Partition}))
	if kept := j.alerts[key]; kept != nil && a.Offset < kept.Offset || !j.policy.active {
		return
	}
	delete(j.alerts, key)
	models := j.policy.concerned(a)
	for _, name := range models {
		j.model(name)
	}
	if a.State == Firing {
		j.alerts[key] = &judgedAlert{a, min(a.EventTime, j.now), j.now-a.EventTime > j.policy.MaxEventAge, models}
	}
}

func (p *judgedPolicy) concerned(a *Alert) []string {
	for _, line := range p.Observe {
		if line.On != a.On || !fits(line.Match.Stream, a.Stream) || !fits(line.Match.Model, a.Model) {
			continue
		}
		if !slices.ContainsFunc(line.Rules, func(r map[string]any) bool { return idOf(a.On, r) == a.RuleID }) {
			return nil
		}
		return p.bound(a.Stream, a.Model)
	}
	return nil
}

// idOf is a rule's id: a hash of what it does.
func idOf(on On, rule map[string]any) string {
	does := map[string]any{"on": on}
	for k, v := range rule {
		if k != "name" {
			does[k] = v
		}
	}
	sum := sha256.Sum256(shown(does))
	return hex.EncodeToString(sum[:])[:12]
}

// fits says whether a pattern that may be missing lets a text through.
func fits(pattern, text *string) bool {
	if pattern == nil || text == nil {
		return pattern == nil
	}
	expr := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(*pattern))
	return regexp.MustCompile(`(?s)^` + expr + `$`).MatchString(*text)
}

func (p *judgedPolicy) bound(stream, model *string) []string {
	var names []string
	for _, line := range p.Bind {
		if fits(&line.Stream, stream) {
			names = append(names, line.Models...)
		}
	}
	switch {
	case names != nil:
	case model != nil:
		return []string{*model}
	default:
		names = slices.Clone(p.BindDefault)
	}
	for i := range names {
		names[i] = strings.ReplaceAll(names[i], "{stream}", *stream)
	}
	return names
}

func (p *judgedPolicy) control(name string) judgedControl {
	for _, line := range p.Models {
		if fits(line.Match.Model, &name) {
			return line.judgedControl
		}
	}
	return p.Defaults
}

// cooling says whether the model is left alone now.
func (j *ledgerJudge) cooling(name string) bool {
	m := j.models[name]
	if m.ended == nil {
		return false
	}
	cooldown := float64(j.policy.control(name).Cooldown)
	length := cooldown * math.Pow(2, float64(max(0, m.failures-1)))
	return float64(j.now) < float64(*m.ended)+min(length, max(cooldown, 24*3600*1000))
}

// why says why an alert does not count for a model; empty: it does.
func (j *ledgerJudge) why(a *judgedAlert, name string) string {
	switch {
	case !slices.Contains(a.models, name):
		return "it did not concern the model when it came"
	case !slices.Contains(j.policy.concerned(a.Alert), name):
		return "by the active policy it does not concern the model"
	case j.answered(a, name):
		return "a success answers it"
	case a.stale:
		return "it was stale when it came"
	case j.held(a, name):
		return "a version waits to be deployed"
	}
	return ""
}

func (j *ledgerJudge) answered(a *judgedAlert, name string) bool {
	for action, at := range j.models[name].success {
		if a.time <= at && (action == FullRetrain || a.Action == SoftRetrain) {
			return true
		}
	}
	return false
}

func (j *ledgerJudge) held(a *judgedAlert, name string) bool {
	within := j.policy.control(name).DeployWithin
	return slices.ContainsFunc(j.models[name].versions, func(v *Result) bool {
		trainedFrom := a.Model != nil && *a.Model == name && a.ModelVersion != nil && v.BaseVersion != nil &&
			*v.BaseVersion == *a.ModelVersion && *v.NewVersion != *a.ModelVersion
		return (v.Action == FullRetrain || a.Action == SoftRetrain) && (*a.Since <= v.FinishedAt || trainedFrom) && j.now-v.FinishedAt < within
	})
}

// evidence is the alert that a record has as evidence.
func (j *ledgerJudge) evidence(rt *rapid.T, e Evidence) *judgedAlert {
	for _, a := range j.alerts {
		if a.Offset == e.Offset && a.Partition == e.Partition && a.AlertID == e.AlertID {
			return a
		}
	}
	rt.Fatalf("no such alert is firing: %s", shown(e))
	return nil
}

// checkEvidence fails where a decision has evidence that does not count.
func (j *ledgerJudge) checkEvidence(rt *rapid.T, out []Output) {
	for _, o := range out {
		d, ok := o.(*Decision)
		if !ok || d.Reason == ReasonStale || d.Reason == ReasonUndeployed {
			continue
		}
		for _, e := range d.Evidence {
			if why := j.why(j.evidence(rt, e), d.Model); why != "" {
				rt.Fatalf("%s, %s: %s, but %s", d.Model, d.Reason, shown(e), why)
			}
		}
	}
}
