package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// policy is a normalised policy as it stands in the ledger: canonical JSON, every default written out, durations in ms.
type policy struct {
	Revision    int64     `json:"revision"`
	Bind        []binding `json:"bind"`
	BindDefault []string  `json:"bind_default"`
	Observe     []observe `json:"observe"`
	Models      []control `json:"models"`
	Defaults    control   `json:"defaults"`
	MaxEventAge int64     `json:"max_event_age"`
	ResendDelay int64     `json:"resend_delay"`
	SourceTTL   int64     `json:"source_ttl"`

	cache map[string][]*rule // rules by what they were asked for
}

type binding struct {
	Stream string   `json:"stream"`
	Models []string `json:"models"`
}

type observe struct {
	On    string `json:"on"`
	Match struct {
		Stream, Model *string
	} `json:"match"`
	Rules []json.RawMessage `json:"rules"`
	rules []*rule
}

type control struct {
	Match struct {
		Model string `json:"model"`
	} `json:"match"`
	Cooldown     int64 `json:"cooldown"`
	DeployWithin int64 `json:"deploy_within"`
	Train        train `json:"train"`
}

type train struct {
	Modality   string                                `json:"modality"`
	StartBy    int64                                 `json:"start_by"`
	MaxRuntime int64                                 `json:"max_runtime"`
	Dataset    *string                               `json:"dataset"`
	Tuner      string                                `json:"tuner"`
	Trials     int                                   `json:"trials"`
	Objective  *struct{ Metric, Goal string }        `json:"objective"`
	Space      map[string]map[string]json.RawMessage `json:"space"`
}

// rule judges a source by values of one field.
type rule struct {
	id, text, action, kind string
	settings
}

// settings are those of all kinds of rules together.
type settings struct {
	Of            string   `json:"of"`
	Method        *string  `json:"method"`
	MinSampleSize int64    `json:"min_sample_size"`
	Below         *float64 `json:"below"`
	Above         *float64 `json:"above"`
	Clear         float64  `json:"clear"`
	MinChecks     int      `json:"min_checks"`
	K             int      `json:"k"`
	N             int      `json:"n"`
	Scale         string   `json:"scale"`
	Worse         string   `json:"worse"`
	Warmup        int      `json:"warmup"`
	Delta         float64  `json:"delta"`
	Votes         float64  `json:"votes"`
	ARL           float64  `json:"arl"`
}

func readPolicy(text []byte) (*policy, error) {
	p := &policy{cache: map[string][]*rule{}}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	for i := range p.Observe {
		o := &p.Observe[i]
		for _, raw := range o.Rules {
			r, err := readRule(o.On, raw)
			if err != nil {
				return nil, fmt.Errorf("policy: rule %s: %w", raw, err)
			}
			o.rules = append(o.rules, r)
		}
	}
	return p, nil
}

// readRule takes the kind's own text as it stands: in canonical JSON it is canonical itself. rule_id is the first 12 hex
// digits of SHA-256 over {"action","on","<kind>"} in order of the names.
func readRule(on string, raw json.RawMessage) (*rule, error) {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, err
	}
	r := &rule{}
	if err := json.Unmarshal(parts["action"], &r.action); err != nil {
		return nil, err
	}
	for _, kind := range []string{"cusum", "sustained", "threshold"} {
		body, ok := parts[kind]
		if !ok {
			continue
		}
		fields := map[string]string{"action": string(parts["action"]), "on": quote(on), kind: string(body)}
		var members []string
		for _, name := range sorted(fields) {
			members = append(members, quote(name)+":"+fields[name])
		}
		sum := sha256.Sum256([]byte("{" + strings.Join(members, ",") + "}"))
		r.id, r.text, r.kind = hex.EncodeToString(sum[:])[:12], "{"+quote(kind)+":"+string(body)+"}", kind
		if err := json.Unmarshal(body, &r.settings); err != nil {
			return nil, err
		}
	}
	if r.kind == "" {
		return nil, errors.New("it is of no kind that is known here")
	}
	if name, ok := parts["name"]; ok {
		return r, json.Unmarshal(name, &r.text)
	}
	return r, nil
}

// rules are those that the policy gives to a source: of the first line that matches.
func (p *policy) rules(on string, stream, model any) []*rule {
	key := fmt.Sprintf("%q %q %q", on, stream, model)
	if r, ok := p.cache[key]; ok {
		return r
	}
	var found []*rule
	for _, o := range p.Observe {
		if o.On == on && (o.Match.Stream == nil || like(*o.Match.Stream, stream)) && (o.Match.Model == nil || like(*o.Match.Model, model)) {
			found = o.rules
			break
		}
	}
	p.cache[key] = found
	return found
}

// gives says whether the policy gives an alert's rule to its source.
func (p *policy) gives(a map[string]any) bool {
	return slices.ContainsFunc(p.rules(a["on"].(string), a["stream"], a["model"]), func(r *rule) bool { return r.id == a["rule_id"] })
}

// models that an alert concerns: of its bind lines, else the one that its event names, else bind_default.
func (p *policy) models(a map[string]any) []string {
	stream, _ := a["stream"].(string)
	var names []string
	for _, b := range p.Bind {
		if like(b.Stream, a["stream"]) {
			names = append(names, b.Models...)
		}
	}
	if len(names) == 0 {
		if model, ok := a["model"].(string); ok {
			return []string{model}
		}
		names = p.BindDefault
	}
	found := map[string]bool{}
	for _, n := range names {
		found[strings.ReplaceAll(n, "{stream}", stream)] = true
	}
	return sorted(found)
}

func (p *policy) control(model string) *control {
	for i := range p.Models {
		if like(p.Models[i].Match.Model, model) {
			return &p.Models[i]
		}
	}
	return &p.Defaults
}

// like: `*` any run of characters, `?` one; a missing text is like nothing.
func like(pattern string, text any) bool {
	s, ok := text.(string)
	if !ok {
		return false
	}
	e := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile(`(?s)^` + e + `$`).MatchString(s)
}

var versioned = regexp.MustCompile(`(?s)^(.+)/(v[0-9]+(?:\.[0-9]+)*)$`)

// splitModel takes name and version of a model_id apart; nil: no version.
func splitModel(id string) (name string, version any) {
	if m := versioned.FindStringSubmatch(id); m != nil {
		return m[1], m[2]
	}
	return id, nil
}
