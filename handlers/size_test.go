package handlers

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
)

// largest is what a topic takes of a record unless it is told otherwise, less the batch around it.
const largest = 1<<20 - 512

func sizeOfOutput(o *record.Output) int {
	n := len(o.Key) + len(o.Value) + 32
	for _, h := range o.Headers {
		n += len(h.Key) + len(h.Value) + 10
	}
	return n
}

// fits fails for a record that no topic takes, published or in a checkpoint.
func (w *world) fits(what string) {
	w.t.Helper()
	for i := range w.out {
		o := &w.out[i]
		if n := sizeOfOutput(o); n > largest {
			w.t.Errorf("%s: a record of %s has %d bytes", what, o.Topic, n)
		}
	}
	w.out = nil
	for _, h := range []record.Handler{w.events, w.ledger} {
		h.Snapshot(true, func(key, value []byte) {
			if n := len(key) + len(value) + 32; n > largest {
				w.t.Errorf("%s: the key %.80q of a checkpoint has %d bytes", what, key, n)
			}
		})
	}
}

func long(prefix string, n int) string { return prefix + strings.Repeat("x", n-len(prefix)) }

// huge is what an event may hold at most in its texts.
func huge(stream *string, model string, i int) *driftEvent {
	return &driftEvent{StreamID: stream, ModelID: &model, PValue: new(0.001), Timestamp: moment + int64(i), EventID: new(long(fmt.Sprint(i), 512)),
		ModelVersion: new(long(fmt.Sprint("v", i), 512)), DataRef: new(long("s3://", 256<<10)), Labels: map[string]string{"x": long("", 300<<10)}}
}

func TestASourceWithLargeReferencesFitsIntoItsCheckpoint(t *testing.T) {
	rules := make([]string, 30)
	for i := range rules {
		rules[i] = fmt.Sprintf(`{"threshold":{"of":"p_value","below":0.%02d},"action":"full"}`, i+1)
	}
	w := newWorld(t, NewDrift(Settings{App: "retrain"}), `{"observe":[{"on":"drift","rules":[`+strings.Join(rules, ",")+`]}]}`)
	stream := long("cam-", 512)
	for i := range 6 { // from the third on a version takes the place of another
		e := huge(&stream, long("m", 512), i)
		if i > 2 {
			e.DataRef = new(long("s3://", 4<<10)) // so much a source keeps
		}
		w.send("d", moment+int64(i), encoded(t, driftCodec, e))
		w.fits("large references")
	}
	at := int64(moment + 6)
	e := huge(&stream, "m", 6)
	e.DataRef = new(long("s3://", 256<<10+1))
	out, err := w.events.Fold(w.record("d", at, encoded(t, driftCodec, e)), nil)
	var dead *record.Dead
	if len(out) > 0 || !errors.As(err, &dead) || dead.Reason != "invalid_value" || !strings.Contains(dead.Message, "data_ref has 262145 bytes, at most 262144") {
		t.Errorf("%d outputs, %v", len(out), err)
	}
}

// breach is the alert of a stream, given to the ledger as its handler writes it.
func breach(t *testing.T, i int, dataRef *string) []byte {
	at := moment + int64(i)
	return encoded(t, AlertCodec, &retrain.Alert{State: retrain.Firing, AlertID: fmt.Sprintf("%032d", i), Stream: new(long(fmt.Sprint("cam-", i), 512)),
		On: retrain.OnDrift, RuleID: "32c67b85433d", Rule: "r", Action: retrain.FullRetrain, Field: "p_value", Value: new(0.001), EventTime: at,
		EventID: long(fmt.Sprint("e", i), 512), DataRef: dataRef, Topic: "monitoring.drift", Offset: int64(i)})
}

