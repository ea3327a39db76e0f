package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// numbers of events, of which a rule judges one.
var numbers = []string{"p_value", "kl_divergence", "mAP_change", "value"}

// event decodes a record of a kind, or says why it cannot be used.
func (s *schemas) event(b []byte, kind string, most int) (e map[string]any, reason string) {
	if b == nil {
		return nil, "tombstone"
	}
	e, reason = s.open(b, "io.visutility."+kind)
	if reason != "" {
		return nil, reason
	}
	if len(b) > most {
		return nil, "oversized"
	}
	return e, unusable(e)
}

// unusable says why the values of an event make it a dead letter; empty: they do not.
func unusable(e map[string]any) (reason string) {
	none := true
	for _, f := range numbers {
		if v, ok := e[f].(float64); ok {
			none = false
			if math.IsNaN(v) || math.IsInf(v, 0) || f == "p_value" && (v < 0 || v > 1) || f == "kl_divergence" && v < 0 {
				return "invalid_value"
			}
		}
	}
	for _, f := range []string{"stream_id", "model_id", "event_id", "model_version"} {
		if v, ok := e[f].(string); ok && badID(v) {
			return "invalid_value"
		}
	}
	switch {
	case e["timestamp"].(int64) < time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli():
		return "invalid_value"
	case none:
		return "no_value"
	case e["stream_id"] == nil && e["model_id"] == nil:
		return "no_source"
	}
	return ""
}

func badID(id string) bool {
	return id == "" || len(id) > 512 || strings.ContainsFunc(id, func(c rune) bool { return c < 32 || c >= 127 && c < 160 })
}

// mark tells an event from its redelivery: by its event_id, without one by all its fields.
func mark(e map[string]any) string {
	if id, ok := e["event_id"].(string); ok {
		return "id " + id
	}
	var fields strings.Builder
	for _, name := range sorted(e) {
		v := e[name]
		if x, ok := v.(float64); ok {
			v = x + 0 // -0 is 0
		}
		fmt.Fprintf(&fields, "%s %v, ", name, v) // a map is printed in order of its keys
	}
	return fields.String()
}

// alertOf is what an alert takes from the event that it is about.
type alertOf struct {
	rec           *kgo.Record
	e             map[string]any
	stream, model any
	version       any
	on, mark      string
	time          int64
	revision      int64
}

func (a alertOf) alert(r *rule, v float64, state string, id, since, by any) map[string]any {
	level := any(nil)
	for _, l := range []*float64{r.Below, r.Above} {
		if l != nil {
			level = *l
		}
	}
	event := a.e["event_id"]
	if event == nil {
		event = place(a.rec.Topic, a.rec.Partition, a.rec.Offset)
	}
	return map[string]any{
		"state": state, "alert_id": id, "stream": a.stream, "model": a.model, "model_version": a.version, "on": a.on,
		"rule_id": r.id, "rule": r.text, "action": r.action, "field": r.Of, "value": v, "level": level, "since": since,
		"event_id": event, "event_time": a.time, "data_ref": a.e["data_ref"], "policy_revision": a.revision, "resolved_by": by,
		"topic": a.rec.Topic, "partition": int64(a.rec.Partition), "offset": a.rec.Offset,
	}
}

// id: first 16 bytes of SHA-256 over stream, model, version, rule_id, topic, partition, offset, each behind its length.
func (a alertOf) id(r *rule) string {
	h := sha256.New()
	for _, part := range []any{a.stream, a.model, a.version, r.id, a.rec.Topic, fmt.Sprint(a.rec.Partition), fmt.Sprint(a.rec.Offset)} {
		text, _ := part.(string)                                 // a missing one is empty
		_ = binary.Write(h, binary.BigEndian, uint32(len(text))) // a hash takes everything
		_, _ = h.Write([]byte(text))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
