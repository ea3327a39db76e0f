package retrain

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"
)

// Field is the number of an event that a rule judges.
type Field uint8

// The fields that a rule may judge.
const (
	PValue Field = iota
	KLDivergence
	MAPChange
	Value // of the method that the rule names
)

var fieldNames = []string{"p_value", "kl_divergence", "mAP_change", "value"}

func (f Field) String() string { return fieldNames[f] }

// Rule is one line of the policy that judges a source.
type Rule struct {
	Name   string // empty: none
	On     On
	Action RetrainAction
	ID     string   // 12 hex digits over on, action and the rule with every default
	Text   string   // the name, else the canonical JSON of the rule
	Field  Field    // what it judges
	Level  *float64 // nil for cusum

	rawID         [6]byte // what ID is in hex
	kind          string  // threshold, sustained, cusum
	method        string  // empty: any
	minSampleSize *int64
	observer      observer
}

func readRule(on On, n node) *Rule {
	kinds := []string{"threshold", "sustained", "cusum"}
	before := n.problemsSoFar()
	f := n.fields(append([]string{"name", "action"}, kinds...)...)
	r := &Rule{On: on, Action: RetrainAction(f.need("action", "soft or full").oneOf(string(SoftRetrain), string(FullRetrain)))}
	if f.has("name") {
		r.Name = f.get("name").text()
	}
	r.kind = f.only(kinds)
	switch body := f.get(r.kind); r.kind {
	case "threshold":
		r.observer = readThreshold(r, body)
	case "sustained":
		r.observer = readSustained(r, body)
	case "cusum":
		r.observer = readCusum(r, body)
	}
	if r.observer != nil && n.problemsSoFar() == before {
		r.identify()
	}
	return r
}

// ruleFields reads what every kind of rule has, and the keys of its own.
func (r *Rule) ruleFields(n node, own ...string) fields {
	f := n.fields(append([]string{"of", "method", "min_sample_size"}, own...)...)
	r.Field = Field(max(0, slices.Index(fieldNames, f.need("of", "one of "+strings.Join(fieldNames, ", ")).oneOf(fieldNames...))))
	if f.has("method") {
		r.method = f.get("method").text()
	} else if r.Field == Value {
		f.fail("method is missing: of value needs the method whose value is judged")
	}
	if f.has("min_sample_size") {
		r.minSampleSize = new(f.get("min_sample_size").whole(0, 1<<53))
	}
	return f
}

// level reads the one of below and above; NaN if there is none.
func (r *Rule) level(f fields) limit {
	side := f.only([]string{"below", "above"})
	l := limit{value: f.get(side).real(), below: side == "below"}
	r.Level = &l.value
	return l
}

func readThreshold(r *Rule, n node) observer {
	f := r.ruleFields(n, "below", "above", "clear", "min_checks")
	o := &threshold{level: r.level(f), minChecks: uint32(f.or("min_checks", 1.0).whole(1, maxCount))}
	o.clear = o.level.value
	if f.has("clear") {
		o.clear = f.get("clear").real()
	}
	if o.level.beyond(o.clear) {
		f.get("clear").fail("%s lies beyond the level: it must not be %s %s", number(o.clear), o.level.side(), number(o.level.value))
	}
	return o
}

func readSustained(r *Rule, n node) observer {
	f := r.ruleFields(n, "below", "above", "k", "n")
	o := &sustained{level: r.level(f)}
	before := n.problemsSoFar()
	o.k = int(f.need("k", "a count, how many of the last n checks must be beyond the level").whole(1, maxRing))
	o.n = int(f.need("n", "a count, how many of the last checks are looked at").whole(1, maxRing))
	if o.k > o.n && n.problemsSoFar() == before {
		f.get("k").fail("k is greater than n: %d of %d cannot be", o.k, o.n)
	}
	return o
}

// A drift of so many standard deviations is seen by any rule; beyond it the squares of cusum could become infinite.
const maxDelta = 1e6

func readCusum(r *Rule, n node) observer {
	f := r.ruleFields(n, "scale", "worse", "warmup", "delta", "votes", "arl")
	before := n.problemsSoFar()
	o := &cusum{scale: f.need("scale", "p, log or linear").oneOf("p", "log", "linear")}
	switch known := n.problemsSoFar() == before && o.scale != ""; {
	case o.scale == "linear":
		o.worse = f.need("worse", "down or up, which way is bad on the linear scale").oneOf("down", "up")
	case f.has("worse") && known:
		f.get("worse").fail("worse goes with scale linear only: on %s it is known", o.scale)
	}
	o.warmup = uint32(f.or("warmup", 48.0).whole(2, maxCount))
	o.delta = above(f.or("delta", 1.0), 0)
	if o.delta > maxDelta {
		f.get("delta").fail("at most %s is possible: it is a shift in standard deviations", number(maxDelta))
	}
	o.votes = above(f.or("votes", 6.0), 0)
	o.arl = above(f.or("arl", 1_680_000.0), 1)
	o.h = math.Log(o.arl)
	return o
}

func above(n node, least float64) float64 {
	x := n.real()
	if x <= least {
		n.fail("must be greater than %s", number(least))
	}
	return x
}

// identify sets the id and the text, which are hashes and renderings of the normalised rule.
func (r *Rule) identify() {
	body := r.body()
	sum := sha256.Sum256(canonical(nil, map[string]any{"on": string(r.On), "action": string(r.Action), r.kind: body}))
	r.rawID = [6]byte(sum[:6])
	r.ID = hex.EncodeToString(r.rawID[:])
	r.Text = r.Name
	if r.Name == "" {
		r.Text = string(canonical(nil, map[string]any{r.kind: body}))
	}
}

// body is the rule with every default.
func (r *Rule) body() map[string]any {
	body := r.observer.tree()
	body["of"] = r.Field.String()
	if r.method != "" {
		body["method"] = r.method
	}
	if r.minSampleSize != nil {
		body["min_sample_size"] = float64(*r.minSampleSize)
	}
	return body
}

func (r *Rule) tree() map[string]any {
	t := map[string]any{"action": string(r.Action), r.kind: r.body()}
	if r.Name != "" {
		t["name"] = r.Name
	}
	return t
}

// applies says whether the rule can judge the event (step 1 of judging), and the number that it judges.
func (r *Rule) applies(e *Event) (float64, bool) {
	v := e.field(r.Field)
	if !v.OK || r.method != "" && string(e.Method) != r.method {
		return 0, false
	}
	if r.minSampleSize != nil && e.SampleSize.OK && e.SampleSize.V < *r.minSampleSize {
		return 0, false
	}
	return v.V, r.observer.valid(v.V)
}
