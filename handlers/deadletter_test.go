package handlers

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

func drift(t testing.TB, spoil func(e *driftEvent)) []byte {
	e := &driftEvent{StreamID: new("cam-1"), PValue: new(0.5), Timestamp: moment}
	spoil(e)
	return encoded(t, driftCodec, e)
}

// fold gives the dead letter of a value; nil: it was taken.
func fold(t *testing.T, h record.Handler, value []byte) *record.Dead {
	t.Helper()
	out, err := h.Fold(&record.Record{Topic: "t", Time: moment, Value: value}, nil)
	if err == nil {
		return nil
	}
	var dead *record.Dead
	if !errors.As(err, &dead) {
		t.Fatalf("not a dead letter: %v", err)
	}
	if len(out) > 0 {
		t.Errorf("%d outputs beside the dead letter", len(out))
	}
	if !slices.Contains(DeadLetterReasons(), dead.Reason) {
		t.Errorf("reason %s is not known beforehand", dead.Reason)
	}
	if dead.Message == "" || dead.Stage == "" {
		t.Errorf("a dead letter without message or stage: %+v", dead)
	}
	return dead
}

func TestEveryReasonOfADeadLetterOfAnEvent(t *testing.T) {
	_, revision := policy(t, `{}`)
	h := NewDrift(Settings{App: "retrain", MaxEventBytes: 300})
	if err := h.Use(revision); err != nil {
		t.Fatal(err)
	}
	good := drift(t, func(e *driftEvent) {})
	ours := strings.ToLower(hexFingerprint(driftCodec.Schema()))
	foreign, err := schemas.Parse(`{"type":"record","name":"Other","fields":[{"name":"stream_id","type":"string"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		value                     []byte
		reason, schemaID, message string
	}{
		"fine":                          {good, "", "", ""},
		"no value":                      {nil, "tombstone", "", "no value"},
		"empty":                         {[]byte{}, "framing", "", "empty"},
		"JSON":                          {[]byte(`{"stream_id":"cam-1"}`), "framing", "", "JSON"},
		"Confluent's":                   {[]byte{0, 0, 0, 0, 7, 2, 2}, "framing", "7", "schema id 7"},
		"schema id 0":                   {[]byte{0, 0, 0, 0, 0, 2, 2}, "framing", "0", "wrong wire setting"},
		"cut in the header":             {good[:6], "framing", "", "header"},
		"another's fingerprint":         {schemas.AppendHeader(nil, foreign.Fingerprint()), "schema_unknown", hexFingerprint(foreign), "no schema known"},
		"a Tick":                        {TickValue(), "schema_incompatible", hexFingerprint(tickCodec.Schema()), "timestamp"},
		"cut":                           {good[:len(good)-1], "malformed", ours, "at byte"},
		"a byte too many":               {append(append([]byte{}, good...), 0), "malformed", ours, "at byte"},
		"a length past the end":         {append(append([]byte{}, good[:10]...), 2, 0xfe, 0xff, 0xff, 0xff, 0x0f), "malformed", ours, "stream_id"},
		"too large":                     {drift(t, func(e *driftEvent) { e.DataRef = new(strings.Repeat("x", 400)) }), "oversized", ours, "at most 300"},
		"too large and malformed":       {append(drift(t, func(e *driftEvent) { e.DataRef = new(strings.Repeat("x", 400)) }), 0), "malformed", ours, ""},
		"too large and not finite":      {drift(t, func(e *driftEvent) { e.DataRef, e.PValue = new(strings.Repeat("x", 400)), new(math.NaN()) }), "oversized", ours, ""},
		"NaN":                           {drift(t, func(e *driftEvent) { e.PValue = new(math.NaN()) }), "invalid_value", ours, "p_value"},
		"p above 1":                     {drift(t, func(e *driftEvent) { e.PValue = new(1.1) }), "invalid_value", ours, "p_value is 1.1"},
		"before 2000":                   {drift(t, func(e *driftEvent) { e.Timestamp = moment / 1000 }), "invalid_value", ours, "timestamp"},
		"empty id":                      {drift(t, func(e *driftEvent) { e.EventID = new("") }), "invalid_value", ours, "event_id"},
		"no number":                     {drift(t, func(e *driftEvent) { e.PValue = nil }), "no_value", ours, "none of"},
		"neither stream nor model":      {drift(t, func(e *driftEvent) { e.StreamID = nil }), "no_source", ours, "neither"},
		"neither source nor number":     {drift(t, func(e *driftEvent) { e.StreamID, e.PValue = nil, nil }), "no_value", ours, ""},
		"an event of the other topic":   {encoded(t, performanceCodec, &performanceEvent{ModelID: "m", MAPChange: new(-0.1), Timestamp: moment}), "no_value", hexFingerprint(performanceCodec.Schema()), ""},
		"a producer's own, not finite":  {drift(t, func(e *driftEvent) { e.Value = new(math.Inf(1)) }), "invalid_value", ours, "value is +Inf"},
		"control character in a stream": {drift(t, func(e *driftEvent) { e.StreamID = new("cam\x00") }), "invalid_value", ours, "control character"},
	} {
		dead := fold(t, h, x.value)
		if x.reason == "" {
			if dead != nil {
				t.Errorf("%s: %v", name, dead)
			}
			continue
		}
		if dead == nil || dead.Reason != x.reason || dead.SchemaID != x.schemaID || !strings.Contains(dead.Message, x.message) {
			t.Errorf("%s: %+v\nexpected %s, %q, ...%s", name, dead, x.reason, x.schemaID, x.message)
		}
		if settings := []string{"framing", "schema_unknown", "oversized"}; dead.Outside != slices.Contains(settings, x.reason) {
			t.Errorf("%s: outside is %v: it says whether a replay with other settings might fold the record", name, dead.Outside)
		}
	}
	alone := NewDrift(Settings{})
	if err := alone.Use(revision); err != nil {
		t.Fatal(err)
	}
	fold(t, alone, good)
	if got, want := keysOf(h), keysOf(alone); len(want) == 0 || got != want {
		t.Errorf("dead letters left a trace:\n%s\nof the good event alone:\n%s", got, want)
	}
}

// keysOf prints the keys of a handler's checkpoint.
func keysOf(h record.Handler) string {
	var lines []string
	h.Snapshot(true, func(key, value []byte) { lines = append(lines, fmt.Sprintf("%q %x", key, value)) })
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func hexFingerprint(s *schemas.Schema) string {
	return schemas.Ref{Kind: schemas.RefFingerprint, Fingerprint: s.Fingerprint()}.String()
}

func TestADeadLetterLetsTimePass(t *testing.T) {
	_, revision := policy(t, `{"source_ttl":"1h"}`)
	h := NewPerformance(Settings{App: "retrain"})
	if err := h.Use(revision); err != nil {
		t.Fatal(err)
	}
	breach := encoded(t, performanceCodec, &performanceEvent{ModelID: "m/v1", MAPChange: new(-0.1), Timestamp: moment})
	if out, err := h.Fold(&record.Record{Topic: "p", Time: moment, Value: breach}, nil); err != nil || len(out) != 1 {
		t.Fatalf("%d outputs, %v", len(out), err)
	}
	out, err := h.Fold(&record.Record{Topic: "p", Offset: 1, Time: moment + 3_600_001, Value: []byte("{")}, nil)
	var dead *record.Dead
	if !errors.As(err, &dead) || len(out) != 1 {
		t.Fatalf("%d outputs, %v", len(out), err)
	}
	if a := decoded(t, AlertCodec, out[0].Value); a.State != retrain.Resolved || *a.ResolvedBy != retrain.SourceGone {
		t.Errorf("%+v", a)
	}
	if out, err = h.Pass(&record.Record{Topic: "p", Offset: 2, Time: moment + 9_000_000}, nil); err != nil || len(out) != 0 {
		t.Errorf("passing over a record: %d outputs, %v", len(out), err)
	}
}

func TestEveryReasonOfADeadLetterOfProgress(t *testing.T) {
	h := NewProgress(Settings{App: "retrain"})
	progress := func(spoil func(p *retrain.Progress)) []byte {
		p := &retrain.Progress{CommandID: "c", Kind: retrain.Succeeded, Metrics: map[string]float64{"mAP": 0.7}, NewVersion: new("v6"), At: moment}
		spoil(p)
		return encoded(t, ProgressCodec, p)
	}
	good := progress(func(*retrain.Progress) {})
	for name, x := range map[string]struct {
		value  []byte
		reason string
	}{
		"fine":              {good, ""},
		"no value":          {nil, "tombstone"},
		"JSON":              {[]byte("{}"), "framing"},
		"another record":    {TickValue(), "schema_incompatible"},
		"cut":               {good[:len(good)-1], "malformed"},
		"no command":        {progress(func(p *retrain.Progress) { p.CommandID = "" }), "invalid_value"},
		"metric not finite": {progress(func(p *retrain.Progress) { p.Metrics["loss"] = math.Inf(1) }), "invalid_value"},
		"bad version":       {progress(func(p *retrain.Progress) { p.NewVersion = new("v\n6") }), "invalid_value"},
		"too much to keep":  {progress(func(p *retrain.Progress) { p.BestParams = map[string]string{"note": strings.Repeat("x", 256<<10)} }), "oversized"},
		"and not finite": {progress(func(p *retrain.Progress) {
			p.NewVersion, p.BestParams = new(""), map[string]string{"note": strings.Repeat("x", 256<<10)}
		}), "oversized"},
		"unknown kind":        {progress(func(p *retrain.Progress) { p.Kind = "unknown" }), "unknown_kind"},
		"unknown kind, no id": {progress(func(p *retrain.Progress) { p.Kind, p.CommandID = "unknown", "" }), "invalid_value"},
	} {
		switch dead := fold(t, h, x.value); {
		case x.reason == "" && dead != nil, x.reason != "" && (dead == nil || dead.Reason != x.reason):
			t.Errorf("%s: %+v, expected %s", name, dead, x.reason)
		}
	}
}

func TestEveryReasonOfADeadLetterOfARequest(t *testing.T) {
	h := NewRequests(Settings{App: "retrain"})
	request := func(spoil func(r *retrain.Request)) []byte {
		r := &retrain.Request{RequestID: "r", Verb: retrain.Trigger, Model: "m", Action: new(retrain.FullRetrain), Author: "ann", At: moment}
		spoil(r)
		value, err := RequestValue(r)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	good := request(func(*retrain.Request) {})
	for name, x := range map[string]struct {
		value  []byte
		reason string
	}{
		"fine":           {good, ""},
		"no value":       {nil, "tombstone"},
		"another record": {TickValue(), "schema_incompatible"},
		"too long":       {append(append([]byte{}, good...), 1), "malformed"},
		"no action":      {request(func(r *retrain.Request) { r.Action = nil }), "invalid_value"},
		"unknown action": {request(func(r *retrain.Request) { r.Action = new(retrain.RetrainAction("unknown")) }), "invalid_value"},
		"no model":       {request(func(r *retrain.Request) { r.Model = "" }), "invalid_value"},
		"no id":          {request(func(r *retrain.Request) { r.RequestID = "" }), "invalid_value"},
		"unknown verb":   {request(func(r *retrain.Request) { r.Verb = "unknown" }), "unknown_kind"},
	} {
		switch dead := fold(t, h, x.value); {
		case x.reason == "" && dead != nil, x.reason != "" && (dead == nil || dead.Reason != x.reason):
			t.Errorf("%s: %+v, expected %s", name, dead, x.reason)
		}
	}
	out, err := h.Fold(&record.Record{Value: good}, nil)
	if err != nil || len(out) != 1 || out[0].Topic != "retrain.ledger" || out[0].Key != nil {
		t.Fatalf("%v, %v", out, err)
	}
	if r := decoded(t, requestCodec, out[0].Value); r.Author != "ann" || *r.Action != retrain.FullRetrain {
		t.Errorf("forwarded: %+v", r)
	}
}

func TestALedgerWithWhatIsNoEntryStops(t *testing.T) {
	h := NewLedger(Settings{App: "retrain"})
	for name, value := range map[string][]byte{
		"no value":          nil,
		"JSON":              []byte("{}"),
		"another of ours":   encoded(t, ModelCodec, &retrain.Model{Phase: retrain.PhaseQuiet, Action: retrain.NoAction, Reason: retrain.ReasonQuiet}),
		"a later build's":   schemas.AppendHeader(nil, 42),
		"a cut entry":       TickValue()[:5],
		"a byte behind one": append(TickValue(), 0),
	} {
		_, err := h.Fold(&record.Record{Topic: "retrain.ledger", Time: moment, Value: value}, nil)
		var dead *record.Dead
		if err == nil || errors.As(err, &dead) || !strings.Contains(err.Error(), "no entry that this build knows") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Pass(&record.Record{}, nil); err == nil {
		t.Error("an entry is passed over")
	}
}

func TestAPanicIsNotSwallowed(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("folding without a policy must panic: whoever runs handlers draws the conclusion")
		}
	}()
	h := NewPerformance(Settings{App: "retrain"})
	_, _ = h.Fold(&record.Record{Time: moment, Value: []byte("{")}, nil)
}
