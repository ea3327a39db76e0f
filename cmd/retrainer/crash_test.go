package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/internal/sim"
)

// What the ledger's fold writes, and all that is published.
var (
	foldedTopics    = []string{"retrain.commands", "retrain.decisions", "retrain.results", "retrain.models", "retrain.policy"}
	publishedTopics = append([]string{"retrain.ledger", "retrain.dlq"}, foldedTopics...)
)

// recordTime and aTime are moments as people and JSON write them: the one thing in which two lives differ.
var (
	recordPlace = regexp.MustCompile(`"offset":\d+,"timestamp":"[^"]*",`)
	aTime       = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ][0-9:.]+Z?|\d\d:\d\d:\d\d`)
	eventsTopic = regexp.MustCompile(`monitoring\.[a-z]+`)
)

// contents are the committed records of a topic, in order of each key, without their times and offsets, which aborted records
// and markers move. In the ledger a partition of events is a key: between them no order is promised. Of the ledger those are
// left out that change nothing: ticks, and a policy that a killed instance has proposed once more.
func contents(w *sim.World, topic string) published {
	all := published{}
	for p, records := range w.Committed(topic) {
		for _, r := range records {
			text := recordText(asRecord(topic, p, r), topic == "retrain.dlq")
			text = aTime.ReplaceAllString(recordPlace.ReplaceAllString(text, ""), "T")
			key := topic + " " + string(r.Key) + eventsTopic.FindString(text)
			again := strings.Contains(text, `"io.visutility.Policy"`) && slices.Contains(all[key], text)
			if !again && !strings.Contains(text, `"io.visutility.Tick"`) {
				all[key] = append(all[key], text)
			}
		}
	}
	return all
}

func asRecord(topic string, partition int, r *kgo.Record) *record.Record {
	rec := &record.Record{Topic: topic, Partition: int32(partition), Offset: r.Offset, Time: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		rec.Headers = append(rec.Headers, record.Header{Key: h.Key, Value: h.Value})
	}
	return rec
}

// published is what a life has said, by topic and key.
type published map[string][]string

func publishedBy(w *sim.World) published {
	all := published{}
	for _, topic := range publishedTopics {
		maps.Copy(all, contents(w, topic))
	}
	return all
}

func (p published) equal(want published) error {
	keys := published{}
	maps.Copy(keys, p)
	maps.Copy(keys, want)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		got, want := p[key], want[key]
		for i := range max(len(got), len(want)) {
			switch {
			case i >= len(got):
				return fmt.Errorf("%s has %d records of %d: the next would be\n%s", key, len(got), len(want), want[i])
			case i >= len(want):
				return fmt.Errorf("%s has %d records, %d are right; too many is\n%s", key, len(got), len(want), got[i])
			case got[i] != want[i]:
				return fmt.Errorf("%s, record %d:\n%swant\n%s", key, i, got[i], want[i])
			}
		}
	}
	return nil
}

// foldedAgain folds the committed ledger from its start: what it says, to the byte and with all times, is what was published.
func foldedAgain(w *sim.World) error {
	h, want := handlers.NewLedger(handlers.Settings{App: "retrain"}), map[string][]record.Output{}
	for _, r := range w.Committed("retrain.ledger")[0] {
		out, err := h.Fold(asRecord("retrain.ledger", 0, r), nil)
		if err != nil {
			return err
		}
		for _, o := range out {
			where := o.Topic + " " + string(o.Key) // in order of each key
			want[where] = append(want[where], o)
		}
	}
	for _, topic := range foldedTopics {
		for p, records := range w.Committed(topic) {
			for _, r := range records {
				where, got := topic+" "+string(r.Key), asRecord(topic, p, r)
				if len(want[where]) == 0 || !sameRecord(&want[where][0], got) {
					return fmt.Errorf("the fold of the ledger does not say\n%s", recordText(got, false))
				}
				want[where] = want[where][1:]
			}
		}
	}
	for where, rest := range want {
		if len(rest) > 0 {
			return fmt.Errorf("%s: the fold of the ledger says %d more", where, len(rest))
		}
	}
	return nil
}

func sameRecord(o *record.Output, r *record.Record) bool {
	return bytes.Equal(o.Value, r.Value) && slices.EqualFunc(o.Headers, r.Headers, func(a, b record.Header) bool {
		return a.Key == b.Key && bytes.Equal(a.Value, b.Value)
	})
}

// occurs are what a life must have said for its crashes to mean anything.
var occurs = map[string][]string{
	"retrain.ledger":    {`"firing"`, `"resolved_by":"recovered"`, `"resolved_by":"rule_removed"`, `"verb":"trigger"`, `"kind":"succeeded"`, `"kind":"failed"`},
	"retrain.commands":  {`"action":"soft"`, `"action":"full"`},
	"retrain.decisions": {`"alert"`, `"requested"`, `"in_flight"`, `"undeployed"`, `"cooldown"`, `"quiet"`},
	"retrain.results":   {`"state":"succeeded"`, `"state":"failed"`},
	"retrain.models":    {`"phase":"training"`, `"phase":"cooling"`, `"phase":"quiet"`},
	"retrain.policy":    {`"revision":1`, `"revision":2`},
	"retrain.dlq":       {"framing"},
}

func (p published) complete() error {
	for topic, texts := range occurs {
		var all strings.Builder
		for key, records := range p {
			if strings.HasPrefix(key, topic+" ") {
				all.WriteString(strings.Join(records, ""))
			}
		}
		for _, text := range texts {
			if !strings.Contains(all.String(), text) {
				return fmt.Errorf("a life without crashes has no %s in %s", text, topic)
			}
		}
	}
	return nil
}

// sampled picks every so-many-th request of a kind and transactional id, each beginning at another place; of those that move
// nothing (fetches, heartbeats) ten times fewer. RETRAINER_CRASHES=all picks all.
func sampled(step int) sim.Match {
	if os.Getenv("RETRAINER_CRASHES") == "all" {
		return func(*sim.Exchange) bool { return true }
	}
	seen := map[string]int{}
	return func(x *sim.Exchange) bool {
		step, class := step, x.Key.Name()+" "+x.TxnID()
		if x.TxnID() == "" {
			step *= 10
		}
		if _, known := seen[class]; !known {
			seen[class] = len(seen) % step
		}
		seen[class]++
		return seen[class]%step == 0
	}
}

// crashes lets instance a, static by id or dynamic, die at requests of its first life. What the group has said at the end is
// what it says without a crash, each record once, and what the committed ledger folds to.
func crashes(t *testing.T, id string, step int) {
	var undisturbed published
	sim.Wherever(t, "a.1", sampled(step), sim.Crashes(3*time.Second), func(t *testing.T, faults sim.Faults) (sim.Exchanges, error) {
		return live(t, id, faults, func(w *sim.World) error {
			got := publishedBy(w)
			if err := foldedAgain(w); err != nil {
				return err
			}
			if undisturbed == nil {
				undisturbed = got
				return got.complete()
			}
			return got.equal(undisturbed)
		})
	})
}

func TestTheServiceCrashedAtEveryRequestStatic(t *testing.T) { crashes(t, "a", 8) }

func TestTheServiceCrashedAtEveryRequestDynamic(t *testing.T) { crashes(t, "", 18) }

func recordText(r *record.Record, whole bool) string {
	name, value, _ := decode(r.Value)
	return string(appendRecord(nil, r, name, value, whole))
}
