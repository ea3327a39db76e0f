package retrain

import (
	"testing"

	"pgregory.net/rapid"
)

const (
	minute = 60 * second
	t0     = int64(1_772_323_200_000) // 2026-03-01
)

// Policies of random histories: rules of every kind, lines by stream and model, short times.
var policyTexts = []string{
	`{"observe":[
	 {"on":"drift","match":{"stream":"cam-9*"},"rules":[{"sustained":{"of":"p_value","below":0.01,"k":1,"n":1},"action":"soft"}]},
	 {"on":"drift","rules":[{"sustained":{"of":"p_value","below":0.01,"k":2,"n":3},"action":"full"},
	  {"cusum":{"of":"p_value","scale":"p","warmup":4,"votes":2,"arl":20},"action":"full"},
	  {"name":"t","threshold":{"of":"value","method":"ks","above":1,"clear":0.5,"min_sample_size":10},"action":"soft"}]},
	 {"on":"concept_drift","rules":[{"threshold":{"of":"kl_divergence","above":0.07},"action":"soft"}]},
	 {"on":"performance","rules":[{"threshold":{"of":"mAP_change","below":-0.05,"clear":-0.02},"action":"soft"},
	  {"cusum":{"of":"mAP_change","scale":"linear","worse":"down","warmup":3,"votes":1,"arl":10},"action":"soft"}]}]}`,
	`{"observe":[
	 {"on":"drift","rules":[{"sustained":{"of":"p_value","below":0.01,"k":2,"n":70},"action":"full"},
	  {"sustained":{"of":"p_value","below":0.01,"k":2,"n":3},"action":"full"}]},
	 {"on":"performance","match":{"model":"a*"},"rules":[{"name":"big","threshold":{"of":"mAP_change","below":-0.2},"action":"full"}]},
	 {"on":"performance","rules":[{"threshold":{"of":"mAP_change","below":-0.05,"clear":-0.02},"action":"soft"}]}],
	 "source_ttl":"1h","resend_delay":"1m","bind":[{"stream":"cam-*","models":["a","{stream}-m"]}],"defaults":{"cooldown":"2h"}}`,
	`{"observe":[{"on":"performance","rules":[]}],"source_ttl":"20m","resend_delay":"0s","bind_default":[],
	 "defaults":{"cooldown":"0s","deploy_within":"1h","train":{"tuner":"random","trials":3,"start_by":"1s"}}}`,
	`{"source_ttl":"2h","resend_delay":"0s","max_event_age":"10m",
	 "models":[{"match":{"model":"a*"},"cooldown":"1s","deploy_within":"0s","train":{"start_by":"1s","max_runtime":"10s"}}]}`,
}

// revision is one of the policies under a number.
func revision(t testing.TB, which int, number int32) *Policy {
	t.Helper()
	p, err := ParsePolicy([]byte(policyTexts[which]), "")
	if err != nil {
		t.Fatal(err)
	}
	p.Revision = number
	return p
}

// happening is a record of a partition, or a switch of its policy.
type happening struct {
	origin Origin
	event  *Event // nil: a dead letter
	policy *Policy
}

func drawHappenings(rt *rapid.T, t testing.TB, topic On, least, most int) []happening {
	now, list, number := t0, []happening{}, int32(1)
	for i := range rapid.IntRange(least, most).Draw(rt, "records") {
		if rapid.IntRange(0, 19).Draw(rt, "switch") == 0 {
			number++
			list = append(list, happening{policy: revision(t, rapid.IntRange(0, len(policyTexts)-1).Draw(rt, "policy"), number)})
			continue
		}
		now += rapid.SampledFrom([]int64{0, 0, 1, second, minute, 11 * minute, hour, -2 * minute}).Draw(rt, "pause")
		h := happening{origin: Origin{"monitoring", 0, int64(i), now}}
		if rapid.IntRange(0, 19).Draw(rt, "dead") > 0 {
			h.event = drawEvent(rt, topic, now)
		}
		if n := len(list); n > 0 && rapid.IntRange(0, 9).Draw(rt, "again") == 0 {
			h.event = list[n-1].event
		}
		list = append(list, h)
	}
	return list
}

func drawText(rt *rapid.T, name string, values ...string) []byte {
	if s := rapid.SampledFrom(values).Draw(rt, name); s != "" {
		return []byte(s)
	}
	return nil
}

func drawNumber(rt *rapid.T, name string, values ...float64) Number {
	v := rapid.SampledFrom(values).Draw(rt, name)
	return Number{v, v != 99}
}

func drawEvent(rt *rapid.T, topic On, now int64) *Event {
	e := &Event{
		Timestamp: now + rapid.SampledFrom([]int64{0, 0, 0, -1, -minute, -3 * hour, 2 * minute, 27000 * day}).Draw(rt, "clock"),
		EventID:   drawText(rt, "id", "", "", "e1", "e2"), ModelVersion: drawText(rt, "version", "", "", "", "v2"),
		DataRef: drawText(rt, "data", "", "s3://d/1"),
	}
	if topic == OnPerformance {
		e.ModelID = drawText(rt, "model", "a/v1", "a/v1", "a/v2", "b", "a/v3")
		e.MAPChange = drawNumber(rt, "mAP", -0.3, -0.12, -0.06, -0.03, 0, 0.01)
		return e
	}
	e.Stream = drawText(rt, "stream", "cam-1", "cam-1", "cam-9", "")
	e.ModelID = drawText(rt, "model", "a/v1", "a/v2", "a")
	if e.Stream != nil && rapid.Bool().Draw(rt, "alone") {
		e.ModelID = nil
	}
	e.PValue = drawNumber(rt, "p", 0.0001, 0.0001, 0.3, 0.6, 0.9)
	e.KLDivergence = drawNumber(rt, "kl", 99, 0.01, 0.5)
	e.Method, e.Value = drawText(rt, "method", "", "ks"), drawNumber(rt, "value", 99, 0.7, 2.5)
	e.SampleSize = Whole{5, rapid.Bool().Draw(rt, "small")}
	return e
}
