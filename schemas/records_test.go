package schemas

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The contract's records, in its notation: `?` is a union with null whose default is null, ts a long of timestamp-millis;
// each enum has `unknown` before what is written here, and as its default.
const contract = `
DriftEvent: stream_id string?, model_id string?, p_value double?, kl_divergence double?, timestamp ts, event_id string?, model_version string?, method string?, value double?, sample_size long?, window_start ts?, window_end ts?, data_ref string?, labels map<string>?
PerformanceEvent: model_id string, mAP_change double?, timestamp ts, event_id string?, model_version string?, method string?, value double?, sample_size long?, window_start ts?, window_end ts?, data_ref string?, labels map<string>?
Policy: revision int, policy bytes, ledger_id string, author string, activated_at ts?
Alert: state enum{firing, resolved}, alert_id string, stream string?, model string?, model_version string?, on enum{drift, concept_drift, performance}, rule_id string, rule string, action enum{soft, full}, field string, value double?, level double?, since ts?, event_id string, event_time ts, data_ref string?, policy_revision int, resolved_by enum{recovered, superseded, source_gone, rule_removed}?, topic string, partition int, offset long
Progress: command_id string, kind enum{started, progress, succeeded, failed}, worker string?, at ts, step long?, total long?, metrics map<double>?, best_params map<string>?, new_version string?, error_code string?, error_message string?, retryable boolean?
Request: request_id string, verb enum{trigger}, model string, action enum{soft, full}?, create boolean, author string, comment string, at ts
Tick:
Command: command_id string, kind enum{train}, claim enum{none}, action enum{soft, full}, model string, base_version string?, modality string, issued_at ts, start_by ts, max_runtime_ms long, dataset string?, drift_since ts?, tuner string, objective {metric string, goal enum{minimize, maximize}}?, space array<{name string, type enum{double, int, categorical, discrete}, low double?, high double?, log boolean, values array<string>}>, trials array<{number int, values map<string>}>, decision_id string, policy_revision int, explanation string, evidence array<EVIDENCE>
Decision: decision_id string, model string, model_version string?, decided_at ts, decision_number long, command_number long, action enum{none, soft, full}, reason REASON, explanation string, until ts?, blocked_by string?, request_id string?, command_id string?, policy_revision int, evidence array<EVIDENCE>
Result: command_id string, model string, action enum{soft, full}, base_version string?, new_version string?, state enum{succeeded, failed, expired, superseded}, late boolean, error_code string?, error_message string?, retryable boolean?, metrics map<double>, best_params map<string>, worker string?, issued_at ts, started_at ts?, finished_at ts
Model: name string, latest string?, phase enum{quiet, training, cooling}, action enum{none, soft, full}, reason REASON, until ts?, alerts array<EVIDENCE>, command_id string?, worker string?, decision_id string?, versions array<{version string, parent string?, command_id string?, action enum{soft, full}?, dataset string?, metrics map<double>, best_params map<string>, registered_at ts}>, updated_at ts
`

const contractEvidence = `{alert_id string, stream string?, model string?, model_version string?, on enum{drift, concept_drift, performance}, rule_id string, rule string, action enum{soft, full}, field string, value double?, level double?, since ts?, event_id string, event_time ts, topic string, partition int, offset long}`

const contractReason = `enum{alert, requested, quiet, stale, undeployed, in_flight, cooldown, unknown_model}`

func TestRecordsAreThoseOfTheContract(t *testing.T) {
	want := strings.NewReplacer("EVIDENCE", contractEvidence, "REASON", contractReason).Replace(strings.TrimSpace(contract))
	lines := strings.Split(want, "\n")
	if len(lines) != len(Own()) {
		t.Fatalf("%d records, want %d", len(Own()), len(lines))
	}
	for i, s := range Own() {
		r := avsc{t: t, named: map[string]any{}}
		fields := strings.TrimSuffix(strings.TrimPrefix(r.notation(r.load(s.Text())), "{"), "}")
		if got := strings.TrimSpace(strings.TrimPrefix(s.Name(), Namespace+".") + ": " + fields); got != lines[i] {
			t.Errorf("record is\n%s\nwant\n%s", got, lines[i])
		}
	}
}

func TestEachNameMeansTheSameInEverySchema(t *testing.T) {
	all := map[string]any{}
	for _, s := range Own() {
		r := avsc{t: t, named: map[string]any{}}
		r.notation(r.load(s.Text()))
		for name, def := range r.named {
			notation := (&avsc{t: t, named: r.named}).notation(def)
			if have, ok := all[name]; ok && have != notation {
				t.Errorf("%s is %s and, in %s, %s", name, have, s.Name(), notation)
			}
			all[name] = notation
		}
	}
}

// The files that docs are made of, and that a producer takes as they are, are the ones that are built in.
func TestEachSchemaHasItsFile(t *testing.T) {
	for _, s := range Own() {
		b, err := os.ReadFile(strings.TrimPrefix(s.Name(), Namespace+".") + ".avsc")
		if err != nil || string(b) != s.Text() {
			t.Errorf("file of %s: %v", s.Name(), err)
		}
	}
}

// avsc reads a schema's text without hamba and without our parser, and fails the test where a doc string is missing.
type avsc struct {
	t     *testing.T
	named map[string]any
}

func (r *avsc) load(text string) any {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		r.t.Fatal(err)
	}
	return v
}

func (r *avsc) notation(v any) string {
	switch v := v.(type) {
	case string:
		if def, ok := r.named[v]; ok {
			return r.notation(def)
		}
		return v
	case []any:
		if len(v) != 2 || v[0] != "null" {
			r.t.Errorf("union %v: want null and one type", v)
		}
		return r.notation(v[1]) + "?"
	}
	m := v.(map[string]any)
	if name, ok := m["name"].(string); ok {
		r.named[name] = m
		if doc, _ := m["doc"].(string); doc == "" {
			r.t.Errorf("%s has no doc string", name)
		}
	}
	switch m["type"] {
	case "array":
		return "array<" + r.notation(m["items"]) + ">"
	case "map":
		return "map<" + r.notation(m["values"]) + ">"
	case "enum":
		return r.enum(m)
	case "record":
		return r.record(m)
	}
	if reflect.DeepEqual(m, map[string]any{"type": "long", "logicalType": "timestamp-millis"}) {
		return "ts"
	}
	r.t.Errorf("type %v", m)
	return ""
}

func (r *avsc) enum(m map[string]any) string {
	var symbols []string
	for _, s := range m["symbols"].([]any) {
		symbols = append(symbols, s.(string))
	}
	if symbols[0] != "unknown" || m["default"] != "unknown" {
		r.t.Errorf("enum %v: first %s, default %v, want unknown", m["name"], symbols[0], m["default"])
	}
	return "enum{" + strings.Join(symbols[1:], ", ") + "}"
}

func (r *avsc) record(m map[string]any) string {
	var fields []string
	for _, f := range m["fields"].([]any) {
		f := f.(map[string]any)
		typ := r.notation(f["type"])
		def, hasDefault := f["default"]
		if hasDefault != strings.HasSuffix(typ, "?") || def != nil {
			r.t.Errorf("field %v.%v: default %v (there: %v)", m["name"], f["name"], def, hasDefault)
		}
		if doc, _ := f["doc"].(string); doc == "" {
			r.t.Errorf("field %v.%v has no doc string", m["name"], f["name"])
		}
		fields = append(fields, f["name"].(string)+" "+typ)
	}
	return "{" + strings.Join(fields, ", ") + "}"
}