func TestThousandsOfAlertsOfOneModelFitIntoItsRecords(t *testing.T) {
	const alerts = 2000
	w := newWorld(t, NewDrift(Settings{App: "retrain"}), `{"bind":[{"stream":"*","models":["m"]}],"defaults":{"cooldown":"1h"}}`)
	w.append(moment, breach(t, 0, nil))
	first := decoded(t, CommandCodec, w.take("retrain.commands")[0].Value)
	for i := range alerts {
		ref := long("s3://", 20)
		if i == alerts-1 {
			ref = long("s3://", 256<<10)
		}
		w.append(moment+int64(i), breach(t, i, &ref))
		if i%500 == 499 {
			w.fits(fmt.Sprint(i+1, " alerts"))
		}
	}
	w.append(moment+alerts, encoded(t, ProgressCodec, &retrain.Progress{CommandID: first.CommandID, Kind: retrain.Failed}))
	w.append(moment+alerts+3_600_000, TickValue())
	commands := w.take("retrain.commands")
	if len(commands) != 1 || sizeOfOutput(&commands[0]) > largest {
		t.Fatalf("%d commands", len(commands))
	}
	c := decoded(t, CommandCodec, commands[0].Value)
	if n := len(c.Evidence); n < 200 || n == alerts || len(*c.Dataset) != 256<<10 || !strings.Contains(c.Explanation, fmt.Sprint("and ", alerts-1, " more alerts")) {
		t.Errorf("%d alerts for evidence, a dataset of %d bytes, %s", n, len(*c.Dataset), c.Explanation)
	}
	w.fits("the command of all")
	w.append(moment+alerts+3_600_001, TickValue())
	if len(w.out) > 0 {
		t.Errorf("the command answers all of its alerts, but %d records follow", len(w.out))
	}
}

// forward has a topic's handler take a value, and the ledger what it makes of it.
func (w *world) forward(h *Forward, at int64, value []byte) {
	w.t.Helper()
	out, err := h.Fold(&record.Record{Time: at, Value: value}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, o := range out {
		if n := sizeOfOutput(&o); n > largest {
			w.t.Errorf("an entry of %d bytes", n)
		}
		w.append(at, o.Value)
	}
}

func TestWhatTrainersAndPeopleSayFitsIntoTheRecordsOfTheirModel(t *testing.T) {
	w := newWorld(t, NewDrift(Settings{App: "retrain"}), `{"defaults":{"cooldown":"0s","deploy_within":"0s"}}`)
	progress, requests := NewProgress(Settings{App: "retrain"}), NewRequests(Settings{App: "retrain"})
	model, metrics := long("m", 512), map[string]float64{}
	for i := range 250 {
		metrics[long(fmt.Sprint(i), 1000)] = 0.5
	}
	for i := range 100 {
		at := moment + int64(i)*1000
		trigger := &retrain.Request{RequestID: fmt.Sprint(i), Verb: retrain.Trigger, Model: model, Action: new(retrain.SoftRetrain), Create: true,
			Author: long("ann", 1<<17), Comment: strings.Repeat("\x00", 1<<17)}
		value, err := RequestValue(trigger)
		if err != nil {
			t.Fatal(err)
		}
		w.forward(requests, at, value)
		c := decoded(t, CommandCodec, w.take("retrain.commands")[0].Value)
		w.forward(requests, at, value) // refused
		p := &retrain.Progress{CommandID: c.CommandID, Kind: retrain.Succeeded, NewVersion: new(long(fmt.Sprint("v", i), 512)), Metrics: metrics,
			Worker: new(long("w", 1<<17)), ErrorCode: new(long("e", 1<<17)), ErrorMessage: new(long("e", 1<<17)), At: at}
		w.forward(progress, at+1, encoded(t, ProgressCodec, p))
		r := decoded(t, ResultCodec, w.take("retrain.results")[0].Value)
		if n := len(*r.Worker) + len(*r.ErrorCode); n > 1100 || len(*r.ErrorMessage) > 33<<10 {
			t.Fatalf("worker and error_code of %d bytes, error_message of %d", n, len(*r.ErrorMessage))
		}
		if i%10 == 9 {
			w.fits(fmt.Sprint(i+1, " versions"))
		}
	}
	metrics[long("more", 8000)] = 0.5
	dead := fold(t, progress, encoded(t, ProgressCodec, &retrain.Progress{CommandID: "c", Kind: retrain.Succeeded, Metrics: metrics}))
	if dead == nil || dead.Reason != "oversized" {
		t.Errorf("%v", dead)
	}
}

func TestThousandsOfModelsOfOneStreamFitIntoItsRecords(t *testing.T) {
	const models = 2000
	names := make([]string, models)
	for i := range names {
		names[i] = fmt.Sprintf(`"model-%06d"`, i)
	}
	w := newWorld(t, NewDrift(Settings{App: "retrain"}), `{"bind":[{"stream":"*","models":[`+strings.Join(names, ",")+`]}]}`)
	w.append(moment, breach(t, 0, nil))
	if n := len(w.take("retrain.commands")); n != models {
		t.Errorf("%d commands", n)
	}
	w.fits("models")
}
