package retrain

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// example is one case of testdata/rules: what goes in and what must come out.
type example struct {
	Name, Shows, Part, Kind string
	Policy, Input, Expected json.RawMessage
}

// examples runs f for every example of a part: the written ones, random histories that the reference has folded, and more
// such files where the environment names a pattern of them (RETRAINER_EXAMPLES).
func examples(t *testing.T, part string, f func(t *testing.T, x example)) {
	t.Helper()
	ran, patterns := 0, []string{"testdata/rules/*.json", "testdata/histories/*.json.gz"}
	if more := os.Getenv("RETRAINER_EXAMPLES"); more != "" {
		patterns = append(patterns, more)
	}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no examples in %s: %v", pattern, err)
		}
		for _, file := range files {
			var x example
			unmarshal(t, readFile(t, file), &x)
			if x.Part == part {
				ran++
				t.Run(x.Name, func(t *testing.T) { f(t, x) })
			}
		}
	}
	if ran == 0 {
		t.Fatalf("no example of %s", part)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil && strings.HasSuffix(name, ".gz") {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(text)); err == nil {
			text, err = io.ReadAll(z)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func unmarshal(t *testing.T, text []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
}

// tailed is a record as `tail` prints it.
type tailed struct {
	Topic, Timestamp, Schema, Reason string
	Partition                        int32
	Offset                           int64
	Value                            map[string]any
}

// fill sets the fields of a record from its JSON, by the names of their avro tags: times as RFC 3339, bytes in base64.
func fill(t *testing.T, v reflect.Value, value any) {
	t.Helper()
	if value == nil {
		v.SetZero()
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), value)
	case reflect.Struct:
		fields, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("%v is no %s", value, v.Type())
		}
		for i := range v.NumField() {
			fill(t, v.Field(i), fields[v.Type().Field(i).Tag.Get("avro")])
		}
	case reflect.Slice:
		if text, ok := value.(string); ok {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			v.SetBytes(b)
			return
		}
		list := value.([]any)
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i := range list {
			fill(t, v.Index(i), list[i])
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for k, x := range value.(map[string]any) {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(t, e, x)
			v.SetMapIndex(reflect.ValueOf(k), e)
		}
	case reflect.Int32, reflect.Int64:
		if text, ok := value.(string); ok {
			v.SetInt(millis(t, text))
			return
		}
		v.SetInt(int64(value.(float64)))
	case reflect.Float64:
		v.SetFloat(value.(float64))
	case reflect.Bool:
		v.SetBool(value.(bool))
	default:
		v.SetString(value.(string))
	}
}

func millis(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMilli()
}

// eventOf reads an event from its JSON.
func eventOf(t *testing.T, value map[string]any) *Event {
	t.Helper()
	text := func(name string) []byte {
		if s, ok := value[name].(string); ok {
			return []byte(s)
		}
		return nil
	}
	num := func(name string) Number {
		x, ok := value[name].(float64)
		return Number{x, ok}
	}
	whole := func(name string) Whole {
		x, ok := value[name].(float64)
		return Whole{int64(x), ok}
	}
	e := &Event{
		Stream: text("stream_id"), ModelID: text("model_id"), EventID: text("event_id"), ModelVersion: text("model_version"),
		Method: text("method"), DataRef: text("data_ref"), PValue: num("p_value"), KLDivergence: num("kl_divergence"),
		MAPChange: num("mAP_change"), Value: num("value"), SampleSize: whole("sample_size"),
		Timestamp: millis(t, value["timestamp"].(string)),
	}
	if labels, ok := value["labels"].(map[string]any); ok {
		e.Labels = 1
		for k, v := range labels {
			e.Labels = MarkLabel(e.Labels, []byte(k), []byte(v.(string)))
		}
	}
	return e
}

// step takes one record of a partition as a handler does.
func step(t *testing.T, s *Sources, r tailed) (alerts []*Alert, outcome string) {
	t.Helper()
	if strings.HasSuffix(r.Schema, ".Policy") {
		var entry PolicyEntry
		fill(t, reflect.ValueOf(&entry).Elem(), r.Value)
		p, err := ReadPolicy(entry.Policy)
		if err != nil {
			t.Fatal(err)
		}
		return s.Switch(p, nil), ""
	}
	at := millis(t, r.Timestamp)
	alerts = s.Pass(at, nil)
	if r.Reason != "" {
		return alerts, "dead_letter " + r.Reason
	}
	if r.Value == nil {
		return alerts, "dead_letter tombstone"
	}
	e := eventOf(t, r.Value)
	if bad := e.Check(); bad != nil {
		return alerts, "dead_letter " + bad.Reason
	}
	alerts, o := s.Fold(&Origin{r.Topic, r.Partition, r.Offset, at}, e, alerts)
	return alerts, o.String()
}

func TestEventsOfTheReferenceGiveItsAlerts(t *testing.T) {
	examples(t, "events", func(t *testing.T, x example) {
		var input []tailed
		var expected struct {
			Alerts   []map[string]any
			Outcomes [][]any
		}
		unmarshal(t, x.Input, &input)
		unmarshal(t, x.Expected, &expected)
		topic := OnDrift
		if x.Kind == "performance" {
			topic = OnPerformance
		}
		s, p := NewSources(topic), policyOf(t, x.Policy)
		if err := s.Use(p); err != nil {
			t.Fatal(err)
		}
		var alerts []*Alert
		var outcomes [][]any
		for _, r := range input {
			out, outcome := step(t, s, r)
			alerts = append(alerts, out...)
			if outcome != "" {
				outcomes = append(outcomes, []any{r.Topic, float64(r.Partition), float64(r.Offset), outcome})
			}
		}
		if !reflect.DeepEqual(outcomes, expected.Outcomes) {
			t.Errorf("outcomes\n%v\nexpected\n%v", outcomes, expected.Outcomes)
		}
		if len(alerts) != len(expected.Alerts) {
			t.Fatalf("%d alerts, expected %d", len(alerts), len(expected.Alerts))
		}
		for i, a := range alerts {
			var want Alert
			fill(t, reflect.ValueOf(&want).Elem(), expected.Alerts[i])
			if !reflect.DeepEqual(*a, want) {
				t.Errorf("alert %d\n%s\nexpected\n%s", i, shown(a), shown(&want))
			}
		}
	})
}

func shown(v any) []byte {
	text, _ := json.Marshal(v)
	return text
}

func policyOf(t *testing.T, text json.RawMessage) *Policy {
	t.Helper()
	p, err := ParsePolicy(text, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPoliciesOfTheReferenceNormaliseTheSame(t *testing.T) {
	examples(t, "policy", func(t *testing.T, x example) {
		var expected struct {
			Normalised string
			Error      string
			Rules      []struct {
				On   On
				ID   string `json:"rule_id"`
				Rule string
			}
		}
		unmarshal(t, x.Expected, &expected)
		p, err := ParsePolicy(x.Input, "")
		if expected.Error != "" {
			if err == nil {
				t.Fatalf("no error, expected like %s", expected.Error)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := string(p.Canonical()); got != expected.Normalised {
			t.Errorf("normal form\n%s\nexpected\n%s", got, expected.Normalised)
		}
		for i, r := range p.rules() {
			if want := expected.Rules[i]; r.On != want.On || r.ID != want.ID || r.Text != want.Rule {
				t.Errorf("rule %d: %s %s %s, expected %v", i, r.On, r.ID, r.Text, want)
			}
		}
		again, err := ReadPolicy(p.Canonical())
		if err != nil || !bytes.Equal(again.Canonical(), p.Canonical()) {
			t.Errorf("reading the normal form: %v", err)
		}
	})
}
